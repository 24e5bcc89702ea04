"""How many candidates train on one GPU at once: a number, or one that follows from a probe."""

from __future__ import annotations

import math
from dataclasses import dataclass

AUTO = "auto"
MOST_SHARERS = 8
"""Candidates on one GPU at most: each is a process, with a core and a CUDA context of its own."""
_MOST_BY_MEMORY = 4  # where it is not known how busy one candidate keeps the GPU
_SHARE_OF_MEMORY = 0.9
CONTEXT_BYTES = 600_000_000  # of a process on the GPU besides what torch allocates


@dataclass(frozen=True)
class Probe:
    """What one worker has found of a GPU on which nothing else of ours ran.

    ``free_bytes`` is the memory for all workers, ``worker_bytes`` what one takes at the peak of the
    backbone's step, images and CUDA context included. ``busy`` is the share of that step in which
    the GPU computes, 0 to 1; None where the device does not tell.
    """

    free_bytes: int
    worker_bytes: int
    busy: float | None

    @property
    def by_memory(self) -> int:
        """How many workers nine tenths of the free memory hold."""
        return int(_SHARE_OF_MEMORY * self.free_bytes) // self.worker_bytes

    @property
    def sharers(self) -> int:
        """How many candidates are to train on the GPU at once, 1 to :data:`MOST_SHARERS`.

        So many as keep the GPU busy, if their memory suffices. Networks larger than the backbone
        may not fit beside others then; they are trained in micro-batches.
        """
        if self.busy is None:
            return max(1, min(self.by_memory, _MOST_BY_MEMORY))
        to_be_busy = round(1 / max(self.busy, 1 / MOST_SHARERS))
        return max(1, min(self.by_memory, to_be_busy, MOST_SHARERS))

    def __str__(self) -> str:
        """Say in words what the number follows from."""
        busy = (
            "how busy a step keeps it is not known"
            if self.busy is None
            else f"the backbone's step keeps it busy for {100 * self.busy:.0f} %"
        )
        return f"its memory holds {self.by_memory}, and {busy}"


def at_once(per_gpu: int, workers: int, gpus: int) -> int:
    """Return how many of the workers share each GPU, if they are spread over all GPUs."""
    return min(per_gpu, math.ceil(workers / gpus))
