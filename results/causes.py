"""Causes of a candidate's state in words."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from results.units import duration

CAUSES = {
    "out_of_memory": "It did not fit into memory, not even with a batch in small parts.",
    "diverged": "Its training diverged: the loss was no longer a finite number.",
    "time_limit": "It took longer than --time-limit allows.",
    "metric": "The metric could not be computed for it.",
    "worker_lost": "The process that trained it died, three times.",
    "device_error": "The GPU itself reported an error; the process was replaced.",
    "error": "An error was raised while it was built, timed, or trained.",
    "max_params": "It has more parameters than --max-params allows.",
    "max_step_time": "Its training step takes longer than --max-step-time allows.",
    "max_memory": "Its training step needs more memory than --max-memory allows.",
    "asha": "It was stopped: after as many epochs, others were better (--scheduler asha).",
    "bound": "It was stopped: it could not beat the best reward any more (--bound).",
    "duplicate": "The same network was proposed before.",
}
"""A sentence for each cause that a search records."""


_LIMITS: Mapping[str, tuple[str, Callable[[float], str]]] = {
    "time_limit": ("time_limit_s", duration),
    "max_params": ("max_parameters", "{:,.0f}".format),
    "max_step_time": ("max_step_time", "{:g} x the backbone's".format),
    "max_memory": ("max_memory_bytes", "{:,.0f} bytes".format),
}


def reason(cause: str | None, settings: Mapping[str, Any] | None = None) -> str | None:
    """Return a cause in words; None without one, and for one of another release.

    With the ``settings`` of its run, a limit that was exceeded stands there too.
    """
    text = None if cause is None else CAUSES.get(cause)
    name, written = _LIMITS.get(cause or "", ("", str))
    limit = (settings or {}).get(name)
    if text is None or not isinstance(limit, int | float) or not math.isfinite(limit):
        return text
    return f"{text.removesuffix('.')}: {written(limit)}."
