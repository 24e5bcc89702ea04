"""A run that is written anew from what can be read of a damaged one."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from nas.run_directory import RunDirectory, create_run, open_for_reading
from results.database import OtherEnd
from results.spool import read_spool


def salvage_run(path: Path, out: Path) -> tuple[RunDirectory, int, str | None]:
    """Write the readable candidates of a run to a new one, with its id, which can be gone on with.

    Return the new run, the number of its candidates, and the line on the damage, if there is any.

    Raises:
        UserError: there is no run at ``path``, or ``out`` is not new or empty.
        RecordError: nothing can be read.
    """
    run, record = open_for_reading(path)
    with record:
        settings, candidates = record.settings(), record.candidates()
    salvaged = replace(create_run(out, None, "--salvage"), run_id=run.run_id)
    with salvaged.create_record(settings) as fresh:
        fresh.add(candidates)
        for candidate in read_spool(run.spool):
            with suppress(OtherEnd):
                fresh.finish(candidate)
        count = len(fresh.candidates())
    return salvaged, count, record.damage
