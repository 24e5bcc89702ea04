"""Stops candidates that can no longer win, by a bound on their reward."""

from __future__ import annotations

from typing import Protocol

from results.candidate import Candidate, State
from results.ranking import reward, reward_at
from reward.objective import Objective


class Bound:
    """Stops a candidate whose reward would not reach the best so far even at its ceiling.

    A candidate of step time S and parameters P is stopped if r(C; S, P) < B. Here r is the
    objective, C the ceiling of the candidate's accuracy, and B the highest reward of a complete
    candidate so far.

    **Guarantee.** If the final accuracy A of a candidate is at most C, and its recorded step time
    is S, then a stopped candidate is not the winner of the run.

    **Proof.** Every objective increases with the accuracy. So the candidate's
    reward r(A; S, P) <= r(C; S, P) < B, and B only rises during the run. The inequality is strict:
    a candidate that could equal the best is not stopped, and of equal ones the first still wins.

    The ceiling 1 always holds. With it, a search whose proposals do not depend on results has the
    same winner with and without the bound, with any number of workers and in any order of ends. The
    Pareto front is that of the trained candidates only.
    """

    cause = "bound"

    def __init__(self, objective: Objective, ceiling: Ceiling) -> None:
        self._objective = objective
        self._ceiling = ceiling
        self._best: tuple[float, int] | None = None

    def verdict(self, candidate: Candidate) -> str | None:
        """Return the reward at the ceiling and the reward that it does not reach, or None."""
        ceiling = self._ceiling.highest_accuracy(candidate)
        highest = reward_at(candidate, ceiling, self._objective)
        if self._best is None or highest is None or highest >= self._best[0]:
            return None
        return (
            f"reward {highest:.4f} at most, at accuracy {ceiling:.3f}; "
            f"candidate {self._best[1]} has {self._best[0]:.4f}"
        )

    def ended(self, candidate: Candidate) -> None:
        """Keep the candidate's reward if it is the highest so far."""
        value = reward(candidate, self._objective)
        if value is not None and (self._best is None or value > self._best[0]):
            self._best = (value, candidate.number)
        self._ceiling.ended(candidate)


class Ceiling(Protocol):
    """An upper bound on a candidate's final accuracy, from its curve and those of others."""

    def highest_accuracy(self, candidate: Candidate) -> float:
        """Return the ceiling of a running candidate, in [0, 1]."""

    def ended(self, candidate: Candidate) -> None:
        """Take note of a candidate that has ended."""


class CertainCeiling:
    """The ceiling 1, which no accuracy exceeds."""

    def highest_accuracy(self, candidate: Candidate) -> float:
        """Return 1 for every candidate."""
        return 1.0

    def ended(self, candidate: Candidate) -> None:
        """Do nothing, as the ceiling is constant."""


MIN_COMPLETE = 10
MARGIN = 1.0


class CredibleCeiling:
    """A ceiling estimated from how much the complete candidates improved after the same epoch.

    Let candidate i have accuracy a_ik after epoch k, and A_i at its end. Of its error 1 - a_ik the
    share r_ik = (1 - A_i) / (1 - a_ik) is left at the end. A candidate with accuracy a after epoch
    k has the ceiling

        1 - (1 - a) * min_i r_ik / (1 + margin).

    With margin 1, its error may shrink by twice the largest factor of any complete candidate. The
    ceiling is 1 before the first epoch, and while fewer than ``min_complete`` are complete.

    **Guarantee**, already with margin 0: if a candidate is exchangeable with n complete ones, it
    exceeds its ceiling of one epoch with probability at most 1 / (n + 1).

    **Proof.** It exceeds the ceiling only if its r is less than each of the n others. Of n + 1
    exchangeable numbers each is strictly the least with probability at most 1 / (n + 1). Candidates
    that complete later can only lower the minimum, which raises the ceiling.

    **Not guaranteed**, and the reason for the margin: the winner is not exchangeable with the
    others. It ended best, so it is likelier to have gained more than all before it. And once
    pruners stop candidates, the complete ones are a selection too. Margin 1 lost no winner in 400
    simulated searches and trained 60 % of the epochs (docs/pruners.md).
    """

    def __init__(
        self, epochs: int, min_complete: int = MIN_COMPLETE, margin: float = MARGIN
    ) -> None:
        self._min_complete = min_complete
        self._margin = margin
        self._complete: set[int] = set()
        self._least = [1.0] * epochs  # min_i r_ik for each epoch, at most 1

    def highest_accuracy(self, candidate: Candidate) -> float:
        """Return the ceiling by the formula above, at the last epoch."""
        if not candidate.curve or len(self._complete) < self._min_complete:
            return 1.0
        point = candidate.curve[-1]
        least = self._least[point.epoch - 1]
        return min(1.0, 1 - (1 - point.accuracy) * least / (1 + self._margin))

    def ended(self, candidate: Candidate) -> None:
        """Take the share of error left by a complete candidate into the minimum."""
        if candidate.state is not State.COMPLETE or candidate.accuracy is None:
            return
        self._complete.add(candidate.number)
        for index, point in enumerate(candidate.curve[: len(self._least)]):
            error = 1 - point.accuracy
            left = (1 - candidate.accuracy) / error if error > 0 else 0.0
            self._least[index] = min(self._least[index], left)
