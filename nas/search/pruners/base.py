"""What a rule that stops candidates is, and the candidate that it stopped."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from results.candidate import Candidate, State


class Rule(Protocol):
    """Says when a candidate's training is not worth going on with.

    Its state follows from the candidates that have ended, in any order, and from what the running
    ones have reported: told of a record's candidates, it is where an uninterrupted search's is.
    """

    @property
    def cause(self) -> str:
        """The cause of those that it stops."""

    def verdict(self, candidate: Candidate) -> str | None:
        """Why to stop a running candidate here, in one line; None to go on."""

    def ended(self, candidate: Candidate) -> None:
        """Learns how a candidate ended; one without a curve, that it is to be forgotten."""


def stopped(candidate: Candidate, rules: Iterable[Rule]) -> Candidate | None:
    """The running candidate as the first rule that objects stops it; None if none does.

    Its accuracy is the last epoch's. All rules see it, whichever objects first, since what it has
    reported is part of their state.
    """
    verdicts = [(rule.cause, rule.verdict(candidate)) for rule in rules]
    for cause, detail in verdicts:
        if detail is not None:
            return replace(
                candidate,
                state=State.STOPPED,
                cause=cause,
                detail=detail,
                accuracy=candidate.curve[-1].accuracy if candidate.curve else None,
                finished_at=time.time(),
            )
    return None


def learn(rules: Sequence[Rule], candidates: Iterable[Candidate]) -> None:
    """Tells the rules of the candidates that have ended; confirmations are none of theirs."""
    for candidate in candidates:
        if candidate.state is not State.RUNNING and candidate.confirms is None:
            for rule in rules:
                rule.ended(candidate)
