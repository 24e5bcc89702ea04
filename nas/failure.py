"""What went wrong with a candidate: a short code and one line."""

from __future__ import annotations

from nas.errors import Diverged
from reward.step_time.measurement import TimeLimitExceeded
from reward.step_time.memory_and_latency import is_out_of_memory


def failure(error: BaseException) -> tuple[str, str]:
    """The cause, a short code, and one line of detail of what went wrong with a candidate."""
    text = " ".join(str(error).split()) or type(error).__name__
    detail = text if len(text) <= 300 else text[:297] + "..."
    if isinstance(error, Diverged):
        return "diverged", detail
    if isinstance(error, TimeLimitExceeded):
        return "time_limit", detail
    if is_out_of_memory(error):
        return "out_of_memory", detail
    return "error", f"{type(error).__name__}: {detail}"
