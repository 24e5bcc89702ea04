"""A search on a table: the strategy and the rules are the real ones, training is looked up."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from statistics import median

import numpy as np
from numpy.typing import NDArray

from nas.replay.table import Table
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
    """After each candidate of one search: epochs trained so far, and the best reward so far.

    Before the first complete candidate the best is -inf.
    """

    epochs: tuple[int, ...]
    best: tuple[float, ...]

    def epochs_to(self, target: float) -> float:
        """The epochs after which the best was the target or more; inf where it never was."""
        pairs = zip(self.epochs, self.best, strict=True)
        return next((epochs for epochs, best in pairs if best >= target), math.inf)


class Replay:
    """Runs searches on a table, one worker at a time.

    A strategy is confined to the table's networks: what it proposes is taken to the nearest that it
    has not had yet (:class:`nas.search.samplers.domain.Domain`), and one that chooses among all
    points chooses among these. Random search takes the table's in a random order.
    """

    def __init__(self, table: Table, objective: Objective) -> None:
        self._table = table
        self._objective = objective
        self._space = table.space
        task = Task(int(table.settings["classes"]), int(table.settings["in_channels"]))
        self._parameters = ParameterCount(task)
        self._rows = {c.architecture.architecture_id: c for c in table.candidates}
        self._points: Sequence[Point] = [
            self._space.encode(candidate.architecture) for candidate in table.candidates
        ]

    def run(
        self,
        sampler: str,
        seed: int,
        budget: int,
        rules: Callable[[], Sequence[Pruner]] = list,
        target: float = math.inf,
    ) -> Trace:
        """One search of ``budget`` candidates, or until it has reached the target."""
        proposals, own_rules = self._proposals(sampler, seed), rules()
        epochs, best = [0], [-math.inf]
        for clock in count():
            proposal = proposals.ask() if clock < budget and best[-1] < target else None
            if proposal is None:
                return Trace(tuple(epochs[1:]), tuple(best[1:]))
            candidate = replace(
                self._rows[proposal.architecture.architecture_id],
                number=proposal.number,
                proposal=proposal.point,
                started_at=float(clock),
            )
            ended = _trained(candidate, own_rules)
            proposals.tell(ended)
            tell_pruners(own_rules, [ended])
            value = reward(ended, self._objective)
            epochs.append(epochs[-1] + len(ended.curve))
            best.append(best[-1] if value is None else max(best[-1], value))
        raise AssertionError  # a count does not end

    def _proposals(self, sampler: str, seed: int) -> ProposalStudy:
        domain = Domain(self._space, seed, self._parameters, points=self._points)
        return ProposalStudy(
            self._space,
            make_sampler(sampler, SearchProblem(domain, self._objective)),
            self._objective,
            known=[],
            has_two_objectives=sampler in TWO_OBJECTIVE_SAMPLERS,
        )


def _trained(recorded: Candidate, rules: Sequence[Pruner]) -> Candidate:
    """The recorded candidate as the rules let it end, each epoch shown to them."""
    end = (recorded.started_at or 0.0) + 0.5
    for epochs in range(len(recorded.curve) + 1):
        running = replace(
            recorded, state=State.RUNNING, accuracy=None, curve=recorded.curve[:epochs]
        )
        ended = first_stop(running, rules)
        if ended is not None:
            return replace(ended, finished_at=end)
    return replace(recorded, finished_at=end)


@dataclass(frozen=True)
class Cost:
    """Epochs until a target reward is reached, over repeats: median and its 95 % interval.

    inf where it was not reached within the budget; ``reached`` is the share of repeats that did.
    """

    median: float
    interval: tuple[float, float] | None
    reached: float


def expected_best(rewards: Sequence[float], budget: int) -> float:
    """The mean best of ``budget`` rewards drawn without replacement: random search's on a table."""
    chances = best_chances(len(rewards), budget)
    return math.fsum(c * value for c, value in zip(chances, sorted(rewards), strict=True))


def best_chances(count: int, budget: int) -> list[float]:
    """How likely each of ``count``, the smallest first, is the best of ``budget`` of them drawn.

    The i-th smallest of n is the best of k with probability C(i - 1, k - 1) / C(n, k).
    """
    if not 1 <= budget <= count:
        raise ValueError(f"budget: got {budget}, must be from 1 to {count}")
    total = math.comb(count, budget)
    return [math.comb(i, budget - 1) / total for i in range(count)]


def cost(traces: Sequence[Trace], target: float) -> Cost:
    """What reaching the target took."""
    epochs = sorted(trace.epochs_to(target) for trace in traces)
    reached = sum(math.isfinite(value) for value in epochs) / len(epochs)
    return Cost(median(epochs), median_interval(epochs), reached)


def bests_at(traces: Sequence[Trace], epochs: Sequence[int]) -> NDArray[np.float64]:
    """The best reward by the time that so many epochs were spent, (traces, epochs); NaN before any.

    Past the end of a trace its last best holds.
    """
    rows = []
    for trace in traces:
        places = np.searchsorted(trace.epochs, epochs, side="right") - 1
        best = np.array(trace.best)[np.maximum(places, 0)]
        rows.append(np.where((places < 0) | np.isinf(best), np.nan, best))
    return np.array(rows)
