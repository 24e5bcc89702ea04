"""The progress of a search, on a terminal and elsewhere."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import pytest
from rich.console import Console

from nas.search.progress import Progress, cost_range, duration, duration_range
from results.candidate import BACKBONE, Candidate, CurvePoint, State
from results.forecast import Plan
from reward.objective import Objective
from reward.step_time.measurement import StepTime
from search_space.spaces import small

CANDIDATE = Candidate(
    number=0,
    state=State.COMPLETE,
    architecture=small(8).backbone,
    seed=1,
    accuracy=0.75,
    parameters=2000,
    reference_parameters=2000,
    step_time=StepTime((0.2,) * 7, (0.2,) * 7, 1000, "cpu", 8, 32),
)
FAILED = replace(
    CANDIDATE, state=State.FAILED, cause="diverged", detail="loss nan [epoch 1]", accuracy=None
)


class Terminal:
    """A console whose output is kept, and the clock of :mod:`nas.search.progress`."""

    def __init__(self, is_terminal: bool) -> None:
        self.file = io.StringIO()
        self.console = Console(
            file=self.file,
            force_terminal=is_terminal,
            width=80,
            color_system=None,
            legacy_windows=False,
        )
        self.now_s = 100.0

    def progress(
        self, budget: int = 10, known: list[Candidate] | None = None, plan: Plan | None = None
    ) -> Progress:
        return Progress(self.console, Objective(), plan or Plan(budget), known or [])

    @property
    def lines(self) -> list[str]:
        return self.file.getvalue().splitlines()


MakeTerminal = Callable[[bool], Terminal]


@pytest.fixture
def make_terminal(monkeypatch: pytest.MonkeyPatch) -> MakeTerminal:
    """Return a function that makes a console, with a clock that the test sets."""

    def make(is_terminal: bool) -> Terminal:
        terminal = Terminal(is_terminal)
        monkeypatch.setattr("nas.search.progress.time.monotonic", lambda: terminal.now_s)
        monkeypatch.setattr("nas.search.progress.time.time", lambda: terminal.now_s)
        return terminal

    return make


def test_without_a_terminal_each_candidate_that_ends_is_a_line(
    make_terminal: MakeTerminal,
) -> None:
    terminal = make_terminal(False)
    progress = terminal.progress()
    with progress.shown():
        progress(replace(CANDIDATE, state=State.RUNNING))
        assert terminal.lines == []
        terminal.now_s += 30
        progress(CANDIDATE)
        terminal.now_s += 30
        progress(replace(CANDIDATE, number=1, accuracy=0.5))
        progress(replace(FAILED, number=2))
    assert terminal.lines == [
        "candidate 0: complete, accuracy 75.0 %, step 1.00 x the backbone's, reward 0.7500; "
        "1/10 · 2.0/min · 4 min left · best 0.7500 (no. 0)",
        "candidate 1: complete, accuracy 50.0 %, step 1.00 x the backbone's, reward 0.5000; "
        "2/10 · 2.0/min · 4 min left · best 0.7500 (no. 0)",
        "candidate 2 failed: diverged: loss nan [epoch 1]",
    ]


def test_an_unsteady_measurement_is_marked(make_terminal: MakeTerminal) -> None:
    terminal = make_terminal(False)
    assert CANDIDATE.step_time is not None
    progress = terminal.progress()
    terminal.now_s += 30
    progress(replace(CANDIDATE, step_time=replace(CANDIDATE.step_time, unsteady="it scatters")))
    assert "step 1.00 x the backbone's (unsteady), reward" in terminal.lines[0]


def test_a_resumed_search_counts_what_was_done_but_not_in_its_rate(
    make_terminal: MakeTerminal,
) -> None:
    terminal = make_terminal(False)
    known = [CANDIDATE, replace(CANDIDATE, number=1, accuracy=0.9), replace(FAILED, number=2)]
    progress = terminal.progress(known=known)
    with progress.shown():
        terminal.now_s += 60
        progress(replace(CANDIDATE, number=3))
    (line,) = terminal.lines
    assert line.endswith("; 3/10 · 1.0/min · 7 min left · best 0.9000 (no. 1) · 1 failed")


def test_the_clock_begins_when_the_line_is_shown(make_terminal: MakeTerminal) -> None:
    terminal = make_terminal(False)
    progress = terminal.progress()
    terminal.now_s += 1000
    with progress.shown():
        terminal.now_s += 30
        progress(CANDIDATE)
    assert "· 2.0/min ·" in terminal.lines[0]


def train(terminal: Terminal, progress: Progress, numbers: range, seconds: float = 60.0) -> None:
    """Train candidates one after the other."""
    for number in numbers:
        start = terminal.now_s
        begun = replace(CANDIDATE, number=number, state=State.RUNNING, started_at=start)
        progress(begun)
        terminal.now_s += seconds
        progress(replace(CANDIDATE, number=number, started_at=start, finished_at=terminal.now_s))


def test_the_time_left_is_forecast_and_counts_down(make_terminal: MakeTerminal) -> None:
    terminal = make_terminal(True)
    progress = terminal.progress(budget=23)
    train(terminal, progress, range(3))
    assert str(progress.line()) == "3/23 · 1.0/min · 20 min left · best 0.7500 (no. 0)"
    terminal.now_s += 120
    assert str(progress.line()).split(" · ")[2] == "18 min left"
    terminal.now_s += 1e6
    assert str(progress.line()).split(" · ")[2] == "0 s left"


def test_unlike_durations_give_a_range(make_terminal: MakeTerminal) -> None:
    """Mean 80 s, deviation 34.6 s of three: 13.3 min of 10 more, and 1.645 * 1.75 * 228 s."""
    terminal = make_terminal(True)
    progress = terminal.progress(budget=13)
    train(terminal, progress, range(2))
    train(terminal, progress, range(2, 3), seconds=120.0)
    assert str(progress.line()).split(" · ")[2] == "2 to 24 min left"


def test_the_cost_takes_the_place_of_the_rate(make_terminal: MakeTerminal) -> None:
    """23 minutes at 6 an hour."""
    terminal = make_terminal(True)
    progress = terminal.progress(plan=Plan(23, price=6.0))
    train(terminal, progress, range(3))
    assert str(progress.line()) == "3/23 · 20 min left · cost 2.30 · best 0.7500 (no. 0)"


def test_with_hours_alone_the_number_of_candidates_is_forecast(
    make_terminal: MakeTerminal,
) -> None:
    terminal = make_terminal(True)
    plan = Plan(space_size=186_624, until=100.0 + 3600)
    progress = terminal.progress(plan=plan)
    assert str(progress.line()) == "0 · starting workers"
    train(terminal, progress, range(1))
    assert str(progress.line()) == "1 · 1.0/min · 59 min left · best 0.7500 (no. 0)"
    train(terminal, progress, range(1, 3))
    line = "3 of about 60 · 1.0/min · 57 min left · best 0.7500 (no. 0)"
    assert str(progress.line()) == line


def test_all_but_the_backbone_fits_80_columns(make_terminal: MakeTerminal) -> None:
    terminal = make_terminal(True)
    known = [replace(FAILED, number=9000 + i) for i in range(3)]
    known.append(replace(CANDIDATE, number=9100, confirms=BACKBONE))
    progress = terminal.progress(plan=Plan(1000, price=2.5), known=known)
    train(terminal, progress, range(120), seconds=100.0)
    train(terminal, progress, range(120, 123), seconds=150.0)
    line = "123/1000 · 24.4 to 25.0 h left · cost 70 to 71 · best 0.7500 (no. 0) · 3 failed"
    assert len(line) == 79
    assert str(progress.line()) == f"{line} · backbone 0.7500"  # the rest is cut


def test_on_a_terminal_there_is_one_line_and_a_line_for_each_failure(
    make_terminal: MakeTerminal,
) -> None:
    terminal = make_terminal(True)
    progress = terminal.progress()
    with progress.shown():
        terminal.now_s += 60
        progress(CANDIDATE)
        progress(replace(FAILED, number=1))
    text = terminal.file.getvalue()
    assert "candidate 1 failed: diverged: loss nan [epoch 1]" in text
    assert "candidate 0" not in text
    assert "1/10 · 1.0/min · 9 min left · best 0.7500 (no. 0) · 1 failed" in text


def test_on_a_terminal_the_first_candidates_epoch_shows_before_any_has_ended(
    make_terminal: MakeTerminal,
) -> None:
    progress = make_terminal(True).progress()
    assert str(progress.line()) == "0/10 · starting workers"
    running = replace(CANDIDATE, state=State.RUNNING)
    progress(running)
    progress(replace(running, number=1, curve=(CurvePoint(1, 2.0, 0.1, 1.0),)))
    assert str(progress.line()) == "0/10 · first candidates: epoch 1 done, 0 s"


def test_the_terminals_line_fits_80_columns(make_terminal: MakeTerminal) -> None:
    terminal = make_terminal(True)
    known = [replace(CANDIDATE, number=i) for i in range(9000)]
    known += [replace(FAILED, number=9000 + i) for i in range(900)]
    progress = terminal.progress(budget=99_999, known=known)
    with progress.shown():
        terminal.now_s += 0.001
        progress(replace(CANDIDATE, number=99_998, accuracy=0.99))
        terminal.now_s += 3600 * 40
        line = str(progress.line())
    assert "9001/99999" in line
    assert "900 failed" in line
    assert len(line) <= 80


def test_a_line_that_is_too_long_for_the_terminal_is_cut(make_terminal: MakeTerminal) -> None:
    terminal = make_terminal(True)
    terminal.console.width = 20
    with terminal.progress(known=[CANDIDATE, FAILED]).shown():
        pass
    assert "1/10 · starting wor…" in terminal.file.getvalue()
    assert "failed" not in terminal.file.getvalue()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.4, "0 s"),
        (40, "40 s"),
        (89, "89 s"),
        (90, "2 min"),
        (720, "12 min"),
        (5399, "90 min"),
        (5400, "1.5 h"),
        (12_600, "3.5 h"),
        (172_799, "48.0 h"),
        (172_800, "2.0 days"),
        (181_440, "2.1 days"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (1500, 1860, "25 to 31 min"),
        (1500, 1501, "25 min"),
        (80, 100, "80 s to 2 min"),
        (15_000, 17_600, "4.2 to 4.9 h"),
    ],
)
def test_duration_range(low: float, high: float, text: str) -> None:
    assert duration_range(low, high) == text


@pytest.mark.parametrize(
    ("cost", "text"),
    [
        ((4.1, 4.45), "4.10 to 4.45"),
        ((4.101, 4.102), "4.10"),
        ((9.5, 10.4), "10"),
        ((99.9, 1234.5), "100 to 1,234"),
        ((0.001, 0.002), "0.00"),
    ],
)
def test_cost_range(cost: tuple[float, float], text: str) -> None:
    assert cost_range(cost) == text


def test_each_further_device_is_warned_of_once(make_terminal: MakeTerminal) -> None:
    terminal = make_terminal(False)
    timed = CANDIDATE.step_time
    assert timed is not None
    progress = terminal.progress(known=[CANDIDATE])
    for number, device in enumerate(("cpu", "H200", "cpu", "H200"), 1):
        terminal.now_s += 1
        step_time = replace(timed, device=device)
        progress(replace(CANDIDATE, number=number, step_time=step_time))
    warnings = [line for line in terminal.lines if "unlike devices" in line]
    assert len(warnings) == 1
    assert "H200 and cpu" in warnings[0]
