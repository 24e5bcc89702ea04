"""The curve of a training: a row an epoch, and the CSV file that it is kept in."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from nas.training.loop import Epoch
from results.atomic import write_text

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
