"""A search on a table: sampler and pruners are those of a search, training is looked up."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from statistics import median

import numpy as np
from numpy.typing import NDArray

from nas.replay.table import Table
from nas.search.earlier_runs import EarlierRun
from nas.search.pruners.base import Pruner, first_stop, tell_pruners
from nas.search.samplers.domain import Domain, ParameterCount
from nas.search.samplers.registry import TWO_OBJECTIVE_SAMPLERS, SearchProblem, make_sampler
from nas.search.study import ProposalStudy
from results.candidate import Candidate, State
from results.ranking import reward
from reward.objective import Objective
from reward.step_time.measurement import median_interval
from search_space.space import Point
from search_space.task import Task


@dataclass(frozen=True)
class Trace:
    """The epochs trained and the best reward so far, after each candidate of one search.

    The best is -inf before the first complete candidate.
    """

    epochs: tuple[int, ...]
    best: tuple[float, ...]

    def epochs_to(self, target: float) -> float:
        """Return the epochs until the best reached the target, or inf if it never did."""
        pairs = zip(self.epochs, self.best, strict=True)
        return next((epochs for epochs, best in pairs if best >= target), math.inf)


class Replay:
    """Runs searches on a table, one worker at a time.

    A sampler only gets networks of the table: each proposal is replaced by the nearest network that
    it has not had yet (:class:`nas.search.samplers.domain.Domain`), and a sampler that ranks all
    points ranks those of the table. Random search takes the networks in random order.
    """

    def __init__(
        self,
        table: Table,
        objective: Objective,
        earlier: Sequence[EarlierRun] = (),
        parameters: ParameterCount | None = None,
    ) -> None:
        """Create the replay; ``earlier`` are the runs that sampler ``model`` learns from.

        ``parameters`` may be shared by replays of one task, as it keeps what it has counted.
        """
        self._table = table
        self._objective = objective
        self._earlier = earlier
        self._space = table.space
        task = Task(int(table.settings["classes"]), int(table.settings["in_channels"]))
        self._parameters = parameters or ParameterCount(task)
        self._rows = {c.architecture.architecture_id: c for c in table.candidates}
        self._points: Sequence[Point] = [
            self._space.encode(candidate.architecture) for candidate in table.candidates
        ]

    def run(
        self,
        sampler: str,
        seed: int,
        budget: int,
        new_pruners: Callable[[], Sequence[Pruner]] = list,
        target: float = math.inf,
    ) -> Trace:
        """Run one search of ``budget`` candidates, or until it reaches the target.

        ``new_pruners`` makes the pruners of the search.
        """
        study, pruners = self._study(sampler, seed), new_pruners()
        epochs, best = [0], [-math.inf]
        for clock in count():
            proposal = study.ask() if clock < budget and best[-1] < target else None
            if proposal is None:
                return Trace(tuple(epochs[1:]), tuple(best[1:]))
            candidate = replace(
                self._rows[proposal.architecture.architecture_id],
                number=proposal.number,
                proposal=proposal.point,
                started_at=float(clock),
                started_event=None,
                ended_event=None,
            )
            ended = trained_with(candidate, pruners)
            study.tell(ended)
            tell_pruners(pruners, [ended])
            value = reward(ended, self._objective)
            epochs.append(epochs[-1] + len(ended.curve))
            best.append(best[-1] if value is None else max(best[-1], value))
        raise AssertionError  # a count does not end

    def _study(self, sampler: str, seed: int) -> ProposalStudy:
        domain = Domain(self._space, seed, self._parameters, points=self._points)
        return ProposalStudy(
            self._space,
            make_sampler(sampler, SearchProblem(domain, self._objective, earlier=self._earlier)),
            self._objective,
            known=[],
            has_two_objectives=sampler in TWO_OBJECTIVE_SAMPLERS,
        )


def trained_with(recorded: Candidate, pruners: Sequence[Pruner]) -> Candidate:
    """Show each recorded epoch to the pruners; return the candidate as they let it end."""
    end = (recorded.started_at or 0.0) + 0.5
    for epochs in range(len(recorded.curve) + 1):
        running = replace(
            recorded, state=State.RUNNING, accuracy=None, curve=recorded.curve[:epochs]
        )
        ended = first_stop(running, pruners)
        if ended is not None:
            return replace(ended, finished_at=end)
    return replace(recorded, finished_at=end)


@dataclass(frozen=True)
class Cost:
    """The epochs until a target reward is reached: the median over repeats, its 95 % interval.

    They are inf where the target was not reached within the budget. ``reached`` is the share of
    repeats that reached it.
    """

    median: float
    interval: tuple[float, float] | None
    reached: float


def cost(traces: Sequence[Trace], target: float) -> Cost:
    """Return what reaching the target cost over the traces."""
    epochs = sorted(trace.epochs_to(target) for trace in traces)
    reached = sum(math.isfinite(value) for value in epochs) / len(epochs)
    return Cost(median(epochs), median_interval(epochs), reached)


def bests_at(traces: Sequence[Trace], epochs: Sequence[int]) -> NDArray[np.float64]:
    """Return the best reward after so many epochs, (traces, epochs); NaN before the first one.

    Past the end of a trace, its last best holds.
    """
    rows = []
    for trace in traces:
        places = np.searchsorted(trace.epochs, epochs, side="right") - 1
        best = np.array(trace.best)[np.maximum(places, 0)]
        rows.append(np.where((places < 0) | np.isinf(best), np.nan, best))
    return np.array(rows)
