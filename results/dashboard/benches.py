"""Networks measured with ``nas bench --json``, to stand beside a run's candidates."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from results.dashboard.columns import Row, number, text, whole

_NUMBERS = ("accuracy", "step_time_s", "images_per_s", "inference_time_s")
_COUNTS = ("parameters", "multiply_adds", "peak_memory_bytes", "batch_size")
_LIKE = ("device", "batch_size", "image_size")


class NoBench(ValueError):
    """A file that holds no rows of ``nas bench --json``; the message is one line."""


def read_benches(path: Path) -> list[dict[str, Any]]:
    """The file's rows, BENCH in :mod:`results.dashboard.payload` less what depends on a run.

    Raises:
        NoBench: not there, or written by something else.
    """
    try:
        rows = _rows(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise NoBench(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise NoBench(f"{path}: not JSON ({error})") from error
    if not rows or not all(isinstance(row, dict) and row.get("name") for row in rows):
        raise NoBench(f"{path}: holds no networks, must be what nas bench --json prints")
    return [_bench(row) for row in rows]


def relative_step_time(
    bench: Mapping[str, Any], rows: Sequence[Row], reference: Mapping[str, Any] | None
) -> float | None:
    """S/S0 of a bench in a run; None unless device, image size and batch size are the run's."""
    timed = next((row for row in rows if row.get("device")), None)
    own, base = bench["step_time_s"], reference and reference["step_time_s"]
    if timed is None or not own or not base or any(bench[key] != timed[key] for key in _LIKE):
        return None
    return float(own / base)


def _rows(data: Any) -> Any:
    """The list itself, or the one list in an object."""
    if isinstance(data, dict):
        lists = [value for value in data.values() if isinstance(value, list)]
        return lists[0] if len(lists) == 1 else None
    return data if isinstance(data, list) else None


def _bench(row: Mapping[str, Any]) -> dict[str, Any]:
    size = row.get("image_size")
    return {
        "image_size": whole(size.get("train") if isinstance(size, dict) else size),
        "name": text(row["name"]),
        "device": text(row.get("device")),
        **{key: number(row.get(key)) for key in _NUMBERS},
        **{key: whole(row.get(key)) for key in _COUNTS},
    }
