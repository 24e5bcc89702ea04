"""The record in PostgreSQL; runs where NAS_TEST_POSTGRES_URL names a database to write to."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from dataclasses import replace

import pytest

from results.candidate import Candidate, State
from results.database import RecordError
from results.record import Record

_URL = os.environ.get("NAS_TEST_POSTGRES_URL")


@pytest.mark.skipif(_URL is None, reason="NAS_TEST_POSTGRES_URL is not set")
def test_postgres_keeps_the_same_record(make_candidate: Callable[..., Candidate]) -> None:
    candidate = make_candidate(3, seed=2**62, detail="out of\n memory\0 \ud800")
    with Record.open(str(_URL), uuid.uuid4().hex) as record:
        record.create({"budget": 5})
        record.start(replace(candidate, state=State.RUNNING))
        record.finish(candidate)
        with pytest.raises(RecordError, match="already recorded"):
            record.start(candidate)
        with Record.read(str(_URL), record.run_id) as reader:
            assert reader.candidates() == [replace(candidate, detail="out of memory ?")]
            assert reader.settings() == {"budget": 5}
    with pytest.raises(RecordError, match="no run 'none'"):
        Record.read(str(_URL), "none")
