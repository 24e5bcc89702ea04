"""Loggers: what each of them receives, and the errors if one is missing or fails."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nas.errors import UserError
from nas.full_training.loggers import LOGGERS, CurveRow, open_loggers, parse_names

ROW = CurveRow(1, 1.5, 0.75, 0.01, 8, 16, 1000.0, 2.0)
SETTINGS = {
    "seed": 3,
    "preset": "proxy",
    "progressive": None,
    "architecture": {"name": "tiny", "architecture_id": "abc", "stages": []},
}
METRICS = {
    "loss": 1.5,
    "accuracy": 0.75,
    "learning_rate": 0.01,
    "image_size": 8,
    "batch_size": 16,
    "images_per_s": 1000.0,
}
TABLE = {"seed": 3, "preset": "proxy", "architecture": "tiny", "id": "abc"}


class Calls:
    """Replaces a package and records the calls to it."""

    def __init__(self) -> None:
        self.made: list[tuple[str, tuple[Any, ...], Mapping[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.made.append((name, args, kwargs))
            return SimpleNamespace(info=SimpleNamespace(run_id="r1"), log=self.log_, finish=list)

        return call

    def log_(self, *args: Any, **kwargs: Any) -> None:
        self.made.append(("log", args, kwargs))

    def of(self, name: str) -> list[tuple[tuple[Any, ...], Mapping[str, Any]]]:
        return [(args, kwargs) for called, args, kwargs in self.made if called == name]


@pytest.fixture
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only tensorboard and mlflow are installed."""
    known = {"tensorboard": True, "mlflow": True}
    monkeypatch.setattr("nas.full_training.loggers.find_spec", known.get)


@pytest.mark.usefixtures("_installed")
def test_names() -> None:
    assert parse_names(None) == ()
    assert parse_names("tensorboard, mlflow") == ("tensorboard", "mlflow")
    with pytest.raises(UserError, match="--log: got 'tensorbord', must be one or more of"):
        parse_names("mlflow,tensorbord")


@pytest.mark.usefixtures("_installed")
def test_a_missing_package_is_one_line() -> None:
    with pytest.raises(UserError, match=r"--log: wandb is not installed: pip install wandb$"):
        parse_names("mlflow,wandb")


def test_tensorboard_reads_what_was_written_resumed_or_not(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    (logger,) = open_loggers(("tensorboard",), tmp_path, SETTINGS, 0)
    for epoch in (1, 2):
        logger.log(replace(ROW, epoch=epoch))
    logger.close()
    (logger,) = open_loggers(("tensorboard",), tmp_path, SETTINGS, 1)  # epoch 2 is trained again
    logger.log(replace(ROW, epoch=2, loss=0.5))
    logger.close()
    events = accumulator.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert set(events.Tags()["scalars"]) == set(METRICS)
    assert [(e.step, e.value) for e in events.Scalars("loss")] == [(1, 1.5), (2, 0.5)]


def test_mlflow_is_handed_settings_once_and_metrics_each_epoch(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mlflow = Calls()
    monkeypatch.setitem(sys.modules, "mlflow", mlflow)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    for done in (0, 1):
        (logger,) = open_loggers(("mlflow",), tmp_path, SETTINGS, done)
        logger.log(ROW)
        logger.close()
    assert mlflow.of("set_tracking_uri")[0][0] == (f"sqlite:///{tmp_path / 'mlflow.db'}",)
    assert [kwargs["run_id"] for _, kwargs in mlflow.of("start_run")] == [None, "r1"]
    assert mlflow.of("log_params") == [((TABLE,), {})]
    assert mlflow.of("log_metrics")[0] == ((METRICS,), {"step": 1})
    assert len(mlflow.of("end_run")) == 2


def test_weights_and_biases_goes_on_with_the_same_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wandb = Calls()
    wandb.util = SimpleNamespace(generate_id=lambda: "w1")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    monkeypatch.delenv("WANDB_PROJECT", raising=False)
    for done in (0, 1):
        (logger,) = open_loggers(("wandb",), tmp_path, SETTINGS, done)
        logger.log(ROW)
        logger.close()
    begun = [kwargs for _, kwargs in wandb.of("init")]
    assert [kwargs["id"] for kwargs in begun] == ["w1", "w1"]
    assert (begun[0]["project"], begun[0]["config"]) == ("nas", TABLE)
    assert "mode" not in begun[0]  # WANDB_MODE decides
    assert wandb.of("log")[0] == ((METRICS,), {"step": 1})


def test_a_logger_that_does_not_start_is_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def no_key(*_: object) -> None:
        raise RuntimeError("no API key\nconfigured")

    monkeypatch.setitem(LOGGERS, "wandb", (no_key, "wandb"))
    with pytest.raises(UserError, match="--log: wandb does not start: no API key configured"):
        open_loggers(("wandb",), tmp_path, SETTINGS, 0)
