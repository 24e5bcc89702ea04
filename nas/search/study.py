"""The Optuna study that proposes candidates, kept in memory and rebuilt from the record."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Sequence
from contextlib import suppress
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
    """A candidate's number and architecture, and the point of the space that it was decoded from.

    ``point`` is empty for an architecture outside the space. ``image_size`` is
    None if it is that of the run.
    """

    number: int
    architecture: Architecture
    point: Point
    image_size: int | None = None


class ProposalStudy:
    """An ask-and-tell study whose trial numbers are the candidates' numbers.

    It is rebuilt from the candidates' proposals, asked and told in the order of their events. So
    with one worker, a sampler gets exactly the state that it had. With several, the state may
    differ in candidates that ended while another one was being sent to its worker.
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
        """Create the study and tell it the ``known`` candidates.

        ``starts`` are proposed first. ``limits`` become constraints of the trials. The objective is
        the reward, or with ``has_two_objectives``, accuracy and step time.
        """
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
        self._asked = 0  # proposals so far
        self._trials: dict[int, Trial] = {}  # by number, only those that have not ended
        self._rebuild(sorted(known, key=lambda candidate: candidate.number))

    @property
    def are_starts_left(self) -> bool:
        """Whether the next proposal is one of the starts."""
        return self._asked < len(self._starts)

    def ask(self, wanted: Point | None = None) -> Proposal | None:
        """Return the next proposal, or None if the space is exhausted.

        Starts come first, then the ``wanted`` point, if there is one, then what the sampler draws.
        """
        number = len(self._study.get_trials(deepcopy=False))
        if self.are_starts_left:
            architecture = self._starts[self._asked]
            point = self._ask_for(self._space.point_of(architecture))
            return Proposal(number, architecture, point)
        if wanted:
            return Proposal(number, self._space.decode(wanted), self._ask_for(wanted))
        try:
            trial = self._study.ask(dict(self._distributions))
        except SpaceExhausted:
            self._fail_unanswered_trial()
            return None
        self._asked += 1
        self._trials[trial.number] = trial
        point = trial.params
        architecture, image_size = self._space.decode(point), self._space.image_size(point)
        return Proposal(trial.number, architecture, point, image_size)

    def reserve(self) -> int:
        """Return a candidate's number and keep it from being used by a proposal."""
        self._study.add_trial(create_trial(state=TrialState.FAIL, values=None))
        return len(self._study.get_trials(deepcopy=False)) - 1

    def tell(self, candidate: Candidate) -> None:
        """Tell the study how a proposed candidate ended; a failed one gets no value at all."""
        trial = self._trials.pop(candidate.number)
        trial.set_user_attr(OBSERVATION, observation_attrs(candidate, self._objective))
        tell_candidate(self._study, trial, candidate, self._objective, self._limits)

    def _rebuild(self, known: Sequence[Candidate]) -> None:
        """Ask for and tell the known candidates, in the order in which they began and ended."""
        ends: list[tuple[tuple[int, float], int, Candidate]] = []
        for candidate in known:
            while ends and ends[0][0] <= _start(candidate):
                self.tell(heapq.heappop(ends)[2])
            while len(self._study.get_trials(deepcopy=False)) < candidate.number:
                self.reserve()
            if candidate.confirms is not None:
                self.reserve()
                continue
            self._ask_for(self._proposed_point(candidate))
            if candidate.state is not State.RUNNING:
                heapq.heappush(ends, (_end(candidate), candidate.number, candidate))
        while ends:
            self.tell(heapq.heappop(ends)[2])

    def _ask_for(self, point: Point) -> Point:
        """Start the next trial with this point, or without one if it is empty."""
        self._asked += 1
        if point:
            self._study.enqueue_trial(point)
        trial = self._study.ask(dict(self._distributions) if point else None)
        if point and isinstance(self._sampler, PerTrialSampler):
            with suppress(SpaceExhausted):  # it has none of its own left
                _ = trial.relative_params  # asks it: NSGA-II then notes the trial's generation
        self._trials[trial.number] = trial
        return trial.params

    def _proposed_point(self, candidate: Candidate) -> Point:
        """Return the candidate's point, also from early records, which hold no proposals."""
        return dict(candidate.proposal) or self._space.point_of(candidate.architecture)

    def _fail_unanswered_trial(self) -> None:
        """End the trial that got no point, so that it does not count as running."""
        for trial in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if trial.number not in self._trials:
                self._study.tell(trial.number, state=TrialState.FAIL)


def _start(candidate: Candidate) -> tuple[int, float]:
    """Return the place of a candidate's start among events, by time in early records."""
    at = math.inf if candidate.started_at is None else candidate.started_at
    return candidate.started_event or 0, at


def _end(candidate: Candidate) -> tuple[int, float]:
    return candidate.ended_event or 0, candidate.finished_at or 0.0
