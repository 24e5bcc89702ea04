"""Every number and text of a file replaced by what nobody expects: read, or refused in one line."""

from __future__ import annotations

import copy
import io
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from nas.cli.show import print_architecture
from nas.errors import UserError
from nas.full_training.settings import TrainDirectory, TrainSettings
from nas.run_directory import dashboard_source, open_run
from nas.scale.members import family_from
from nas.search.settings import SearchSettings
from nas.terminal import Terminal
from results.architecture_file import ArchitectureFile, ArchitectureFileError, base_json, read
from results.architecture_file import write as write_architecture
from results.dashboard.payload import InvalidBenchFile, page_data, read_benches
from results.database import RecordError
from results.files import best_file
from results.noise import outcomes
from results.ranking import best, recorded_objective
from results.record import Record
from results.verdict import find_verdict
from scaling.scaled import Base, ImageSizes
from search_space.choices import InvalidSpace
from search_space.space_file import parse_space, write_space
from search_space.spaces import small
from search_space.task import Task
from tests.results.dashboard.made_run import make_run, settings

VALUES: tuple[Any, ...] = (10**9, 10**18, 10**30, -1, 0, float("nan"), float("inf"), "x" * 10**6)
VALUES += (None, [], {}, [[[[1]]]])
REFUSALS = (
    ArchitectureFileError,
    InvalidBenchFile,
    InvalidSpace,
    RecordError,
    UserError,
)


def replaced(content: Any) -> Iterator[tuple[str, Any]]:
    """Yield each leaf's place, and a copy of the content with another value there."""
    for place in _places(content):
        for value in VALUES:
            changed = copy.deepcopy(content)
            inner = changed
            for key in place[:-1]:
                inner = inner[key]
            inner[place[-1]] = value
            yield (
                f"{'.'.join(map(str, place))} = {str(value)[:20] if value != 10**30 else '10**30'}",
                changed,
            )


def refusal_of(check: Callable[[], object], place: str) -> str:
    """Return the message by which a reader refuses a file; empty if it reads it.

    Any other exception is a fault, at this place.
    """
    try:
        check()
    except REFUSALS as error:
        return str(error)
    except Exception as error:
        raise AssertionError(place) from error
    return ""


def sampled(changes: Iterator[tuple[str, Any]], most: int) -> list[tuple[str, Any]]:
    """Return all changes, or so many of them spread evenly, if there are more."""
    found = list(changes)
    return found[:: -(-len(found) // most)] if len(found) > most else found


def _places(content: Any) -> Iterator[tuple[Any, ...]]:
    items = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in items:
        if isinstance(value, dict | list) and value:
            yield from ((key, *place) for place in _places(value))
        yield (key,)


def files(folder: Path) -> dict[str, tuple[Any, Callable[[Any], object], Callable[[], object]]]:
    """Return, by name, the content of each kind of file, a writer of it, and a reader."""
    run, train = folder / "run", folder / "train"
    make_run(run, 3).close()
    train.mkdir()
    network, bench, space = folder / "x.json", folder / "bench.json", small()
    file = _best(run)
    parent = base_json(Base("base", file.architecture, ImageSizes(32, 32)), {})
    scaled = {**file.to_json(), "provenance": {"parent": parent, "coefficients": _COEFFICIENTS}}
    trained = TrainSettings(file.to_json(), "digits", "0", "proxy", 3, 8, 0)
    return {
        "architecture": (scaled, _json_writer(network), lambda: _read_architecture(network)),
        "space": (
            yaml.safe_load(write_space(space)),
            lambda content: (folder / "s.yaml").write_text(yaml.safe_dump(content)),
            lambda: _read_space(folder / "s.yaml"),
        ),
        "run.json": (
            json.loads((run / "run.json").read_text()),
            _json_writer(run / "run.json"),
            lambda: open_run(run),
        ),
        "bench": ([_BENCH], _json_writer(bench), lambda: read_benches(bench) and None),
        "training": (
            {"schema_version": 1, "settings": asdict(trained)},
            _json_writer(train / "run.json"),
            lambda: TrainDirectory(train).read_settings(),
        ),
        "settings": (settings(space), _settings_writer(run), lambda: _read_run(run)),
        "candidate": (_row(run), _row_writer(run), lambda: _read_run(run)),
    }


_COEFFICIENTS = {"alpha": 1.2, "beta": 1.1, "gamma": 1.15}
_BENCH = {"name": "a", "image_size": {"train": 32}, "step_time_s": 0.1, "batch_size": 8}
_JSON_COLUMNS = ("architecture", "proposal", "samples_s", "curve", "phases_s", "versions")


def _best(run: Path) -> ArchitectureFile:
    with open_run(run).read_record() as record:
        candidates, recorded = record.candidates(), record.settings()
    objective = recorded_objective(recorded)
    verdict = find_verdict(outcomes(candidates), objective, {**recorded, "minival_images": 500})
    file = best_file(candidates, objective, "made", Task(10, 1), recorded, verdict)
    assert file is not None
    write_architecture(run / "best.json", file)
    return file


def _json_writer(path: Path) -> Callable[[Any], None]:
    def write(content: Any) -> None:
        path.write_text(json.dumps(content))

    return write


def _read_architecture(path: Path) -> None:
    file = read(path)
    family_from(file)
    if file.parameters is not None and file.multiply_adds is not None:
        print_architecture(Terminal(file=io.StringIO()), file)


def _read_space(path: Path) -> None:
    space = parse_space(path.read_text())
    assert space.size
    assert len(list(zip(range(1000), space.neighbours(space.backbone), strict=False)))


def _row(run: Path) -> dict[str, Any]:
    with closing(sqlite3.connect(run / "record.sqlite")) as connection:
        connection.row_factory = sqlite3.Row
        row = dict(connection.execute("SELECT * FROM candidates WHERE number = 1").fetchone())
    for name in ("run_id", "number", "checksum"):
        del row[name]
    return {k: json.loads(v) if k in _JSON_COLUMNS else v for k, v in row.items()}


def _row_writer(run: Path) -> Callable[[Any], None]:
    def write(row: Any) -> None:
        values = {k: json.dumps(v) if k in _JSON_COLUMNS else _storable(v) for k, v in row.items()}
        names = ", ".join(f"{name} = ?" for name in values)
        _execute(run, f"UPDATE candidates SET {names}, checksum = NULL WHERE number = 1", values)

    return write


def _settings_writer(run: Path) -> Callable[[Any], None]:
    def write(content: Any) -> None:
        statement = "UPDATE runs SET settings = ?, checksum = NULL"
        _execute(run, statement, {"settings": json.dumps(content)})

    return write


def _execute(run: Path, statement: str, values: dict[str, Any]) -> None:
    with closing(sqlite3.connect(run / "record.sqlite")) as connection, connection:
        try:
            connection.execute(statement, list(values.values()))
        except sqlite3.IntegrityError:  # a value that must be there
            return


def _storable(value: Any) -> Any:
    """Return a value that SQLite can store."""
    if isinstance(value, dict | list):
        return json.dumps(value)
    return 2**63 - 1 if isinstance(value, int) and value >= 2**63 else value


def _read_run(run: Path) -> None:
    """Read a run as the page, ``nas results`` and ``nas search --resume`` do."""
    source = dashboard_source(run)
    source.poll()
    while source.has_more:
        source.poll()
    assert "Traceback" not in json.dumps(page_data([source], [], "report"), allow_nan=False)
    source.close()
    with open_run(run).read_record() as record:
        _use(record)


def _use(record: Record) -> None:
    candidates, recorded = record.candidates(), record.settings()
    try:
        objective = recorded_objective(recorded)
        SearchSettings.from_json(recorded).check()
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(" ".join(str(error).split())) from error
    best(candidates, objective)
    best_file(
        candidates,
        objective,
        "made",
        Task(10, 1),
        recorded,
        find_verdict(outcomes(candidates), objective, recorded),
    )
