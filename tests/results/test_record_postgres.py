"""The record in PostgreSQL, on a server of our own."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from results.candidate import Candidate, State
from results.database import RecordAway, RecordError
from results.record import Record
from tests.postgres import PASSWORD, PostgresServer, postgres_server

MakeCandidate = Callable[..., Candidate]


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture
def run_id() -> str:
    return uuid.uuid4().hex


def test_postgres_keeps_the_same_record(
    server: PostgresServer, run_id: str, make_candidate: MakeCandidate
) -> None:
    candidate = make_candidate(3, seed=2**62, detail="out of\n memory\0 \ud800")
    with Record.open(server.url, run_id) as record:
        record.create({"budget": 5})
        record.start(replace(candidate, state=State.RUNNING))
        record.finish(candidate)
        with pytest.raises(RecordError, match="already recorded"):
            record.start(candidate)
        with Record.read(server.url, record.run_id) as reader:
            assert reader.candidates() == [replace(candidate, detail="out of memory ?")]
            assert reader.settings() == {"budget": 5}
    with pytest.raises(RecordError, match="no run 'none'"):
        Record.read(server.url, "none")


def test_a_run_has_one_writer(server: PostgresServer, run_id: str) -> None:
    with Record.open(server.url, run_id) as record:
        record.create({})
        for way in (Record.open, Record.reopen):
            with pytest.raises(RecordError, match="another search is writing to run") as error:
                way(server.url, run_id)
            assert "\n" not in str(error.value)
        Record.open(server.url, f"{run_id}-2").close()
    Record.reopen(server.url, run_id).close()


def test_a_server_that_was_stopped_is_written_to_and_locked_again(
    server: PostgresServer, run_id: str, make_candidate: MakeCandidate
) -> None:
    with Record.open(server.url, run_id) as record:
        record.create({})
        server.stop()
        for _ in range(2):
            with pytest.raises(RecordAway):
                record.start(make_candidate())
        server.start()
        record.start(make_candidate())
        with pytest.raises(RecordError, match="another search is writing"):
            Record.reopen(server.url, run_id)


@pytest.mark.parametrize(
    ("old", "new"), [(PASSWORD, "wr0ng"), (PASSWORD, "s3cret/word@x"), ("@127", "@127.0.0.1:1?x=")]
)
def test_no_message_shows_a_password(server: PostgresServer, old: str, new: str) -> None:
    with pytest.raises(RecordError) as error:
        Record.open(server.url.replace(old, new), "a")
    shown = str(error.value)
    assert "nas:***@" in shown
    assert all(word not in shown for word in (PASSWORD, "wr0ng", "s3cret", "word@", "x@"))
