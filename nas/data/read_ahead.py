"""Batches on their way from a memory-mapped file to a GPU, read in a thread meanwhile."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

import torch
from torch import Tensor

AHEAD = 3  # batches


def read_ahead(
    pixels: Tensor, parts: Iterable[Tensor], device: torch.device, ahead: int = AHEAD
) -> Iterator[tuple[Tensor, Tensor]]:
    """For each part, positions (N,), that and its pixels on the device, ``ahead`` being read."""
    remaining = iter(parts)
    waiting: deque[tuple[Tensor, Future[Tensor]]] = deque()
    with ThreadPoolExecutor(1, "read-ahead") as thread:
        try:
            for part in islice(remaining, ahead):
                waiting.append((part, thread.submit(_gathered, pixels, part, device)))
            while waiting:
                part, future = waiting.popleft()
                batch = future.result()
                for following in islice(remaining, 1):
                    submitted = thread.submit(_gathered, pixels, following, device)
                    waiting.append((following, submitted))
                # From pinned memory nobody waits for the copy; torch keeps a pinned
                # buffer from being used again until the copies from it are done.
                yield part, batch.to(device, non_blocking=True)
        finally:
            thread.shutdown(cancel_futures=True)


def _gathered(pixels: Tensor, part: Tensor, device: torch.device) -> Tensor:
    """The images of these positions, in pinned memory where the device is a GPU."""
    is_pinned = device.type == "cuda"
    batch = torch.empty((len(part), *pixels.shape[1:]), dtype=torch.uint8, pin_memory=is_pinned)
    return torch.index_select(pixels, 0, part.to(pixels.device), out=batch)
