"""The progress of a training on a terminal of 80 columns and in a pipe."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from nas.full_training.loggers import CurveRow
from nas.full_training.progress import Begun, EpochEnded, EpochPassed, Progress, Stepped, WorkerLost

ROW = CurveRow(1, 1.23456, 0.75, 0.01, 300, 4096, 12_345.6, 100.0)


class Shown:
    """A progress on a console of 80 columns, with a clock that the test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, is_terminal: bool = False) -> None:
        self.file = io.StringIO()
        self.console = Console(
            file=self.file, width=80, force_terminal=is_terminal, color_system=None
        )
        self.now_s = 50.0
        monkeypatch.setattr("nas.full_training.progress.time.monotonic", lambda: self.now_s)
        self.progress = Progress(self.console)

    @property
    def lines(self) -> list[str]:
        return self.file.getvalue().splitlines()

    def live(self) -> str:
        """Return the live line."""
        with self.console.capture() as captured:
            self.console.print(self.progress.line())
        return captured.get().rstrip("\n")


def test_in_a_pipe_an_epoch_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Shown(monkeypatch)
    with shown.progress.shown():
        shown.progress(Begun((), (1.0,) * 350, "NVIDIA H200", 8))
        shown.progress(Stepped(10, 312, 12_000.0))
        shown.progress(EpochEnded(ROW, is_best=True))
    assert shown.lines == [
        "training on 8 x NVIDIA H200",
        "epoch   1/350  loss 1.2346  accuracy 75.00 %  300 px  12,346 images/s  best",
    ]
    assert max(map(len, shown.lines)) <= 80


def test_the_live_line_has_rate_loss_accuracy_and_time_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown = Shown(monkeypatch, is_terminal=True)
    assert shown.live() == "starting"
    shown.progress(Begun((), (1.0, 1.0, 4.0, 4.0), "CPU", 1))
    shown.now_s += 60
    shown.progress(EpochEnded(ROW, is_best=True))
    shown.now_s += 30
    shown.progress(Stepped(156, 312, 12_000.0))
    line = shown.live()
    assert len(line) <= 80
    assert line.startswith("epoch 2/4")
    # 1.5 of 10 parts in 90 s, so 510 s for the other 8.5.
    assert line.endswith("12,000 images/s · loss 1.235, 75.00 % · 8 min left")


def test_a_resumed_trainings_time_left_counts_from_its_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown = Shown(monkeypatch)
    shown.progress(Begun((ROW,) * 8, (1.0,) * 10, "CPU", 1))
    assert shown.lines == ["resuming after epoch 8 on CPU"]
    assert "left" not in shown.live()
    shown.now_s += 40
    shown.progress(EpochEnded(ROW, is_best=False))
    assert shown.live().endswith("40 s left")


def test_a_note_on_the_data_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Shown(monkeypatch)
    shown.progress(Begun((), (1.0,), "NVIDIA H200", 1, ("images stay on the host",)))
    assert shown.lines == ["training on NVIDIA H200", "images stay on the host"]


def test_a_finished_training_has_nothing_to_say(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Shown(monkeypatch)
    shown.progress(Begun((ROW,) * 3, (1.0,) * 3, "CPU", 1))
    assert shown.lines == []


def test_a_lost_worker_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Shown(monkeypatch)
    shown.progress(WorkerLost("worker 1: killed"))
    assert shown.lines == [
        "a worker died; all workers restart from the last checkpoint (see ray.log)"
    ]


def test_epochs_that_are_not_validated_count(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Shown(monkeypatch, is_terminal=True)
    shown.progress(Begun((ROW,), (1.0,) * 10, "CPU", 1, epochs_done=4))
    shown.now_s += 20
    shown.progress(EpochPassed(5))
    assert shown.live().startswith("epoch 6/10")
    assert shown.live().endswith("2 min left")  # 5 epochs of 20 s
    assert shown.lines == ["resuming after epoch 4 on CPU"]
