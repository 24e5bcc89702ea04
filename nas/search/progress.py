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
from nas.search.live_view import LiveView, PlannedEpochs
from nas.terminal import is_ascii, plot_text
from results.candidate import (
    EVALUATED,
    FULL,
    PROXY,
    Candidate,
    State,
    devices,
    mixed_devices_warning,
)
from results.forecast import Course, Forecast, Plan
from results.ranking import normalized_step_time, reward
from results.standing import done
from results.text_plot import filled
from results.units import cost_range, duration, duration_range
from reward.metric import ACCURACY, METRICS, Metric
from reward.objective import Objective


class Progress:
    """Prints a line for each candidate that ended, and draws below them what is going on.

    A terminal shows the candidates that run, the front as a plot, and a line with the standing of
    the search; a notebook that line alone. Elsewhere it stands in the line of each candidate, and
    each phase of the start is a line too.
    """

    def __init__(
        self,
        console: Console,
        objective: Objective,
        plan: Plan,
        known: list[Candidate],
        metric: Metric = METRICS[ACCURACY],
        epochs_of: PlannedEpochs = lambda _: None,
    ) -> None:
        self._console = console
        self._objective = objective
        self._metric = metric
        self._plan = plan
        self._view = LiveView(metric, epochs_of, known)
        # What an earlier process left running starts again.
        ended = (c for c in known if c.state is not State.RUNNING)
        self._course = Course(sorted(ended, key=lambda c: c.finished_at or math.inf))
        self._forecast: Forecast | None = None
        self._phase = "starting"
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
        """Draw on the terminal, or in the notebook, until this context ends.

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
        if not self._draws:
            yield
            return
        with Live(
            get_renderable=self._region,
            console=self._console,
            refresh_per_second=4,
            auto_refresh=by_itself,
            # Where a thread draws, the process's own output goes into the log.
            redirect_stdout=not by_itself,
            redirect_stderr=not by_itself,
        ) as self._live:
            yield
        self._live = None

    def begin(self, phase: str) -> None:
        """Show a phase of the start, before the first candidate begins."""
        self._phase = phase
        if self._notebook is not None:
            self._draw_in_notebook()
        elif self._live is None:
            self._print(phase)
        else:
            self._refresh()

    def __call__(self, candidate: Candidate) -> None:
        """Update the display after a candidate started, finished an epoch, or ended."""
        self._take(candidate)
        self._refresh()
        if self._notebook is not None:
            self._draw_in_notebook()

    @property
    def _draws(self) -> bool:
        return self._console.is_terminal and not self._console.is_dumb_terminal

    def _refresh(self) -> None:
        if self._live is not None and not self._live.auto_refresh:
            self._live.refresh()

    def _region(self) -> Text:
        """Return what is drawn below the lines of candidates that ended."""
        columns, rows = self._console.size
        status = filled(self._parts(), self._separator, columns)
        best = self._best and self._best[1]
        room = rows - len(status) - 3  # empty lines around it, and one above all
        lines = self._view.lines(best, columns, room, is_ascii(self._console))
        if lines:
            lines = ["", *lines, ""]
        return Text("\n", no_wrap=True).join(map(plot_text, [*lines, *status]))

    @property
    def _separator(self) -> str:
        return " | " if is_ascii(self._console) else " · "

    def _draw_in_notebook(self) -> None:
        assert self._notebook is not None
        budget = self._plan.candidates
        done = self._evaluated / budget if 0 < budget < math.inf else 0.0
        self._notebook.show(self.line(), done)

    def _take(self, candidate: Candidate) -> None:
        self._view.add(candidate)
        is_running = candidate.state is State.RUNNING
        if not is_running or candidate.worker is None:  # as it is recorded, which the page reads
            self._course.add(candidate)
            self._forecast = self._course.forecast(self._plan)
        if is_running:
            self._epochs[candidate.number] = len(candidate.curve)
            return
        self._epochs.pop(candidate.number, None)
        self._count(candidate)
        self._note_device(candidate)
        if candidate.state is State.FAILED:
            name = "backbone" if candidate.is_backbone else f"candidate {candidate.number}"
            self._print(f"{name} failed: {candidate.cause}: {candidate.detail}")
        elif self._draws:
            self._print(self._describe(candidate))
        elif self._notebook is None:
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

    def line(self) -> str:
        """Return done/budget, rate, time left, cost, best so far and other states."""
        return self._separator.join(self._parts())

    def _parts(self) -> list[str]:
        parts = [done(self._evaluated, self._plan, self._forecast), *self._pace()]
        if self._best:
            parts.append(f"best {self._best[0]:.4f} (no. {self._best[1]})")
        for state in (State.STOPPED, State.INFEASIBLE, State.FAILED):
            if self._states[state]:
                parts.append(f"{self._states[state]} {state.value}")
        if self._confirmations:
            parts.append(f"{self._confirmations} retrained")
        if self._backbone:
            parts.append(f"backbone {fmean(self._backbone):.4f}")
        return parts

    def _pace(self) -> list[str]:
        """Return the rate, the time left and the cost, or what is done where there is no rate."""
        count = self._evaluated - self._evaluated_before
        if self._evaluated >= self._plan.candidates:
            return ["confirming", *self._outlook()] if self._epochs else []
        outlook = self._outlook()
        if not count:
            is_drawn = self._draws or self._notebook is not None
            return [*([self._first_candidates()] if is_drawn else []), *outlook]
        rate = 60 * count / max(1e-3, time.monotonic() - self._start)
        # The rate gives way to the cost, so that the line fits 80 columns.
        return outlook if len(outlook) > 1 else [f"{rate:.1f}/min", *outlook]

    def _outlook(self) -> list[str]:
        """Return the time left and the cost, as the page has them; nothing where none is known."""
        now = time.time()
        if self._forecast is None:
            left_s = self._plan.until - now
            return [] if left_s == math.inf else [f"at most {duration(max(0.0, left_s))} left"]
        low, high = (max(0.0, moment - now) for moment in self._forecast.ends_at)
        parts = [f"{duration_range(low, high)} left"]
        if self._forecast.cost is not None:
            parts.append(f"cost {cost_range(self._forecast.cost)}")
        return parts

    def _first_candidates(self) -> str:
        """Return how far the first candidates are, while none has ended."""
        if not self._epochs:
            return self._phase
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
        """Print a line, which a terminal breaks between two words."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=not self._draws)


# How a candidate is trained once more; any other fidelity is one that was tried.
_FIDELITIES = {None: "again", FULL: "in full", PROXY: "by the proxy again"}


def _unsteady_mark(candidate: Candidate) -> str:
    return " (unsteady)" if candidate.step_time and candidate.step_time.unsteady else ""
