"""The training curve: curve.csv, and loggers for TensorBoard, MLflow and Weights & Biases."""

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
from reward.metric import recorded_metric
from search_space.named import short_name

CURVE_FILE = "curve.csv"

_NOT_LOGGED = ("epoch", "seconds")


@dataclass(frozen=True)
class CurveRow:
    """The row of an epoch: its number from 1, mean training loss, minival accuracy in [0, 1].

    ``accuracy`` is the value of the training's metric, which loggers show under its own name.
    ``learning_rate`` is that of the last step. ``images_per_s`` is the rate of training without
    validation; ``seconds`` are those of training and validation.
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
    """Return the row of a finished epoch."""
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
    """Write curve.csv to the directory, whole or not at all."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(CurveRow)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    write_text(directory / CURVE_FILE, text.getvalue())


class Logger(Protocol):
    """Receives the epochs of a training, one after the other."""

    def log(self, row: CurveRow) -> None:
        """Log a finished epoch."""

    def close(self) -> None:
        """Finish logging, when training is over or interrupted."""


class TensorBoard:
    """Writes TensorBoard's event files to DIR/tensorboard.

    A resumed training replaces the events after the last epoch of its checkpoint.
    """

    def __init__(self, directory: Path, settings: Mapping[str, Any], epochs_done: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._metric = _metric_name(settings)
        self._writer = SummaryWriter(str(directory / "tensorboard"), purge_step=epochs_done + 1)

    def log(self, row: CurveRow) -> None:
        """Log each column as a scalar."""
        for name, value in _metrics(row, self._metric).items():
            self._writer.add_scalar(name, value, row.epoch)
        self._writer.flush()

    def close(self) -> None:
        """Close the event file."""
        self._writer.close()


class MLflow:
    """Logs to a run of MLflow, on the server in MLFLOW_TRACKING_URI or else in DIR/mlflow.db."""

    def __init__(self, directory: Path, settings: Mapping[str, Any], epochs_done: int) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        mlflow = import_module("mlflow")

        if "MLFLOW_TRACKING_URI" not in os.environ:
            mlflow.set_tracking_uri(f"sqlite:///{(directory / 'mlflow.db').absolute()}")
        id_file = directory / "mlflow_run"  # of a run that is resumed
        run_id = id_file.read_text().strip() if id_file.exists() else None
        run = mlflow.start_run(run_id=run_id, run_name=None if run_id else directory.name)
        if run_id is None:
            id_file.write_text(run.info.run_id)
            mlflow.log_params(_flat(settings))
        self._mlflow, self._metric = mlflow, _metric_name(settings)

    def log(self, row: CurveRow) -> None:
        """Log each column as a metric."""
        self._mlflow.log_metrics(_metrics(row, self._metric), step=row.epoch)

    def close(self) -> None:
        """End the run."""
        self._mlflow.end_run()


class WeightsAndBiases:
    """Logs to a run of Weights & Biases, in the project ``nas`` or that of WANDB_PROJECT.

    Other variables of theirs apply too, such as WANDB_MODE=offline.
    """

    def __init__(self, directory: Path, settings: Mapping[str, Any], epochs_done: int) -> None:
        wandb = import_module("wandb")
        self._metric = _metric_name(settings)

        id_file = directory / "wandb_run"  # of a run that is resumed
        if not id_file.exists():
            id_file.write_text(wandb.util.generate_id())
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", "nas"),
            name=directory.name,
            dir=str(directory),
            id=id_file.read_text().strip(),
            resume="allow",
            config=_flat(settings),
        )

    def log(self, row: CurveRow) -> None:
        """Log each column as a metric."""
        self._run.log(_metrics(row, self._metric), step=row.epoch)

    def close(self) -> None:
        """End the run."""
        self._run.finish()


_MakeLogger = Callable[[Path, Mapping[str, Any], int], Logger]


LOGGERS: dict[str, tuple[_MakeLogger, str]] = {
    "tensorboard": (TensorBoard, "tensorboard"),
    "mlflow": (MLflow, "mlflow"),
    "wandb": (WeightsAndBiases, "wandb"),
}
"""By name: the class of each logger, and the package that it needs."""


def open_loggers(
    names: tuple[str, ...], directory: Path, settings: Mapping[str, Any], epochs_done: int
) -> list[Logger]:
    """Open the loggers with these names.

    Raises:
        UserError: a logger does not start.
    """
    opened: list[Logger] = []
    for name in names:
        make, _ = LOGGERS[name]
        try:
            opened.append(make(directory, settings, epochs_done))
        except Exception as error:  # of any type: no key, no server, no permission to write
            text = " ".join(str(error).split())[:200]
            raise UserError(f"--log: {name} does not start: {text}") from error
    return opened


def parse_names(text: str | None) -> tuple[str, ...]:
    """Return the names in ``--log``, which are separated by commas.

    Raises:
        UserError: a name is unknown, or its package is not installed.
    """
    names = tuple(name.strip() for name in (text or "").split(",") if name.strip())
    for name in names:
        if name not in LOGGERS:
            raise UserError(f"--log: got {name!r}, must be one or more of {', '.join(LOGGERS)}")
        package = LOGGERS[name][1]
        if find_spec(package) is None:
            raise UserError(f"--log: {name} is not installed: pip install {package}")
    return names


def _metrics(row: CurveRow, metric: str) -> dict[str, float]:
    """Return the columns by name; ``metric`` stands for accuracy."""
    values = {name: value for name, value in asdict(row).items() if name not in _NOT_LOGGED}
    return {metric if name == "accuracy" else name: value for name, value in values.items()}


def _metric_name(settings: Mapping[str, Any]) -> str:
    """Return the name of the training's metric, a user's without its module."""
    return short_name(recorded_metric(settings).name)


def _flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that are single values, and the architecture's name and id."""
    values = {k: v for k, v in settings.items() if isinstance(v, str | int | float)}
    architecture = settings["architecture"]
    return {**values, "architecture": architecture["name"], "id": architecture["architecture_id"]}
