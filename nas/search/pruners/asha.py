"""Asynchronous successive halving (ASHA) on the reward, with Ray Tune's scheduler."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from ray.tune.schedulers import AsyncHyperBandScheduler, TrialScheduler

from results.candidate import Candidate
from results.ranking import reward_at
from reward.objective import Objective


class Asha:
    """Stops a candidate whose reward is not among the best 1 / ``reduction`` at the same epoch.

    Li et al., A System for Massively Parallel Hyperparameter Tuning, 2020, section 3.2, as
    implemented in Ray Tune. At epochs ``grace``, ``grace * reduction``, and so on, a candidate
    continues if its reward is at least the 1 - 1 / ``reduction`` quantile of the candidates that
    reached that epoch before it. The first candidate to reach an epoch always continues, and
    nothing is stopped after its last epoch.

    This object feeds Tune's scheduler with numbers; it is not the scheduler of Tune's controller.
    So it can also be rebuilt from recorded curves. While a candidate trains, its step time is
    measured more precisely, which changes its earlier rewards; then the rungs are rebuilt.
    """

    cause = "asha"

    def __init__(self, objective: Objective, epochs: int, grace: int, reduction: int) -> None:
        """Start with empty rungs; ``epochs`` are those of a full training."""
        self._objective = objective
        self._epochs = epochs
        self._grace = grace
        self._reduction = reduction
        self._rewards: dict[int, tuple[float, ...]] = {}  # by candidate, at each epoch but the last
        self._scheduler: AsyncHyperBandScheduler | None = None

    def verdict(self, candidate: Candidate) -> str | None:
        """Return the reward and the epoch at which it is too low, or None."""
        if len(candidate.curve) >= self._epochs:
            return None
        rewards = self._rewards_of(candidate)
        known_rewards = self._rewards.get(candidate.number, ())
        fed = len(known_rewards)
        scheduler = self._current_scheduler()
        actions = [
            _report(scheduler, candidate.number, epoch, rewards[epoch - 1])
            for epoch in range(fed + 1, len(rewards) + 1)
        ]
        self._rewards[candidate.number] = known_rewards + rewards[fed:]
        if TrialScheduler.STOP not in actions:
            return None
        return f"reward {rewards[-1]:.4f} after epoch {len(rewards)} is not among the best"

    def ended(self, candidate: Candidate) -> None:
        """Keep the candidate's rewards in the rungs, computed with its recorded step time."""
        rewards = self._rewards_of(candidate)
        if rewards != self._rewards.get(candidate.number, ()):
            self._rewards[candidate.number] = rewards
            self._scheduler = None

    def _rewards_of(self, candidate: Candidate) -> tuple[float, ...]:
        """Return the rewards at each epoch but the last; empty before the step is timed."""
        curve = candidate.curve[: self._epochs - 1]
        rewards = [reward_at(candidate, point.accuracy, self._objective) for point in curve]
        return tuple(reward for reward in rewards if reward is not None)

    def _current_scheduler(self) -> AsyncHyperBandScheduler:
        """Return the scheduler, rebuilt from all rewards if one of them has changed."""
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
    """Return Tune's decision; the only thing that it needs of a trial is an identifier."""
    trial: Any = SimpleNamespace(trial_id=str(number))
    controller: Any = None
    if epoch == 1:
        scheduler.on_trial_add(controller, trial)
    return scheduler.on_trial_result(controller, trial, {"epoch": epoch, "reward": reward})
