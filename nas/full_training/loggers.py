"""Curves for other tools, where asked for: TensorBoard's files, MLflow, Weights & Biases."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from nas.errors import UserError
from nas.training.loop import Epoch
from results.atomic import write_text

_NOT_LOGGED = ("epoch", "seconds")


class Logger(Protocol):
    """Takes a training's epochs one after the other."""

    def log(self, row: CurveRow) -> None:
        """An epoch is over."""

    def close(self) -> None:
        """Training is over, or ends here for now."""


class TensorBoard:
    """Event files under DIR/tensorboard; a resumed training's begin where the curve stands."""

    def __init__(self, directory: Path, settings: Mapping[str, Any], epochs_done: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(directory / "tensorboard"), purge_step=epochs_done + 1)

    def log(self, row: CurveRow) -> None:
        """A scalar a column."""
        for name, value in _metrics(row).items():
            self._writer.add_scalar(name, value, row.epoch)
        self._writer.flush()

    def close(self) -> None:
        """Closes the file."""
        self._writer.close()


class MLflow:
    """A run on the server that MLFLOW_TRACKING_URI names, or else in DIR/mlflow.db."""

    def __init__(self, directory: Path, settings: Mapping[str, Any], epochs_done: int) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        mlflow = import_module("mlflow")

        if "MLFLOW_TRACKING_URI" not in os.environ:
            mlflow.set_tracking_uri(f"sqlite:///{(directory / 'mlflow.db').absolute()}")
        known = directory / "mlflow_run"
        run_id = known.read_text().strip() if known.exists() else None
        run = mlflow.start_run(run_id=run_id, run_name=None if run_id else directory.name)
        if run_id is None:
            known.write_text(run.info.run_id)
            mlflow.log_params(_flat(settings))
        self._mlflow = mlflow

    def log(self, row: CurveRow) -> None:
        """A metric a column."""
        self._mlflow.log_metrics(_metrics(row), step=row.epoch)

    def close(self) -> None:
        """Ends the run."""
        self._mlflow.end_run()


class WeightsAndBiases:
    """A run of the project ``nas``; its own variables, such as WANDB_MODE=offline, hold."""

    def __init__(self, directory: Path, settings: Mapping[str, Any], epochs_done: int) -> None:
        wandb = import_module("wandb")

        known = directory / "wandb_run"
        if not known.exists():
            known.write_text(wandb.util.generate_id())
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", "nas"),
            name=directory.name,
            dir=str(directory),
            id=known.read_text().strip(),
            resume="allow",
            config=_flat(settings),
        )

    def log(self, row: CurveRow) -> None:
        """A metric a column."""
        self._run.log(_metrics(row), step=row.epoch)

    def close(self) -> None:
        """Ends the run."""
        self._run.finish()


_MakeLogger = Callable[[Path, Mapping[str, Any], int], Logger]


LOGGERS: dict[str, tuple[_MakeLogger, str]] = {
    "tensorboard": (TensorBoard, "tensorboard"),
    "mlflow": (MLflow, "mlflow"),
    "wandb": (WeightsAndBiases, "wandb"),
}
"""What makes each, and the package that it comes with."""


def open_loggers(
    names: tuple[str, ...], directory: Path, settings: Mapping[str, Any], epochs_done: int
) -> list[Logger]:
    """The loggers of these names.

    Raises:
        UserError: a logger that does not start.
    """
    opened: list[Logger] = []
    for name in names:
        make, _ = LOGGERS[name]
        try:
            opened.append(make(directory, settings, epochs_done))
        except Exception as error:  # theirs: no key, no server, no right to write
            text = " ".join(str(error).split())[:200]
            raise UserError(f"--log: {name} does not start: {text}") from error
    return opened


def parse_names(text: str | None) -> tuple[str, ...]:
    """The names in ``--log``, separated by commas.

    Raises:
        UserError: one that is not known, or whose package is not installed.
    """
    names = tuple(name.strip() for name in (text or "").split(",") if name.strip())
    for name in names:
        if name not in LOGGERS:
            raise UserError(f"--log: got {name!r}, must be one or more of {', '.join(LOGGERS)}")
        package = LOGGERS[name][1]
        if find_spec(package) is None:
            raise UserError(f"--log: {name} is not installed: pip install {package}")
    return names


def _metrics(row: CurveRow) -> dict[str, float]:
    return {name: value for name, value in asdict(row).items() if name not in _NOT_LOGGED}


def _flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that fit into a table's cell; the architecture stands with its name."""
    plain = {k: v for k, v in settings.items() if isinstance(v, str | int | float)}
    architecture = settings["architecture"]
    return {**plain, "architecture": architecture["name"], "id": architecture["architecture_id"]}


FILE = "curve.csv"


@dataclass(frozen=True)
class CurveRow:
    """An epoch, from 1: mean training loss, minival accuracy in [0, 1], the last learning rate.

    ``images_per_s`` is of training alone; ``seconds`` are of training and validation.
    """

    epoch: int
    loss: float
    accuracy: float
    learning_rate: float
    image_size: int
    batch_size: int
    images_per_s: float
    seconds: float


def row_of(epoch: Epoch) -> CurveRow:
    """The row of an epoch that is over."""
    return CurveRow(
        epoch=epoch.number,
        loss=epoch.loss,
        accuracy=epoch.accuracy,
        learning_rate=epoch.learning_rate,
        image_size=epoch.image_size,
        batch_size=epoch.batch_size,
        images_per_s=epoch.images_per_s,
        seconds=epoch.training_s + epoch.validation_s,
    )


def write_curve(directory: Path, rows: Sequence[CurveRow]) -> None:
    """Writes the directory's curve.csv, whole or not at all."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(CurveRow)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    write_text(directory / FILE, text.getvalue())
