"""A bound on a candidate's reward: what can no longer win is not trained on."""

from __future__ import annotations

from nas.fidelity.ceiling import Ceiling
from results.candidate import Candidate
from results.ranking import reward, reward_at
from reward.objective import Objective


class Bound:
    """Stops a candidate that would not reach the best reward so far even at its ceiling.

    The bound: a candidate of step time S and parameters P is stopped if r(C; S, P) < B, with r the
    objective, C its accuracy's ceiling and B the highest reward of a complete candidate so far.

    What it guarantees: whenever a candidate's final accuracy A is at most C, and S is what the
    record will hold, the candidate is not the run's winner if it is stopped. Proof: r rises with
    its first argument (every objective is affine in the accuracy and rises with it), so its reward
    r(A; S, P) <= r(C; S, P) < B, and B only rises as the run goes on. It is stopped only where
    this is strict, so equals are not stopped either, and the first among them still wins.

    Hence with the ceiling 1, which no accuracy passes, a search whose proposals do not depend on
    results has the same winner with and without the bound, at any number of workers and in any
    order of ending. What is given up is the rest of the table: the Pareto front is that of the
    candidates trained.
    """

    cause = "bound"

    def __init__(self, objective: Objective, ceiling: Ceiling) -> None:
        self._objective = objective
        self._ceiling = ceiling
        self._best: tuple[float, int] | None = None

    def verdict(self, candidate: Candidate) -> str | None:
        """Why to stop: the reward at the ceiling, and the one that it does not reach."""
        ceiling = self._ceiling.of(candidate)
        highest = reward_at(candidate, ceiling, self._objective)
        if self._best is None or highest is None or highest >= self._best[0]:
            return None
        return (
            f"reward {highest:.4f} at most, at accuracy {ceiling:.3f}; "
            f"candidate {self._best[1]} has {self._best[0]:.4f}"
        )

    def ended(self, candidate: Candidate) -> None:
        """A higher reward is the best from now on."""
        value = reward(candidate, self._objective)
        if value is not None and (self._best is None or value > self._best[0]):
            self._best = (value, candidate.number)
        self._ceiling.ended(candidate)
