"""When a search ends and what it costs, forecast from the trainings that have ended."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Protocol, Self

from results.candidate import BACKBONE, EVALUATED, State
from results.comparison import Comparison, Fidelity

RECENT = 1000  # candidates whose durations are expected of those to come
FEWEST = 3  # candidates that must have ended before anything is forecast
_NORMAL = 1.645  # 90 % of a normal distribution are within so many deviations

Interval = tuple[float, float]


class Timed(Protocol):
    """A training with its times in Unix seconds, such as a :class:`results.candidate.Candidate`."""

    @property
    def number(self) -> int:
        """The number of its candidate."""

    @property
    def state(self) -> State:
        """Its state; a duplicate is not trained, and takes no time."""

    @property
    def confirms(self) -> int | None:
        """The candidate that it trains again, or the backbone; None in the search itself."""

    @property
    def started_at(self) -> float | None:
        """When it began."""

    @property
    def finished_at(self) -> float | None:
        """When it ended; None while it runs."""


@dataclass(frozen=True)
class Plan:
    """What a search is to do.

    ``budget`` candidates are to be evaluated, unless the space or the time, ``until`` (Unix
    seconds), is spent before; all three may be inf. Then come ``confirmations``, trainings that
    take ``confirmation_factor`` times as long as a candidate's. ``price`` is that of an hour of one
    worker, None if it is not known.
    """

    budget: float = math.inf
    space_size: float = math.inf
    until: float = math.inf
    confirmations: int = 0
    confirmation_factor: float = 1.0
    price: float | None = None
    confirms_at_once: bool = False  # each candidate, before the next one begins
    longest_factor: float | None = None  # of a confirmation, where they take unequally long

    @property
    def candidates(self) -> float:
        """How many candidates are to be evaluated; inf if that is not known."""
        return min(self.budget, self.space_size)

    @classmethod
    def recorded(cls, settings: Mapping[str, Any], space_size: float) -> Self:
        """Return the plan in a run's settings; earlier releases' lack some.

        Raises:
            TypeError, ArithmeticError: settings that no search records.
        """
        if settings.get("proxy") is not None:
            return cls._of_comparison(settings, space_size)
        until = settings.get("until")
        epochs = settings.get("confirm_epochs")
        return cls(
            budget=settings.get("budget") or math.inf,
            space_size=space_size,
            until=math.inf if until is None else until,
            confirmations=settings.get("confirm", 0) * settings.get("confirm_seeds", 0),
            confirmation_factor=epochs / (settings.get("epochs") or epochs) if epochs else 1.0,
            price=settings.get("price"),
        )

    @classmethod
    def _of_comparison(cls, settings: Mapping[str, Any], space_size: float) -> Self:
        """Return the plan of ``nas proxy``: full and tried trainings count as confirmations."""
        comparison, networks = Comparison.recorded(settings), settings["budget"]
        assert comparison is not None
        count, proxy = comparison.trainings(networks), Fidelity.from_json(settings)
        until = settings.get("until")
        return cls(
            budget=networks,
            space_size=space_size,
            until=math.inf if until is None else until,
            confirmations=count,
            confirmation_factor=comparison.work(proxy, networks) / count,
            longest_factor=max(each.work for each in comparison.fidelities.values()) / proxy.work,
            price=settings.get("price"),
            confirms_at_once=True,
        )


@dataclass(frozen=True)
class Forecast:
    """The expected end of a search; pairs are the ends of a 90 % interval.

    ``ends_at`` are Unix seconds. ``candidates`` will have been evaluated, fewer than planned if
    ``is_cut``, that is, if the time is up before. The cost is that of the workers: from the start
    to now, and from the start to the end.
    """

    ends_at: Interval
    candidates: int
    is_cut: bool
    cost_so_far: float | None = None
    cost: Interval | None = None


@dataclass(frozen=True)
class Durations:
    """How long the next trainings take, as estimated from ``count`` that have ended; in seconds."""

    count: int
    mean_s: float
    deviation_s: float
    longest_s: float

    @classmethod
    def estimated(cls, ended_s: Sequence[float], running_s: Sequence[float] = ()) -> Self:
        """Return the estimate from at least one that ended and from what runs since its start.

        Early in a search mostly short trainings have ended, and the mean m of these is too low.
        What runs corrects that: k trainings that ended and r that run have taken the time
        ``k * m + r * m * (1 - c**2) / 2`` together, as in renewal theory (Cox 1962); c is the
        coefficient of variation.
        """
        mean_s, count = fmean(ended_s), len(ended_s)
        variance = sum((s - mean_s) ** 2 for s in ended_s) / max(1, count - 1)
        square = min(1.0, variance / mean_s**2) if mean_s else 0.0
        running = sum(s > 0 for s in running_s)
        corrected_s = (sum(ended_s) + sum(running_s)) / (count + running * (1 - square) / 2)
        scale = corrected_s / mean_s if mean_s else 1.0
        return cls(count, corrected_s, scale * math.sqrt(variance), max(ended_s))

    def scaled(self, factor: float) -> Self:
        """Return the durations of trainings that are so many times as long."""
        times = (factor * s for s in (self.mean_s, self.deviation_s, self.longest_s))
        return type(self)(self.count, *times)


def time_left_s(
    durations: Durations, workers: int, trainings: float, begun_s: float = 0.0
) -> Interval:
    """Return the 90 % interval of the seconds in which ``workers`` do so many more trainings.

    Those of them that run have taken ``begun_s`` so far. The sum over n trainings has the variance
    ``n * s**2 + (n * s)**2 / k``: that of the trainings, and that of their mean, which k trainings
    have shown. The end is between the sum's share of a worker and a longest training more, as the
    last ones do not end at once (Graham 1969).
    """
    if trainings <= 0:
        return 0.0, 0.0
    if trainings == math.inf:
        return math.inf, math.inf
    count = durations.count
    deviation_s = durations.deviation_s * math.sqrt(trainings + trainings**2 / count)
    spread_s = _NORMAL * (1 + 1.5 / max(1, count - 1)) * deviation_s  # about Student's t
    sum_s = max(0.0, trainings * durations.mean_s - begun_s)
    at_once = min(workers, math.ceil(trainings))
    last_s = (1 - 1 / at_once) * durations.longest_s
    return max(0.0, sum_s - spread_s) / at_once, (sum_s + spread_s) / at_once + last_s


class Course:
    """The times of a run's trainings so far, from which its end is forecast."""

    def __init__(self, trainings: Iterable[Timed] = ()) -> None:
        self.evaluated = 0
        self._confirmed = 0
        self._spent_s = 0.0  # by workers on trainings that ended
        self._last_end = -math.inf
        self._running: dict[int, float] = {}  # their starts, by number
        self._recent: deque[tuple[float, float, bool]] = deque(maxlen=RECENT)  # is it evaluated
        self._confirmations_s: deque[float] = deque(maxlen=RECENT)
        for training in trainings:
            self.add(training)

    def add(self, training: Timed) -> None:
        """Take note of a training that runs or has ended."""
        start, end = training.started_at, training.finished_at
        if training.state is State.RUNNING:
            if start is not None:
                self._running[training.number] = start
            return
        self._running.pop(training.number, None)
        is_evaluated = training.confirms is None and training.state in EVALUATED
        self.evaluated += is_evaluated
        if start is None or end is None or training.state is State.DUPLICATE:
            return
        end = max(start, end)  # the clocks of two machines may differ
        self._spent_s += end - start
        self._last_end = max(self._last_end, end)
        if training.confirms is None:
            self._recent.append((start, end, is_evaluated))
        elif training.confirms != BACKBONE:
            self._confirmed += 1
            self._confirmations_s.append(end - start)

    def forecast(self, plan: Plan) -> Forecast | None:
        """Return when the search ends by this plan; None while too little has ended to tell."""
        workers, at = self._workers(), self._now()
        share = sum(counts for *_, counts in self._recent) / max(1, len(self._recent))
        if len(self._recent) < max(FEWEST, workers) or not share:
            return None
        begun_s = [max(0.0, at - start) for start in self._running.values()]
        durations = self._durations(begun_s)
        if not durations.mean_s:
            return None
        left = max(0.0, plan.candidates - self.evaluated)
        search_s = time_left_s(durations, workers, left / share, sum(begun_s))
        confirm_s = self._confirm_s(plan, durations, workers)
        low, high = (at + a + b for a, b in zip(search_s, confirm_s, strict=True))
        is_cut = low + high > 2 * plan.until
        if high == math.inf and not is_cut:
            return None
        if is_cut and plan.confirms_at_once:  # what is left shrinks alike in all of its parts
            left *= max(0.0, plan.until - at) / ((low + high) / 2 - at)
        elif is_cut:
            room_s = max(0.0, plan.until - at - fmean(confirm_s))
            left = min(left, share * workers * room_s / durations.mean_s)
        ends_at = min(low, plan.until), min(high, plan.until)
        forecast = Forecast(ends_at, self.evaluated + round(left), is_cut)
        return forecast if plan.price is None else self._priced(forecast, plan.price, workers, at)

    def _durations(self, begun_s: Sequence[float]) -> Durations:
        ended_s = [end - start for start, end, _ in self._recent]
        is_early = len(ended_s) < RECENT  # later, short and long ones have ended alike
        return Durations.estimated(ended_s, begun_s if is_early else ())

    def _confirm_s(self, plan: Plan, durations: Durations, workers: int) -> Interval:
        if self._confirmations_s:
            durations = Durations.estimated(self._confirmations_s)
        else:
            durations = durations.scaled(plan.confirmation_factor)
        return time_left_s(durations, workers, plan.confirmations - self._confirmed)

    def _priced(self, forecast: Forecast, price: float, workers: int, at: float) -> Forecast:
        """Return the forecast with the cost; all workers are kept until the end."""
        spent_s = self._spent_s
        spent_s += sum(max(0.0, at - start) for start in self._running.values())
        low, high = (price * (spent_s + workers * (end - at)) / 3600 for end in forecast.ends_at)
        so_far = price * self._spent_s / 3600
        return Forecast(forecast.ends_at, forecast.candidates, forecast.is_cut, so_far, (low, high))

    def _now(self) -> float:
        """Return the moment of the last event, or after a pause that of the first new start."""
        return max(self._last_end, min(self._running.values(), default=-math.inf))

    def _workers(self) -> int:
        """Return how many trainings ran at once at most, of the last ones."""
        events = [(start, 1) for start, *_ in self._recent]
        events += [(end, -1) for _, end, _ in self._recent]
        events += [(start, 1) for start in self._running.values()]
        at_once, most = 0, 1
        for _, change in sorted(events):
            at_once += change
            most = max(most, at_once)
        return most


def worked_s(trainings: Iterable[Timed]) -> float:
    """Return the seconds in which at least one of the trainings that have ended was running."""
    spans = sorted(
        (t.started_at, t.finished_at)
        for t in trainings
        if t.started_at is not None and t.finished_at is not None
    )
    total, until = 0.0, -math.inf
    for start, end in spans:
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total
