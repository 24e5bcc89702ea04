"""The progress display of a search, and the redirection of all other output."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import fmean

from rich.console import Console
from rich.live import Live
from rich.text import Text

from nas.notebook import NotebookLine, is_notebook
from results.candidate import (
    EVALUATED,
    FULL,
    PROXY,
    Candidate,
    State,
    devices,
    mixed_devices_warning,
)
from results.forecast import Course, Forecast, Interval, Plan
from results.ranking import normalized_step_time, reward
from reward.metric import ACCURACY, METRICS, Metric
from reward.objective import Objective


class Progress:
    """Shows one live line on a terminal; without a terminal, one line for each ended candidate.

    On a terminal, each failure is printed as a line too.
    """

    def __init__(
        self,
        console: Console,
        objective: Objective,
        plan: Plan,
        known: list[Candidate],
        metric: Metric = METRICS[ACCURACY],
    ) -> None:
        self._console = console
        self._objective = objective
        self._metric = metric
        self._plan = plan
        # What an earlier process left running starts again.
        self._course = Course(c for c in known if c.state is not State.RUNNING)
        self._forecast: Forecast | None = None
        self._states: Counter[State] = Counter()  # without confirmations
        self._confirmations = 0  # complete ones
        self._backbone: list[float] = []  # rewards of its trainings
        self._best: tuple[float, int] | None = None
        self._epochs: Counter[int] = Counter()  # of the running candidates, by number
        self._start = time.monotonic()
        self._live: Live | None = None
        self._notebook: NotebookLine | None = None
        self._devices = devices(known)
        for candidate in known:
            self._count(candidate)
        self._evaluated_before = self._evaluated

    @contextmanager
    def shown(self, by_itself: bool = True) -> Iterator[None]:
        """Show the line on the terminal, or in the notebook, until this context ends.

        It is drawn anew four times a second by a thread, or else after each report.
        """
        self._start = time.monotonic()
        if is_notebook() and not self._console.quiet:
            self._notebook = NotebookLine()
            self._draw_in_notebook()
            yield
            self._draw_in_notebook()
            self._notebook = None
            return
        if not self._console.is_terminal:
            yield
            return
        with Live(
            get_renderable=self.line,
            console=self._console,
            refresh_per_second=4,
            auto_refresh=by_itself,
        ) as self._live:
            yield
        self._live = None

    def __call__(self, candidate: Candidate) -> None:
        """Update the display after a candidate started, finished an epoch, or ended."""
        self._take(candidate)
        if self._live is not None and not self._live.auto_refresh:
            self._live.refresh()
        if self._notebook is not None:
            self._draw_in_notebook()

    def _draw_in_notebook(self) -> None:
        assert self._notebook is not None
        budget = self._plan.candidates
        done = self._evaluated / budget if 0 < budget < math.inf else 0.0
        self._notebook.show(str(self.line()), done)

    def _take(self, candidate: Candidate) -> None:
        self._course.add(candidate)
        if candidate.state is State.RUNNING:
            self._epochs[candidate.number] = len(candidate.curve)
            return
        self._epochs.pop(candidate.number, None)
        self._count(candidate)
        self._forecast = self._course.forecast(self._plan)
        self._note_device(candidate)
        if candidate.state is State.FAILED:
            name = "backbone" if candidate.is_backbone else f"candidate {candidate.number}"
            self._print(f"{name} failed: {candidate.cause}: {candidate.detail}")
        elif not self._console.is_terminal and self._notebook is None:
            self._print(f"{self._describe(candidate)}; {self.line()}")

    def _note_device(self, candidate: Candidate) -> None:
        """Warn once for each further kind of device that step times do not compare exactly."""
        kinds = len(self._devices)
        self._devices += devices([candidate])
        if len(self._devices) > max(kinds, 1):
            self._print(mixed_devices_warning(self._devices))

    @property
    def _evaluated(self) -> int:
        return sum(self._states[state] for state in EVALUATED)

    def _count(self, candidate: Candidate) -> None:
        if candidate.is_backbone:
            value = reward(candidate, self._objective)
            self._backbone += [value] if value is not None else []
            return
        if candidate.confirms is not None:
            self._confirmations += candidate.state is State.COMPLETE
            return
        self._states[candidate.state] += 1
        value = reward(candidate, self._objective)
        if value is not None and (self._best is None or value > self._best[0]):
            self._best = (value, candidate.number)

    def line(self) -> Text:
        """Return done/budget, rate, time left, cost, best so far and other states."""
        parts = [self._done(), *self._pace()]
        if self._best:
            parts.append(f"best {self._best[0]:.4f} (no. {self._best[1]})")
        for state in (State.STOPPED, State.INFEASIBLE, State.FAILED):
            if self._states[state]:
                parts.append(f"{self._states[state]} {state.value}")
        if self._confirmations:
            parts.append(f"{self._confirmations} retrained")
        if self._backbone:
            parts.append(f"backbone {fmean(self._backbone):.4f}")
        return Text(" · ".join(parts), no_wrap=True, overflow="ellipsis")

    def _done(self) -> str:
        if self._forecast is not None and self._forecast.is_cut:
            return f"{self._evaluated} of about {self._forecast.candidates}"
        if self._plan.budget == math.inf:
            return f"{self._evaluated}"
        return f"{self._evaluated}/{self._plan.candidates}"

    def _pace(self) -> list[str]:
        """Return the rate, the time left and the cost, or what is done where there is no rate."""
        done, left = (
            self._evaluated - self._evaluated_before,
            self._plan.candidates - self._evaluated,
        )
        if left <= 0:
            return ["confirming", *self._outlook()] if self._epochs else []
        if done:
            seconds = (time.monotonic() - self._start) / done
            left_s = min(seconds * left, self._plan.until - time.time())
            outlook = self._outlook() or [f"{duration(max(0.0, left_s))} left"]
            # The rate gives way to the cost, so that the line fits 80 columns.
            return outlook if len(outlook) > 1 else [f"{60 / seconds:.1f}/min", *outlook]
        return [self._first_candidates()] if self._console.is_terminal else []

    def _outlook(self) -> list[str]:
        """Return the time left and the cost, as forecast; nothing without a forecast."""
        if self._forecast is None:
            return []
        now = time.time()
        low, high = (max(0.0, moment - now) for moment in self._forecast.ends_at)
        parts = [f"{duration_range(low, high)} left"]
        if self._forecast.cost is not None:
            parts.append(f"cost {cost_range(self._forecast.cost)}")
        return parts

    def _first_candidates(self) -> str:
        """Return how far the first candidates are, while none has ended."""
        if not self._epochs:
            return "starting workers"
        epoch = max(self._epochs.values())
        doing = f"epoch {epoch} done" if epoch else "measuring"
        return f"first candidates: {doing}, {duration(time.monotonic() - self._start)}"

    def _describe(self, candidate: Candidate) -> str:
        text = f"candidate {candidate.number}: {candidate.state.value}"
        if candidate.is_backbone:
            text = f"backbone: {candidate.state.value}"
        elif candidate.confirms is not None:
            how = _FIDELITIES.get(candidate.fidelity, f"at {candidate.fidelity}")
            text = f"candidate {candidate.confirms} {how}, as {text}"
        value = reward(candidate, self._objective)
        if candidate.accuracy is not None and value is not None:
            step_time = f"{normalized_step_time(candidate):.2f} x the backbone's"
            text += (
                f", {self._metric.title} {100 * candidate.accuracy:.1f} %"
                f", step {step_time}{_unsteady_mark(candidate)}"
                f", reward {value:.4f}"
            )
        elif candidate.state is State.STOPPED:
            epochs = len(candidate.curve)
            when = f"after epoch {epochs}" if epochs else "before training"
            text += f" {when} ({candidate.cause})"
        elif candidate.detail:
            text += f" ({candidate.detail})"
        return text

    def _print(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)


# How a candidate is trained once more; any other fidelity is one that was tried.
_FIDELITIES = {None: "again", FULL: "in full", PROXY: "by the proxy again"}


def _unsteady_mark(candidate: Candidate) -> str:
    return " (unsteady)" if candidate.step_time and candidate.step_time.unsteady else ""


def duration(seconds: float) -> str:
    """Return a rounded duration, such as 40 s, 12 min, 3.5 h or 2.1 days."""
    for limit, scale, unit in ((90, 1, "s"), (5400, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            number = seconds / scale
            return f"{number:.1f} {unit}" if unit == "h" else f"{number:.0f} {unit}"
    return f"{seconds / 86_400:.1f} days"


def duration_range(low_s: float, high_s: float) -> str:
    """Return two rounded durations, such as 25 to 31 min, or one if both are the same."""
    low, high = duration(low_s), duration(high_s)
    if low == high:
        return high
    (low_number, low_unit), high_unit = low.split(), high.split()[1]
    return f"{low_number if low_unit == high_unit else low} to {high}"


def cost_range(cost: Interval) -> str:
    """Return two rounded costs, such as 4.10 to 4.45, or one if both are the same."""
    low, high = (f"{c:,.0f}" if cost[1] >= 10 else f"{c:.2f}" for c in cost)
    return high if low == high else f"{low} to {high}"
