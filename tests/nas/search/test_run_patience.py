"""A record that goes away before the first candidate, or after the last one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nas.search.prepare import prepare
from nas.search.request import SearchRequest
from nas.search.run import run_search
from results.candidate import Candidate
from results.database import RecordAway
from results.record import Record
from search_space.space_file import write_space
from tests.nas.tiny import tiny


@pytest.fixture
def request_of_one(tmp_path: Path, tiny_data_file: Path) -> SearchRequest:
    """A search of one candidate, which takes a moment."""
    space = tmp_path / "space.yaml"
    space.write_text(write_space(tiny()))
    return SearchRequest(
        data=str(tiny_data_file), space=str(space), out=tmp_path / "run", budget=1, epochs=1,
        baseline=0,
    )  # fmt: skip


def fail_at(monkeypatch: pytest.MonkeyPatch, call: int, times: int = 1) -> list[int]:
    """Let the record be away at its ``call``-th reading, and so often; return the readings."""
    read = Record.candidates
    calls: list[int] = []

    def candidates(self: Record) -> list[Candidate]:
        calls.append(len(calls) + 1)
        if call <= calls[-1] < call + times:
            raise RecordAway("terminating connection due to administrator command")
        return read(self)

    monkeypatch.setattr(Record, "candidates", candidates)
    return calls


def readings(request: SearchRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Return how often a search that nothing is done to reads its record."""
    with monkeypatch.context() as patch, prepare(request) as prepared:
        calls = fail_at(patch, call=10**9)
        assert len(run_search(prepared, in_process=True)) == 1
    return len(calls)


def test_no_reading_of_the_record_ends_a_search(
    request_of_one: SearchRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("nas.search.run._PAUSE_S", 0.01)
    count = readings(request_of_one, monkeypatch)
    assert count >= 3  # at the beginning, for the files, and at the end
    for call in range(1, count + 1):
        request = replace(request_of_one, out=tmp_path / f"run{call}")
        with monkeypatch.context() as patch, prepare(request) as prepared:
            fail_at(patch, call, times=2)
            found = run_search(prepared, in_process=True)
        assert [candidate.number for candidate in found] == [0]
        assert (tmp_path / f"run{call}" / "best.json").is_file()


def test_the_patience_ends(
    request_of_one: SearchRequest, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr("nas.search.run._PAUSE_S", 0.01)
    with prepare(request_of_one) as prepared:
        fail_at(monkeypatch, 1, times=10**6)
        with pytest.raises(RecordAway, match="administrator command"):
            run_search(prepared, patience_s=0.05, in_process=True)
    assert "waiting for the record for up to 0 s (--patience)" in capsys.readouterr().out
