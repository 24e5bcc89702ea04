"""Reinforcement learning as in MnasNet: a recurrent policy, trained by PPO on the reward."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import cache

import numpy as np
from threadpoolctl import ThreadpoolController

from nas.search.samplers.base import Observation, PointSampler, SamplerState
from nas.search.samplers.domain import Domain
from nas.search.samplers.policy import advantages
from nas.search.samplers.rnn.controller import Controller
from nas.search.samplers.rnn.ppo import Ppo
from nas.search.samplers.rnn.tokens import Tokens
from search_space.space import Point

BATCH = 20  # rewards for an update; NASNet (arXiv:1707.07012), appendix


class RnnSampler(PointSampler):
    """A recurrent policy over the choices, which learns which of them go together.

    MnasNet's (arXiv:1807.11626, sections 4.2 and 5), which trained 8,000 networks with it. An
    update follows after each 20 rewards, in the order in which the trials ended, as if the policy
    of that moment had drawn the points. The advantages are those of
    :class:`nas.search.samplers.policy.PolicySampler`, by the baseline of NASNet, too.

    The policy follows from the seed and from the trials that have ended. It is kept from one
    proposal to the next, and learnt anew where the trials are not those that it learnt from.
    """

    def __init__(self, domain: Domain) -> None:
        super().__init__(domain)
        self._tokens = Tokens.of(domain)
        self._learner: Learner | None = None

    def propose(self, state: SamplerState) -> Point:
        """Return a point drawn from the policy."""
        point = {choice: options[0] for choice, options in self.domain.options.items()}
        if self._tokens:
            policy = self.policy(state.history)
            with _one_thread():
                point |= self._tokens.decode(policy.draw(state.generator))
        return point

    def policy(self, history: Sequence[Observation]) -> Controller:
        """Return the policy after these trials."""
        rewarded = [trial for trial in history if trial.value is not None]
        if self._learner is None or not self._learner.has_learnt_from(rewarded):
            self._learner = Learner(self._tokens, self.domain.seed)
        with _one_thread():
            self._learner.learn(rewarded)
        return self._learner.controller


def _one_thread() -> AbstractContextManager[object]:
    """Let numpy multiply on one thread; beside busy workers, two have taken 50 times as long."""
    limited: AbstractContextManager[object] = _threadpools().limit(limits=1, user_api="blas")
    return limited


@cache
def _threadpools() -> ThreadpoolController:
    return ThreadpoolController()


class Learner:
    """A controller, and the trials that it has learnt from."""

    def __init__(self, tokens: Tokens, seed: int) -> None:
        self._tokens = tokens
        self.controller = Controller(tokens, np.random.default_rng([seed, 0, 1]))
        self._ppo = Ppo(self.controller)
        self._learnt: list[tuple[int, float | None]] = []  # numbers and rewards

    def has_learnt_from(self, trials: Sequence[Observation]) -> bool:
        """Return whether all that it has learnt from are the first of these trials."""
        return _told(trials[: len(self._learnt)]) == self._learnt

    def learn(self, trials: Sequence[Observation]) -> None:
        """Learn from the trials that are new, as far as they fill batches."""
        begin = len(self._learnt)
        ends = range(begin + BATCH, len(trials) + 1, BATCH)
        if not ends:
            return
        weights = np.array(list(advantages([trial.value or 0.0 for trial in trials])))
        for end in ends:
            batch = trials[end - BATCH : end]
            codes = np.array([self._tokens.encode(trial.point) for trial in batch])
            self._ppo.update(codes, weights[end - BATCH : end])
            self._learnt.extend(_told(batch))


def _told(trials: Sequence[Observation]) -> list[tuple[int, float | None]]:
    return [(trial.number, trial.value) for trial in trials]
