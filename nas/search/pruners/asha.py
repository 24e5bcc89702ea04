"""Asynchronous successive halving, on the reward: Ray Tune's scheduler, fed from the record."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from ray.tune.schedulers import AsyncHyperBandScheduler, TrialScheduler

from results.candidate import Candidate
from results.ranking import reward_at
from reward.objective import Objective


class Asha:
    """Stops a candidate whose reward is not among the best 1 / ``reduction`` that came as far.

    Li et al., A System for Massively Parallel Hyperparameter Tuning, 2020, section 3.2, as Ray Tune
    has it: at epochs ``grace``, ``grace * reduction``, and so on, a candidate goes on if its reward
    then is at least the 1 - 1 / ``reduction`` quantile of those that came to that epoch before. The
    first to come there always goes on, and nothing is stopped after its last epoch.

    Tune's scheduler only sees numbers here: it is not the one that Tune's controller asks, so that
    it can be built from recorded curves as well. A step time that is measured more precisely while
    the candidate trains changes its earlier rewards too; then the rungs are built again.
    """

    cause = "asha"

    def __init__(self, objective: Objective, epochs: int, grace: int, reduction: int) -> None:
        """``epochs`` are those of a whole training."""
        self._objective = objective
        self._epochs = epochs
        self._grace = grace
        self._reduction = reduction
        self._rewards: dict[int, tuple[float, ...]] = {}  # by number, at each epoch but the last
        self._scheduler: AsyncHyperBandScheduler | None = None

    def verdict(self, candidate: Candidate) -> str | None:
        """Why to stop: the reward so far, and the epoch at which it is too low."""
        if len(candidate.curve) >= self._epochs:
            return None
        rewards = self._rewards_of(candidate)
        fed = len(self._rewards.get(candidate.number, ()))
        scheduler = self._current()
        actions = [
            _report(scheduler, candidate.number, epoch, rewards[epoch - 1])
            for epoch in range(fed + 1, len(rewards) + 1)
        ]
        self._rewards[candidate.number] = self._rewards.get(candidate.number, ()) + rewards[fed:]
        if TrialScheduler.STOP not in actions:
            return None
        return f"reward {rewards[-1]:.4f} after epoch {len(rewards)} is not among the best"

    def ended(self, candidate: Candidate) -> None:
        """Its rewards stay in the rungs, by the step time that is recorded."""
        rewards = self._rewards_of(candidate)
        if rewards != self._rewards.get(candidate.number, ()):
            self._rewards[candidate.number] = rewards
            self._scheduler = None

    def _rewards_of(self, candidate: Candidate) -> tuple[float, ...]:
        """At each epoch but the last; none before the step is timed."""
        curve = candidate.curve[: self._epochs - 1]
        rewards = [reward_at(candidate, point.accuracy, self._objective) for point in curve]
        return tuple(reward for reward in rewards if reward is not None)

    def _current(self) -> AsyncHyperBandScheduler:
        if self._scheduler is None:
            self._scheduler = AsyncHyperBandScheduler(
                time_attr="epoch",
                metric="reward",
                mode="max",
                max_t=self._epochs,
                grace_period=self._grace,
                reduction_factor=self._reduction,
            )
            for number, rewards in self._rewards.items():
                for epoch, reward in enumerate(rewards, 1):
                    _report(self._scheduler, number, epoch, reward)
        return self._scheduler


def _report(scheduler: AsyncHyperBandScheduler, number: int, epoch: int, reward: float) -> str:
    """Tune's decision; all that it asks of a trial is a name."""
    trial: Any = SimpleNamespace(trial_id=str(number))
    controller: Any = None
    if epoch == 1:
        scheduler.on_trial_add(controller, trial)
    return scheduler.on_trial_result(controller, trial, {"epoch": epoch, "reward": reward})
