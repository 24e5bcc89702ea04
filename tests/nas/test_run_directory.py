"""A run's directory: created, opened and locked, and every way in which that fails."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
from collections.abc import Callable
from datetime import date
from multiprocessing.synchronize import Event
from pathlib import Path
from unittest.mock import MagicMock

import pytest

from nas import run_directory
from nas.errors import UserError
from nas.run_directory import (
    RunDirectory,
    create_run,
    open_for_reading,
    open_run,
    remove_new,
)
from results.control import Requests
from results.database import RecordError
from results.record import Record
from tests.nas.full_disk import files_of_at_most
from tests.other_user import as_nobody, needs_root, open_folder


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    """Return a run with a record."""
    made = create_run(tmp_path / "run", None)
    with made.create_record({"seed": 3}):
        return made


def test_a_run_is_found_again(run: RunDirectory) -> None:
    assert open_run(run.path) == run
    found, record = open_for_reading(run.path)
    with record:
        assert found == run
        assert record.settings() == {"seed": 3}
        assert record.candidates() == []
    assert (run.path / "record.sqlite").is_file()


@pytest.mark.parametrize("size", [0, 5_000, 20_000])
def test_a_run_that_has_no_room_leaves_nothing(tmp_path: Path, size: int) -> None:
    run = create_run(tmp_path / "run", None)
    with files_of_at_most(size), pytest.raises(RecordError, match="writing to the disk failed"):
        run.create_record({"seed": 3})
    assert not run.path.exists()


def test_run_json_that_has_no_room_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(tmp_path / "run", None)
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr(run_directory, "write_text", MagicMock(side_effect=full))
    error = _assert_refused(lambda: run.create_record({}), "cannot write there (No space left")
    assert error.exit_code == 1
    assert not run.path.exists()


def test_each_run_has_another_id(tmp_path: Path) -> None:
    ids = {create_run(tmp_path / str(i), None).run_id for i in range(5)}
    assert len(ids) == 5


@pytest.mark.parametrize(
    ("storage", "is_secret"),
    [
        (None, False),
        ("sqlite:///{}/other.sqlite", False),
        ("sqlite:///{}/other.sqlite?password=secret", True),
        ("postgresql://user:secret@host/name", True),
        ("postgresql://user@host/name", False),
    ],
)
def test_run_json_is_as_readable_as_other_files_unless_it_holds_a_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, storage: str | None, is_secret: bool
) -> None:
    monkeypatch.setattr(Record, "open", lambda url, run_id: MagicMock())
    storage = storage and storage.format(tmp_path)
    made = create_run(tmp_path / "run", storage)
    made.create_record({})
    (tmp_path / "plain").touch()
    plain = (tmp_path / "plain").stat().st_mode
    mode = (made.path / "run.json").stat().st_mode
    assert mode == (plain & ~0o077 if is_secret else plain)


def test_a_record_elsewhere_is_remembered(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/elsewhere.sqlite"
    made = create_run(tmp_path / "run", url)
    made.create_record({}).close()
    assert open_run(made.path).url == url
    assert not (made.path / "record.sqlite").exists()
    assert (tmp_path / "elsewhere.sqlite").is_file()


def test_parents_are_created_and_an_empty_directory_is_used(tmp_path: Path) -> None:
    assert create_run(tmp_path / "a" / "b", None).path.is_dir()
    (tmp_path / "empty").mkdir()
    assert create_run(tmp_path / "empty", None).path == tmp_path / "empty"


def test_a_directory_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    _assert_refused(
        lambda: create_run(tmp_path, None),
        f"--out: got {tmp_path}, which is there already, must be new or empty "
        f"(to go on with a run: --resume {tmp_path})",
    )


def test_a_run_is_not_made_over_another(run: RunDirectory) -> None:
    _assert_refused(lambda: create_run(run.path, None), "which is there already")


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    _assert_refused(lambda: create_run(tmp_path / "file", None), "which is there already")
    _assert_refused(
        lambda: create_run(tmp_path / "file" / "below", None), "must be writable (Not a directory)"
    )


def test_a_name_that_is_too_long_is_refused(tmp_path: Path) -> None:
    _assert_refused(lambda: create_run(tmp_path / ("a" * 300), None), "File name too long")


def test_runs_of_a_day_are_numbered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    day = date.today().isoformat()
    assert [create_run(None, None).path for _ in range(2)] == [
        Path(f"runs/{day}-01"),
        Path(f"runs/{day}-02"),
    ]
    (tmp_path / "runs" / f"{day}-03").touch()
    assert create_run(None, None).path == Path(f"runs/{day}-04")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "3",
        '{"schema_version": 1}',
        '{"schema_version": "1", "run_id": "a", "storage": null}',
        "\udce9".encode(errors="surrogateescape").decode("latin-1"),
    ],
)
def test_a_damaged_run_json_is_refused(run: RunDirectory, content: str) -> None:
    (run.path / "run.json").write_text(content, encoding="latin-1")
    _assert_refused(
        lambda: open_run(run.path, "--resume"),
        f"--resume: got {run.path}, must be a run's directory, with a run.json",
    )


def test_a_later_releases_run_is_refused(run: RunDirectory) -> None:
    file = run.path / "run.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "schema_version": 99}))
    _assert_refused(lambda: open_run(run.path), f"RUN: {run.path} was made by a later release")


def test_no_run_there_names_those_that_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _assert_refused(
        lambda: open_run(Path("nowhere")), "RUN: got nowhere, must be a run's directory"
    )
    create_run(None, None).create_record({}).close()
    there = f"runs/{date.today().isoformat()}-01"
    _assert_refused(lambda: open_run(Path("nowhere")), f"with a run.json, may be {there}")


def test_a_record_that_is_gone_is_one_line(run: RunDirectory) -> None:
    (run.path / "record.sqlite").unlink()
    error = _assert_refused(lambda: open_for_reading(run.path), "record.sqlite: no such file")
    assert error.exit_code == 1


# Prints why a use of a run is refused.
_REFUSED = """
from pathlib import Path
from nas.errors import UserError
from nas import run_directory
from nas.run_directory import create_run, dashboard_source, open_for_reading, open_run
path = Path({path!r})
def refused(act):
    try:
        act()
    except UserError as error:
        print(error)
refused(lambda: open_for_reading(path / "none"))
refused(lambda: dashboard_source(path).poll())
"""


@needs_root
@pytest.mark.parametrize(
    ("act", "message"),
    [
        ("open_run(path)", "RUN: got {path}, whose run.json must be readable"),
        ("open_run(path, '--resume')", "--resume: got {path}, whose run.json must be readable"),
        (
            "dashboard_source(path / 'x' / 'y')",
            "RUN: got {path}/x/y, whose run.json must be readable",
        ),
        ("create_run(path / 'below', None)", "--out: got {path}/below, must be writable"),
        ("writer_lock(path, 'search').__enter__()", "{path}: cannot write there"),
    ],
)
def test_another_user_is_told_whose_a_run_is(act: str, message: str) -> None:
    with open_folder() as folder:
        path = create_run(folder / "run", None).path
        RunDirectory(path, "a", None).create_record({}).close()
        path.chmod(0o700)
        imports = _REFUSED.format(path=str(path))
        code = f"from nas.run_directory import writer_lock\nrefused(lambda: {act})"
        output = as_nobody(code, imports).splitlines()[1:]
    reason = "(Permission denied, it belongs to root)"
    assert output == [f"{message.format(path=path)} {reason}"]


def test_one_search_at_a_time(run: RunDirectory) -> None:
    with run.lock():
        _assert_refused(lambda: _enter(run), f"{run.path}: another search is running in it")
    _enter(run)


def test_a_lock_is_released_with_its_process(run: RunDirectory) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_hold, args=(run, ready))
    process.start()
    assert ready.wait(60)
    _assert_refused(lambda: _enter(run), "another search is running in it")
    process.kill()
    process.join()
    process.close()
    _enter(run)


def _hold(run: RunDirectory, ready: Event) -> None:
    with run.lock():
        ready.set()
        multiprocessing.Event().wait()


def _enter(run: RunDirectory) -> None:
    with run.lock():
        pass


def _assert_refused(act: Callable[[], object], message: str) -> UserError:
    with pytest.raises(UserError) as error:
        act()
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    return error.value


def test_files_that_a_killed_process_was_writing_are_deleted(run: RunDirectory) -> None:
    (run.path / ".best.json.1.tmp").write_text("{")
    with run.lock():
        assert not list(run.path.glob(".*.tmp"))


def test_a_request_to_stop_is_for_the_search_that_holds_the_lock(run: RunDirectory) -> None:
    requests = Requests(run.path)
    requests.ask_to_stop()  # to one that is gone
    with run.lock():
        assert not requests.asks_to_stop()
        requests.ask_to_stop()  # while the data are loaded
        assert requests.meet_stop()
        assert requests.asks_to_stop()
    assert not requests.asks_to_stop()


def test_a_run_with_requests_is_removed_whole(run: RunDirectory) -> None:
    Requests(run.path).ask_to_stop()
    remove_new(run.path, was_there=False)
    assert not run.path.exists()
