"""The progress of a search, on a terminal and elsewhere."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console, ConsoleDimensions

from nas.search.live_view import label
from nas.search.progress import Progress
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
        plan = plan or Plan(budget)
        return Progress(self.console, Objective(), plan, known or [], epochs_of=lambda _: 10)

    def drawn(self) -> list[str]:
        """Return the lines of what was drawn last, without those that are empty at its ends."""
        last = self.file.getvalue().rpartition("\x1b[2K")[2].rpartition("\x1b[1A")[2]
        text = re.sub(r"\x1b\[[?0-9]*[a-zA-Z]", "", last)
        return [line.rstrip() for line in text.strip("\n").split("\n")]

    @property
    def lines(self) -> list[str]:
        return self.file.getvalue().splitlines()


def timed(number: int, step_s: float, accuracy: float) -> Candidate:
    """Return a complete candidate whose backbone takes 0.2 s a step."""
    step_time = StepTime((step_s,) * 7, (0.2,) * 7, 1000, "cpu", 8, 32)
    return replace(CANDIDATE, number=number, step_time=step_time, accuracy=accuracy)


def running(number: int, epochs: int, worker: str | None, started_at: float) -> Candidate:
    """Return a candidate that runs, with an accuracy of 90 % after each epoch; timed after one."""
    return replace(
        CANDIDATE,
        number=number,
        state=State.RUNNING,
        accuracy=None,
        step_time=CANDIDATE.step_time if epochs else None,
        curve=tuple(CurvePoint(n + 1, 1.0, 0.9, 1.0) for n in range(epochs)),
        worker=worker,
        started_at=started_at,
    )


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
        "1 of 10 · 2.0/min · best 0.7500 (no. 0)",
        "candidate 1: complete, accuracy 50.0 %, step 1.00 x the backbone's, reward 0.5000; "
        "2 of 10 · 2.0/min · best 0.7500 (no. 0)",
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
    assert line.endswith("; 3 of 10 · 1.0/min · best 0.9000 (no. 1) · 1 failed")


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
    assert str(progress.line()) == "3 of 23 · 1.0/min · 20 min left · best 0.7500 (no. 0)"
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
    assert str(progress.line()) == "3 of 23 · 20 min left · cost 2.30 · best 0.7500 (no. 0)"


def test_with_hours_alone_the_number_of_candidates_is_forecast(
    make_terminal: MakeTerminal,
) -> None:
    terminal = make_terminal(True)
    plan = Plan(space_size=186_624, until=100.0 + 3600)
    progress = terminal.progress(plan=plan)
    assert progress.line() == "0 · starting · at most 60 min left"
    train(terminal, progress, range(1))
    assert str(progress.line()) == "1 · 1.0/min · at most 59 min left · best 0.7500 (no. 0)"
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
    line = "123 of 1,000 · 24.4 to 25.0 h left · cost 70 to 71 · best 0.7500 (no. 0)"
    assert progress.line() == f"{line} · 3 failed · backbone 0.7500"
    with progress.shown():
        pass
    assert [text.strip() for text in terminal.drawn()[-2:]] == [line, "3 failed · backbone 0.7500"]


def test_on_a_terminal_those_that_ended_stand_above_those_that_run(
    make_terminal: MakeTerminal,
) -> None:
    """The front falls from 100 % at S/S0 = 1.5 to 60 % at 0.5."""
    terminal = make_terminal(True)
    progress = terminal.progress()
    with progress.shown(by_itself=False):
        progress(replace(FAILED, number=1))
        for number, (step_time, accuracy) in enumerate([(0.1, 0.6), (0.3, 1.0)], 2):
            progress(timed(number, step_time, accuracy))
        terminal.now_s += 61
        progress(running(5, epochs=4, worker="a/17", started_at=terminal.now_s - 40))
        progress(running(6, epochs=0, worker="a/11", started_at=terminal.now_s - 2))
    text = terminal.file.getvalue()
    for line in (
        "candidate 1 failed: diverged: loss nan [epoch 1]",
        "candidate 2: complete, accuracy 60.0 %, step 0.50 x the backbone's, reward \n0.6298",
    ):
        assert line in text
    drawn = terminal.drawn()
    assert drawn[0] == "no.  epoch  acc. %  S/S0  params   for  worker"
    assert drawn[1] == "  5   4/10    90.0  1.00     2 k  40 s  worker 1"
    assert drawn[2] == "  6   0/10                   2 k   2 s  worker 2"
    assert drawn[4] == "accuracy %"
    assert drawn[5].startswith("100.0 ┤")
    assert drawn[5].endswith("★")
    assert drawn[-1] == "2 of 10 · 2.0/min · best 0.9720 (no. 3) · 1 failed"


@pytest.mark.parametrize("columns", [24, 40, 80])
@pytest.mark.parametrize("rows", [8, 16, 24, 50])
def test_it_fits_any_terminal_and_no_figure_is_cut(
    make_terminal: MakeTerminal, columns: int, rows: int
) -> None:
    terminal = make_terminal(True)
    terminal.console.size = ConsoleDimensions(columns, rows)
    progress = terminal.progress(budget=2000)
    for number in range(40):
        progress(timed(number, 0.1 + number / 100, number / 50))
    for number in range(40, 56):
        progress(running(number, epochs=4, worker=f"a/{number}", started_at=terminal.now_s))
    terminal.file.seek(0)
    terminal.file.truncate()
    with progress.shown(by_itself=False):
        pass
    drawn = terminal.drawn()
    assert max(map(len, drawn)) <= columns
    assert len(drawn) + 1 < rows  # with an empty line above
    assert "…" not in "".join(drawn)
    assert any(line.split()[:3] == ["40", "4/10", "90.0"] for line in drawn) is (
        (columns, rows) != (24, 8)
    )
    assert ("and" in "".join(drawn)) is (rows < 50)
    assert any("┤" in line for line in drawn) is (rows > 16)
    assert "40 of 2,000" in drawn[-3] + drawn[-2] + drawn[-1]


def test_in_another_encoding_all_is_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    console = Console(file=file, force_terminal=True, width=80, height=30, color_system=None)
    progress = Progress(console, Objective(), Plan(10), [CANDIDATE, timed(1, 0.5, 0.9)])
    with progress.shown(by_itself=False):
        progress(running(2, epochs=1, worker="a/1", started_at=0.0))
    file.seek(0)
    text = file.read()
    assert "2 of 10 | " in text
    assert "* no. 1" in text
    assert text.isascii()


def test_a_dumb_terminal_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=200)
    progress = Progress(console, Objective(), Plan(10), [])
    with progress.shown():
        progress.begin("starting Ray")
        progress(CANDIDATE)
    first, second = file.getvalue().splitlines()
    assert first == "starting Ray"
    assert second.startswith("candidate 0: complete, accuracy 75.0 %")


def test_the_phases_of_the_start_are_lines_elsewhere(make_terminal: MakeTerminal) -> None:
    terminal = make_terminal(False)
    progress = terminal.progress()
    with progress.shown():
        progress.begin("starting Ray")
        progress.begin("starting 2 workers, which load the data")
    assert terminal.lines == ["starting Ray", "starting 2 workers, which load the data"]


def test_on_a_terminal_the_phases_stand_in_the_last_line(make_terminal: MakeTerminal) -> None:
    terminal = make_terminal(True)
    progress = terminal.progress()
    with progress.shown(by_itself=False):
        progress.begin("starting Ray")
        assert progress.line() == "0 of 10 · starting Ray"
        progress(running(0, epochs=0, worker=None, started_at=terminal.now_s))
        assert progress.line() == "0 of 10 · first candidates: measuring, 0 s"
    assert "\nstarting" not in terminal.file.getvalue()


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "7"),
        ({"confirms": BACKBONE}, "backbone"),
        ({"confirms": 3}, "3 again"),
        ({"confirms": 3, "fidelity": "full"}, "3 in full"),
        ({"confirms": 3, "fidelity": "proxy"}, "3 again"),
        ({"confirms": 3, "fidelity": "5-epochs"}, "3 otherwise"),
    ],
)
def test_each_training_has_a_short_name(changes: dict[str, Any], text: str) -> None:
    assert label(replace(CANDIDATE, number=7, **changes)) == text


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
