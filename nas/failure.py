"""What went wrong with a candidate: a short code and one line."""

from __future__ import annotations

import torch

from nas.training.loop import Diverged, TimeLimitExceeded

# What torch, the C library, cuBLAS, cuDNN and Ray say in errors of no type of their own.
_NO_MEMORY = (
    "out of memory",
    "not enough memory",
    "can't allocate memory",
    "cannot allocate memory",
    "alloc_failed",
    "outofmemory",
    "running low on memory",
)


def failure(error: BaseException) -> tuple[str, str]:
    """The cause, a short code, and one line of detail of what went wrong with a candidate."""
    text = " ".join(str(error).split()) or type(error).__name__
    detail = text if len(text) <= 300 else text[:297] + "..."
    if isinstance(error, Diverged):
        return "diverged", detail
    if isinstance(error, TimeLimitExceeded):
        return "time_limit", detail
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or is_about_memory(text):
        return "out_of_memory", detail
    return "error", f"{type(error).__name__}: {detail}"


def is_about_memory(text: str) -> bool:
    """Whether an error's text says that memory ran out: torch's, the system's or Ray's."""
    return any(words in text.lower() for words in _NO_MEMORY)
