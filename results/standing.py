"""How far a search is: what counts towards its budget, and what else its record holds."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, Self

from results.candidate import BACKBONE, EVALUATED, State
from results.forecast import Forecast, Plan


class Counted(Protocol):
    """What is counted of a candidate."""

    @property
    def state(self) -> State:
        """Its state."""

    @property
    def confirms(self) -> int | None:
        """The candidate that it trains again, or the backbone."""

    @property
    def fidelity(self) -> str | None:
        """The fidelity of ``nas proxy`` that it is trained at; None in a search."""

    @property
    def cause(self) -> str | None:
        """Why it failed or was stopped, as a short code."""


_AGAIN = {
    "backbone": "training{s} of the backbone",
    "confirmation": "that confirm{es} another",
    "fidelity": "further training{s} of them",
}


@dataclass(frozen=True)
class Standing:
    """The counts of a search; those in ``evaluated`` are complete, or were stopped by a pruner.

    ``planned`` candidates are to be evaluated: by the budget or the space, or where the time is up
    before, as forecast (``is_cut``); None if that is not known. ``total`` are all rows of the
    record.
    """

    evaluated: int
    planned: int | None
    is_cut: bool
    total: int
    states: Counter[State]  # of the candidates that were proposed
    causes: Counter[tuple[State, str]]
    again: Counter[str]  # other trainings, by the key of _AGAIN

    @classmethod
    def of(
        cls, candidates: Iterable[Counted], plan: Plan, forecast: Forecast | None = None
    ) -> Self:
        """Count candidates of a search with this plan and forecast."""
        states: Counter[State] = Counter()
        causes: Counter[tuple[State, str]] = Counter()
        again: Counter[str] = Counter()
        for candidate in candidates:
            if (kind := _kind(candidate)) is not None:
                again[kind] += 1
                continue
            states[candidate.state] += 1
            if candidate.cause is not None and candidate.state is not State.DUPLICATE:
                causes[candidate.state, candidate.cause] += 1
        evaluated = sum(states[state] for state in EVALUATED)
        total = states.total() + again.total()
        return cls(evaluated, *_planned(plan, forecast), total, states, causes, again)

    @property
    def done(self) -> str:
        """How many are evaluated, such as ``278 of 2,000``."""
        return _done(self.evaluated, self.planned, self.is_cut)

    @property
    def sentence(self) -> str:
        """What ``done`` counts, and what else there is, up to all rows of the record.

        For example: 278 of 2,000 evaluated: 270 complete, 8 stopped (asha 8); besides 12 failed
        (diverged 12), 3 trainings of the backbone: 293 in all.
        """
        if not self.total:
            return "no candidates yet"
        inside = [self._of(s) for s, _ in self.states.most_common() if s in EVALUATED]
        outside = [self._of(s) for s, _ in self.states.most_common() if s not in EVALUATED]
        outside += [_again(kind, count) for kind, count in self.again.most_common()]
        text = f"{self.done} evaluated"
        text += f": {', '.join(inside)}" if inside else ""
        return text + (f"; besides {', '.join(outside)}: {self.total:,} in all" if outside else "")

    def _of(self, state: State) -> str:
        pairs = [(cause, n) for (of, cause), n in self.causes.most_common() if of is state]
        why = ", ".join(f"{cause} {n:,}" for cause, n in pairs)
        return f"{self.states[state]:,} {state.value}{f' ({why})' if why else ''}"


def done(evaluated: int, plan: Plan, forecast: Forecast | None) -> str:
    """Return how many are evaluated, as :attr:`Standing.done` does."""
    return _done(evaluated, *_planned(plan, forecast))


def _planned(plan: Plan, forecast: Forecast | None) -> tuple[int | None, bool]:
    """Return how many candidates are to be evaluated, and whether time ends that."""
    if forecast is not None:
        return forecast.candidates, forecast.is_cut
    return (None if plan.budget == math.inf else int(plan.candidates)), False


def _done(evaluated: int, planned: int | None, is_cut: bool) -> str:
    if planned is None:
        return f"{evaluated:,}"
    return f"{evaluated:,} of {'about ' * is_cut}{planned:,}"


def _kind(candidate: Counted) -> str | None:
    """Return which other training this is; None for a candidate that was proposed."""
    if candidate.confirms is None:
        return None
    if candidate.confirms == BACKBONE:
        return "backbone"
    return "confirmation" if candidate.fidelity is None else "fidelity"


def _again(kind: str, count: int) -> str:
    ends = {"s": "" if count == 1 else "s", "es": "s" if count == 1 else ""}
    return f"{count:,} {_AGAIN[kind].format(**ends)}"
