"""Optuna proposes: an in-memory study, rebuilt from the record when a search begins."""

from __future__ import annotations

from collections.abc import Iterable

import optuna
from optuna.samplers import BaseSampler
from optuna.trial import TrialState, create_trial

from nas.samplers.random import distributions
from results.candidate import Candidate, State
from results.worth import reward
from reward.objective import Objective
from search_space.architecture import Architecture
from search_space.space import Space


class Proposals:
    """A study whose trial numbers are the candidates' numbers."""

    def __init__(
        self, space: Space, sampler: BaseSampler, objective: Objective, known: Iterable[Candidate]
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._space = space
        self._objective = objective
        self._distributions = distributions(space)
        self._study = optuna.create_study(direction="maximize", sampler=sampler)
        for candidate in known:
            self._add(candidate)

    def next(self) -> tuple[int, Architecture]:
        """The next candidate's number and architecture."""
        trial = self._study.ask(dict(self._distributions))
        return trial.number, self._space.decode(trial.params)

    def tell(self, candidate: Candidate) -> None:
        """How a proposed candidate ended; a failed one has no value, not a bad one."""
        value = reward(candidate, self._objective)
        state = TrialState.FAIL if value is None else TrialState.COMPLETE
        self._study.tell(candidate.number, value, state)

    def _add(self, candidate: Candidate) -> None:
        value = reward(candidate, self._objective)
        state = TrialState.FAIL if value is None else TrialState.COMPLETE
        trial = create_trial(
            state=TrialState.RUNNING if candidate.state is State.RUNNING else state,
            value=value,
            params=self._space.encode(candidate.architecture),
            distributions=dict(self._distributions),
        )
        self._study.add_trial(trial)
