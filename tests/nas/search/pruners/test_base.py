"""How pruners stop a candidate, and which candidates they are told of."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from nas.search.pruners.base import first_stop, tell_pruners
from results.candidate import Candidate, State
from tests.nas.search.pruners.conftest import after, made


@dataclass
class Fixed:
    """A pruner that stops all candidates or none, and keeps the numbers that it was given."""

    cause: str
    detail: str | None
    seen: list[int] = field(default_factory=list)
    told: list[int] = field(default_factory=list)

    def verdict(self, candidate: Candidate) -> str | None:
        self.seen.append(candidate.number)
        return self.detail

    def ended(self, candidate: Candidate) -> None:
        self.told.append(candidate.number)


def test_the_first_pruner_that_stops_is_the_cause_and_all_are_asked() -> None:
    pruners = [Fixed("none", None), Fixed("first", "because"), Fixed("second", "too")]
    ends = first_stop(after(made(7, [0.25, 0.5, 0.75]), 2), pruners)
    assert ends is not None
    assert (ends.state, ends.cause, ends.detail) == (State.STOPPED, "first", "because")
    assert ends.accuracy == 0.5
    assert ends.finished_at is not None
    assert [pruner.seen for pruner in pruners] == [[7]] * 3


def test_without_a_verdict_the_candidate_continues() -> None:
    assert first_stop(after(made(7, [0.5]), 1), [Fixed("none", None)]) is None


def test_before_the_first_epoch_there_is_no_accuracy() -> None:
    ends = first_stop(after(made(7, [0.5]), 0), [Fixed("bound", "because")])
    assert ends is not None
    assert ends.accuracy is None


def test_pruners_are_told_neither_of_running_candidates_nor_of_confirmations() -> None:
    pruner = Fixed("none", None)
    candidates = [made(0, [0.5]), after(made(1, [0.5]), 1), replace(made(2, [0.5]), confirms=0)]
    tell_pruners([pruner], candidates)
    assert pruner.told == [0]
