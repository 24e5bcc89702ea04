"""Run a search from its preparation to its last file, and say how to go on if it is cut short."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from nas import interrupts
from nas.errors import ClusterLost, DeviceLost, UserError
from nas.versions import check_ray

if TYPE_CHECKING:
    from nas.search.request import PreparedSearch
    from results.candidate import Candidate

_QUIET_PROFILER = ("KINETO_LOG_LEVEL", "99")  # which would write lines of its own between ours
PATIENCE_S = 1800.0  # for a record that cannot be written


def begin_in_process(workers: int | None, address: str | None, per_gpu: int | str | None) -> None:
    """Check that no option asks for what one process cannot do, and quiet torch's profiler.

    Call it before torch is imported.

    Raises:
        UserError: an option does.
    """
    if workers is not None and workers > 1:
        raise UserError(
            f"--workers: got {workers}, must be 1 with --in-process, which evaluates one candidate "
            "at a time"
        )
    if per_gpu not in (None, 1):
        raise UserError(f"--per-gpu: got {per_gpu}, must be 1 with --in-process")
    if address is not None:
        raise UserError("--address: not allowed together with --in-process, must be one of the two")
    os.environ.setdefault(*_QUIET_PROFILER)


def conduct(
    prepare: Callable[[], PreparedSearch],
    announce: Callable[[PreparedSearch], None],
    workers: int | None = None,
    address: str | None = None,
    patience_s: float = PATIENCE_S,
    in_process: bool = False,
    progress_to_stderr: bool = False,
    is_quiet: bool = False,
    command: str = "search",
) -> tuple[PreparedSearch, list[Candidate]]:
    """Prepare the search, announce it, and run it; return it with all candidates of its run.

    If it was stopped from the page, how to go on has been printed.
    A new run without a candidate is removed again, whatever ends it. With ``is_quiet`` no progress
    is shown. ``command`` is the one to go on with.

    Raises:
        UserError: an error that the user can mend, in one line, with how to go on.
        KeyboardInterrupt: Ctrl-C; how to go on has been printed.
    """
    from results.database import PatienceOver, RecordError

    if not in_process:
        check_ray()
    if address:
        from nas.cluster_address import check_address

        check_address(address)
    try:
        prepared = prepare()
        with prepared:
            go_on = f"go on with: nas {command} --resume {prepared.run.path}"
            go_on += " --in-process" if in_process else ""
            interrupts.set_last_words(f"interrupted; {go_on}")
            try:
                announce(prepared)
                # Ray and torch take seconds to import, in which Ctrl-C may come.
                from nas.search.run import run_search

                candidates = run_search(
                    prepared, workers, address, progress_to_stderr, patience_s, in_process, is_quiet
                )
                _say_if_stopped(prepared, go_on)
            except KeyboardInterrupt:
                if prepared.remove_unless_begun():
                    interrupts.set_last_words(
                        "interrupted before the first candidate; nothing is kept"
                    )
                interrupts.say_last_words()
                raise
            except (ClusterLost, DeviceLost, PatienceOver) as error:
                is_removed = prepared.remove_unless_begun()
                how = "" if is_removed else f"; {go_on}"
                raise UserError(f"{error}{how}", exit_code=1) from error
            except UserError:
                prepared.remove_unless_begun()
                raise
    except RecordError as error:
        raise UserError(str(error), exit_code=1) from error
    return prepared, candidates


def _say_if_stopped(prepared: PreparedSearch, go_on: str) -> None:
    """Say how to go on with a search that was stopped from the page.

    Raises:
        UserError: nothing had begun, so that nothing is kept.
    """
    if not prepared.wishes.is_stopped:
        return
    if prepared.remove_unless_begun():
        raise UserError(
            "stopped, as asked on the page, before the first candidate; nothing is kept", 1
        )
    interrupts.set_last_words(f"stopped, as asked on the page; {go_on}")
    interrupts.say_last_words()
