"""Causes of a candidate's state in words."""

from __future__ import annotations

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


def reason(cause: str | None) -> str | None:
    """Return a cause in words; None without one, and for one of another release."""
    return None if cause is None else CAUSES.get(cause)
