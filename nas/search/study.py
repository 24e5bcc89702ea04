"""Optuna proposes: an in-memory study, rebuilt from the record when a search begins."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import optuna
from optuna.samplers import BaseSampler
from optuna.study import StudyDirection
from optuna.trial import Trial, TrialState, create_trial

from nas.search.samplers.base import OBSERVATION, observation_attrs, tell_candidate
from nas.search.samplers.domain import SpaceExhausted
from nas.search.samplers.random import distributions
from nas.search.samplers.registry import PerTrialSampler
from results.candidate import Candidate, State
from reward.limits import Limits
from reward.objective import Objective
from search_space.architecture import Architecture
from search_space.space import Grid, Point


class Proposal(NamedTuple):
    """A candidate's number and architecture, and the space's parameters that it was made from.

    ``parameters`` is empty for an architecture that the space does not contain; ``image_size`` is
    None where it is the run's.
    """

    number: int
    architecture: Architecture
    parameters: Point
    image_size: int | None = None


class ProposalStudy:
    """A study whose trial numbers are the candidates' numbers.

    It is rebuilt from the candidates' proposals and times, asked and told in their order, so that
    a sampler finds what it had: exactly with one worker, and with several up to what ended while
    another was on its way to its worker.
    """

    def __init__(
        self,
        space: Grid,
        sampler: BaseSampler,
        objective: Objective,
        known: Iterable[Candidate],
        starts: Sequence[Architecture] = (),
        limits: Limits | None = None,
        has_two_objectives: bool = False,
    ) -> None:
        """``starts`` are proposed first; ``limits`` are told to the sampler as constraints. The
        objectives are the reward, or accuracy and step time."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._space = space
        self._sampler = sampler
        self._objective = objective
        self._starts = starts
        self._limits = limits or Limits()
        self._distributions = distributions(space)
        accuracy_or_reward, step_time = StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE
        self._study = optuna.create_study(
            directions=[accuracy_or_reward, step_time][: 1 + has_two_objectives], sampler=sampler
        )
        self._trials: dict[int, Trial] = {}  # by number, those that have not ended
        self._rebuild(sorted(known, key=lambda candidate: candidate.number))

    def next(self) -> Proposal | None:
        """The next candidate; None once there is nothing left to propose."""
        number = len(self._study.get_trials(deepcopy=False))
        if number < len(self._starts):
            architecture = self._starts[number]
            return Proposal(number, architecture, self._dictate(self._space.point_of(architecture)))
        try:
            trial = self._study.ask(dict(self._distributions))
        except SpaceExhausted:
            self._fail_running()
            return None
        self._trials[trial.number] = trial
        point = trial.params
        network, image_size = self._space.decode(point), self._space.image_size(point)
        return Proposal(trial.number, network, point, image_size)

    def reserve(self) -> int:
        """A candidate's number that no proposal gets."""
        self._study.add_trial(create_trial(state=TrialState.FAIL, values=None))
        return len(self._study.get_trials(deepcopy=False)) - 1

    def tell(self, candidate: Candidate) -> None:
        """How a proposed candidate ended; a failed one has no value, not a bad one."""
        trial = self._trials.pop(candidate.number)
        trial.set_user_attr(OBSERVATION, observation_attrs(candidate, self._objective))
        tell_candidate(self._study, trial, candidate, self._objective, self._limits)

    def _rebuild(self, known: Sequence[Candidate]) -> None:
        """Asks and tells in the order of the candidates' times."""
        ends: list[tuple[float, int, Candidate]] = []
        for candidate in known:
            began = math.inf if candidate.started_at is None else candidate.started_at
            while ends and ends[0][0] <= began:
                self.tell(heapq.heappop(ends)[2])
            while len(self._study.get_trials(deepcopy=False)) < candidate.number:
                self.reserve()
            if candidate.confirms is not None:
                self.reserve()
                continue
            self._dictate(self._proposed(candidate))
            if candidate.state is not State.RUNNING:
                heapq.heappush(ends, (candidate.finished_at or 0.0, candidate.number, candidate))
        while ends:
            self.tell(heapq.heappop(ends)[2])

    def _dictate(self, point: Point) -> Point:
        """Makes the next trial one of these parameters, or of none."""
        if point:
            self._study.enqueue_trial(point)
        trial = self._study.ask(dict(self._distributions) if point else None)
        if point and isinstance(self._sampler, PerTrialSampler):
            _ = trial.relative_params  # asks, as NSGA-II notes its generation when it is asked
        self._trials[trial.number] = trial
        return trial.params

    def _proposed(self, candidate: Candidate) -> Point:
        """What it was made from, also in a record that does not hold proposals yet."""
        return dict(candidate.proposal) or self._space.point_of(candidate.architecture)

    def _fail_running(self) -> None:
        """Ends the trial that nothing was found for, so that nobody waits for it."""
        for trial in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if trial.number not in self._trials:
                self._study.tell(trial.number, state=TrialState.FAIL)
