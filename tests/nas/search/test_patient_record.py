"""A search waits for its record, and loses no candidate that finished meanwhile."""

from __future__ import annotations

import errno
import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import chain, repeat
from pathlib import Path
from unittest.mock import DEFAULT, MagicMock

import pytest

from nas.errors import UserError
from nas.search import patient_record, run
from nas.search.driver import SearchDriver
from nas.search.failure_limit import FailureLimit
from nas.search.patient_record import PatientRecord, take_in
from nas.search.prepare import prepare
from nas.search.request import SearchRequest
from nas.search.samplers.random import PermutationSampler
from nas.search.study import ProposalStudy
from results.candidate import Candidate, State
from results.database import RecordAway, RecordError
from results.database_url import sqlite_url
from results.record import Record
from reward.objective import Objective
from search_space.space import Space
from tests.nas.full_disk import files_of_at_most
from tests.postgres import postgres_server

Say = list[str]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patient_record, "_SHORTEST_PAUSE_S", 0.05)


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    """An empty run, whose lock is waited for only for a moment."""
    with Record.open(f"{sqlite_url(tmp_path / 'record.sqlite')}?timeout=0.05", "run") as record:
        record.create({})
        yield record


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool.jsonl"


def _search(record: PatientRecord, known: list[Candidate], space: Space) -> SearchDriver:
    return SearchDriver(
        record=record,
        proposals=ProposalStudy(space, PermutationSampler(space, 3), Objective(), known),
        known=known,
        seed=3,
        budget=12,
        failure_limit=FailureLimit(10),
        space_size=space.size,
        listener=lambda candidate: None,
    )


def _ended(candidate: Candidate, accuracy: float = 0.5) -> Candidate:
    return replace(candidate, state=State.COMPLETE, accuracy=accuracy, curve=())


def _wait_for(search: SearchDriver) -> Candidate:
    """Return the search's next candidate, which begins once the record is back."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        assert not search.is_finished()
        candidate = search.next_candidate()
        if candidate is not None:
            return candidate
        time.sleep(0.02)
    raise TimeoutError


def _states(record: Record) -> list[State]:
    return [candidate.state for candidate in record.candidates()]


def _outage(
    patient: PatientRecord,
    search: SearchDriver,
    record: Record,
    said: Say,
    begin: Callable[[], object],
    end: Callable[[], object],
) -> None:
    """End a candidate while the record is away; it is written when the record is back."""
    first, second = search.next_candidate(), search.next_candidate()
    assert first is not None
    assert second is not None
    begin()
    search.ended(_ended(first))
    assert patient.is_away
    for _ in range(3):
        assert search.next_candidate() is None
        assert not search.is_finished()
    search.ended(_ended(second))
    end()
    third = _wait_for(search)
    assert _states(record) == [State.COMPLETE, State.COMPLETE, State.RUNNING]
    assert third.number == 2
    assert len(said) == 2
    assert "waiting for it for up to 30 min (--patience), finished candidates are kept" in said[0]
    assert said[1].startswith("the record is back after ")
    assert said[1].endswith("; 2 candidates written")
    assert all("\n" not in line for line in said)


def test_a_lock_of_another_process_is_waited_for(
    record: Record, spool: Path, tiny_space: Space, tmp_path: Path
) -> None:
    other = sqlite3.connect(tmp_path / "record.sqlite", isolation_level=None)
    said: Say = []
    with PatientRecord(record, spool, say=said.append) as patient:
        search = _search(patient, [], tiny_space)
        lock = "BEGIN IMMEDIATE"
        _outage(
            patient, search, record, said, lambda: other.execute(lock), lambda: other.rollback()
        )
    other.close()
    assert not spool.exists()


def test_a_server_that_is_stopped_is_waited_for(spool: Path, tiny_space: Space) -> None:
    with postgres_server() as server, Record.open(server.url, "run") as record:
        record.create({})
        said: Say = []
        with PatientRecord(record, spool, say=said.append) as patient:
            search = _search(patient, [], tiny_space)
            _outage(patient, search, record, said, server.stop, server.start)


def test_a_full_disk_is_waited_for(
    record: Record, spool: Path, tiny_space: Space, tmp_path: Path
) -> None:
    said: Say = []
    with PatientRecord(record, spool, say=said.append) as patient:
        search = _search(patient, [], tiny_space)
        wal = tmp_path / "record.sqlite-wal"
        room = ExitStack()
        _outage(
            patient,
            search,
            record,
            said,
            lambda: room.enter_context(files_of_at_most(wal.stat().st_size)),
            room.close,
        )


def test_what_finished_is_there_after_the_process_died(
    record: Record, spool: Path, tiny_space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = _search(PatientRecord(record, spool), [], tiny_space)
    begun = [search.next_candidate() for _ in range(3)]
    finish = record.finish
    monkeypatch.setattr(record, "finish", _refuse)
    for number, candidate in enumerate(begun):
        assert candidate is not None
        search.ended(_ended(candidate, accuracy=number / 10))
    assert _states(record) == [State.RUNNING] * 3
    content = spool.read_bytes().rstrip(b"\0")
    spool.write_bytes(content[:-100])  # the last line is torn

    monkeypatch.setattr(record, "finish", finish)
    take_in(record, spool)
    assert [c.accuracy for c in record.candidates()] == [0.0, 0.1, None]
    assert not spool.exists()
    take_in(record, spool)  # nothing is left


def _refuse(candidate: Candidate) -> None:
    raise RecordAway("no room")


def test_the_patience_ends(
    record: Record, spool: Path, tiny_space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: Say = []
    monkeypatch.setattr(record, "finish", _refuse)
    with PatientRecord(record, spool, patience_s=0.3, say=said.append) as patient:
        search = _search(patient, [], tiny_space)
        candidate = search.next_candidate()
        assert candidate is not None
        search.ended(_ended(candidate))
        with pytest.raises(RecordError, match=r"no room; gave up after 0 s \(--patience\)"):
            _wait_for(search)
    assert said[-1] == (
        f"1 finished candidates are not in the record: {spool} keeps them for nas search --resume"
    )
    assert spool.stat().st_size > 0


def test_a_record_that_is_away_now_and_then_changes_nothing(
    record: Record, spool: Path, tiny_space: Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also across processes that die: the proposals are those of a calm search."""
    with Record.open(sqlite_url(tmp_path / "calm.sqlite"), "run") as calm:
        calm.create({})
        _run(_search(PatientRecord(calm), [], tiny_space), steps=100)
        expected = [(c.number, c.seed, c.accuracy) for c in calm.candidates()]
    chance = random.Random(5)
    for name in ("start", "finish"):
        write = getattr(record, name)

        def sometimes(candidate: Candidate, write: Callable[..., None] = write) -> None:
            if chance.random() < 0.4:
                raise RecordAway("away")
            write(candidate)

        monkeypatch.setattr(record, name, sometimes)
    monkeypatch.setattr(patient_record, "_SHORTEST_PAUSE_S", 0.0)
    for _ in range(4):
        while spool.exists():
            with_retries(lambda: take_in(record, spool))
        search = _search(PatientRecord(record, spool), record.candidates(), tiny_space)
        _run(search, steps=4)
    assert [(c.number, c.seed, c.accuracy) for c in record.candidates()] == expected


def with_retries(act: Callable[[], None]) -> None:
    """Do what may find the record away, until it does not."""
    while True:
        try:
            return act()
        except RecordAway:
            continue


def _run(search: SearchDriver, steps: int) -> None:
    """Evaluate so many candidates, or all; then leave the search as a killed process does."""
    while steps and not search.is_finished():
        candidate = search.next_candidate()
        if candidate is not None:
            accuracy = (int(candidate.architecture.architecture_id, 16) % 1000) / 1000
            search.ended(_ended(candidate, accuracy))
            steps -= 1


def test_results_that_have_no_room_are_waited_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tries = []
    said: list[str] = []

    def write(prepared: object) -> None:
        tries.append(prepared)
        if len(tries) < 3:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(run, "_write_files", write)
    monkeypatch.setattr(run, "_PAUSE_S", 0.0)
    with prepare(SearchRequest(out=tmp_path / "run")) as prepared:
        with run._files_written(prepared, 60.0, said.append):
            pass
        assert len(tries) == 3
        assert len(said) == 1
        assert "waiting for room for the results for up to 60 s (--patience)" in said[0]
        tries.clear()
        with (
            pytest.raises(UserError, match="No space left on device"),
            run._files_written(prepared, 0.0, said.append),
        ):
            pass


def test_a_signal_while_a_candidate_is_written_loses_nothing(
    record: Record, spool: Path, tiny_space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    with PatientRecord(record, spool) as patient:
        search = _search(patient, [], tiny_space)
        begun = search.next_candidate()
        assert begun is not None
        interrupted = chain([KeyboardInterrupt], repeat(DEFAULT))
        writes = MagicMock(wraps=record.finish, side_effect=interrupted)
        monkeypatch.setattr(record, "finish", writes)
        with pytest.raises(KeyboardInterrupt):
            search.ended(_ended(begun))
    assert _states(record) == [State.COMPLETE]
    assert not spool.exists()
