"""The rows of ``nas bench`` on the terminal and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from nas.cli.tables import print_table, short_count
from results.atomic import write_text

_ONE_TABLE_FROM = 110  # columns; below, costs and times are two tables
_INTERVALS = ("step_time_ci_s", "normalized_step_time_ci")
_WHAT = ("name<", "px", "batch")
_TIMES = ("step ms", "+- %", "x ref", "train/s", "memory")
_COSTS = ("params", "mult-adds", "infer ms", "infer/s")


def print_rows(rows: Sequence[Mapping[str, Any]]) -> None:
    """A table, or two where the terminal is narrow, and what there is to say about single rows.

    The first is training's, the second the network's own costs and inference.
    """
    console = Console()
    measured = [row for row in rows if row["problem"] is None]
    if measured and console.width >= _ONE_TABLE_FROM:
        cells = [(*_what(row), *_times(row), *_costs(row)) for row in measured]
        print_table(console, (*_WHAT, *_TIMES, *_COSTS), cells)
    elif measured:
        for columns, of in ((_TIMES, _times), (_COSTS, _costs)):
            cells = [(*_what(row), *of(row)) for row in measured]
            print_table(console, (*_WHAT, *columns), cells)
    for row in rows:
        for note in _notes(row):
            size = row["image_size"]["train"]
            console.print(f"{row['name']} at {size} px: {note}", highlight=False, markup=False)
    if measured:
        console.print(_legend(measured), highlight=False, markup=False)


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """One line a row, pairs in two columns each: train and eval, low and high."""
    flat = [_flat(row) for row in rows]
    columns = list(dict.fromkeys(key for row in flat for key in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return write_text(path, text.getvalue())


def _what(row: Mapping[str, Any]) -> tuple[str, ...]:
    train, evaluation = row["image_size"]["train"], row["image_size"]["eval"]
    pixels = str(train) if train == evaluation else f"{train}/{evaluation}"
    return row["name"], pixels, str(row["batch_size"])


def _costs(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        short_count(row["parameters"]),
        short_count(row["multiply_adds"]),
        "" if row["inference_time_s"] is None else f"{1000 * row['inference_time_s']:.3g}",
        "" if row["inference_images_per_s"] is None else _rate(row["inference_images_per_s"]),
    )


def _times(row: Mapping[str, Any]) -> tuple[str, ...]:
    step_s, interval = row["step_time_s"], row["step_time_ci_s"]
    half = 50 * (interval[1] - interval[0]) / step_s if interval else None
    return (
        f"{1000 * step_s:.3g}" if step_s < 1 else f"{1000 * step_s:.0f}",
        "" if half is None else f"{half:.1f}",
        f"{row['normalized_step_time']:.2f}",
        _rate(row["images_per_s"]),
        f"{short_count(row['peak_memory_bytes'])}B",
    )


def _rate(images_per_s: float) -> str:
    return f"{images_per_s:.3g}" if images_per_s < 100 else f"{images_per_s:,.0f}"


def _notes(row: Mapping[str, Any]) -> list[str]:
    if row["problem"] is not None:
        return [row["problem"]]
    notes = []
    if row["micro_batch_size"] < row["batch_size"]:
        notes.append(f"fits into memory {row['micro_batch_size']} images at a time")
    if row["inference_images_per_s"] is None:
        notes.append("the batch does not fit into memory for inference")
    if row["unsteady"]:
        notes.append(f"unsteady: {row['unsteady']}")
    elif not row["is_precise"]:
        notes.append(f"time was up after {row['steps']} steps, before it was precise")
    return notes


def _legend(rows: Sequence[Mapping[str, Any]]) -> str:
    references = ", ".join(dict.fromkeys(row["reference"] for row in rows))
    devices = ", ".join(dict.fromkeys(row["device"] for row in rows))
    return (
        f"px: to train, or to train/infer. x ref: the step of {references} at these px, in turn. "
        f"infer ms: one image; infer/s: in batches. On {devices}."
    )


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, Mapping):
            flat |= {f"{key}_{name}": part for name, part in value.items()}
        elif key in _INTERVALS:
            low, high = value or (None, None)
            flat |= {f"{key}_low": low, f"{key}_high": high}
        else:
            flat[key] = value
    return flat
