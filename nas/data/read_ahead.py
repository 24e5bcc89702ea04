"""Batches of images that stay on the host: read ahead of training, and copied to its device.

On a GPU, threads gather the images of the next batches into a few pinned buffers, and each batch is
copied by a stream of its own while the batch before it trains. Training waits for a copy on the
device, not on the host. While a CUDA graph is captured, the threads may be waiting for a copy, so
captures must be made with ``capture_error_mode="thread_local"``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count, islice
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

AHEAD = 4  # batches that are read ahead
READERS = 4  # threads that read them: one is enough for images in memory, not for a disk


class Gather(Protocol):
    """A function that reads images."""

    def __call__(self, part: Tensor, out: Tensor) -> None:
        """Write the images at the positions ``part`` (n,) to ``out`` (n, C, H, W), uint8."""


def gather_from(pixels: Tensor) -> Gather:
    """Return the function that reads images of ``pixels`` (N, C, H, W), such as a memory map.

    It copies with numpy, on the thread that calls it. torch would share each copy among threads of
    its own: one for each core and caller, which slow down training, and on a busy machine each
    other, by a factor of ten and more.
    """
    array = pixels.numpy()

    def gather(part: Tensor, out: Tensor) -> None:
        places = part.numpy()
        if len(places) and not 0 <= places.min() <= places.max() < len(array):
            raise IndexError(f"got {places.min()} to {places.max()} of {len(array)} images")
        np.take(array, places, 0, out.numpy(), "clip")  # "raise" would copy twice

    return gather


def read_ahead(
    gather: Gather,
    shape: Sequence[int],
    parts: Iterable[Tensor],
    device: torch.device,
    ahead: int = AHEAD,
    readers: int = READERS,
) -> Generator[Tensor, None, None]:
    """Yield the images (n, C, H, W) at each of the ``parts``, positions (n,), on the device.

    ``shape`` (C, H, W) is an image's. ``gather`` is called by ``readers`` threads, which take the
    parts in order.
    """
    reading = _Reading(gather, shape, device, ahead, readers)
    try:
        yield from copied_ahead(reading.batches(iter(parts)), device)
    finally:
        reading.close()


@dataclass
class HostBatch:
    """A batch on the host: ``pixels`` (n, C, H, W), which are kept until they are ``copied``.

    ``is_ready`` returns whether ``pixels`` would return at once. ``copied`` is set to an event of
    the copying stream once a copy is under way.
    """

    _pixels: Future[Tensor]
    copied: torch.cuda.Event | None = None

    @property
    def is_ready(self) -> bool:
        """Whether the batch is read."""
        return self._pixels.done()

    @property
    def pixels(self) -> Tensor:
        """The pixels; waits until they are read."""
        return self._pixels.result()


class _Reading:
    """Threads that gather batches; on a GPU into ``ahead`` pinned buffers that are used in turn."""

    def __init__(
        self,
        gather: Gather,
        shape: Sequence[int],
        device: torch.device,
        ahead: int,
        readers: int,
    ) -> None:
        self._gather, self._shape = gather, shape
        self._is_pinned = device.type == "cuda"
        self._ahead = ahead
        self._buffers: list[Tensor | None] = [None] * ahead
        self._users: list[HostBatch | None] = [None] * ahead  # the last one of each buffer
        self._threads = ThreadPoolExecutor(min(readers, ahead), "read-ahead")

    def batches(self, parts: Iterator[Tensor]) -> Iterator[HostBatch]:
        """Yield the batches; the next one is begun when the one before is asked for."""
        waiting: deque[HostBatch] = deque()
        numbers = count()
        for part in islice(parts, self._ahead):
            waiting.append(self._begun(next(numbers), part))
        while waiting:
            # The buffer of this batch is that of the next one to be read: it is copied by then.
            yield waiting.popleft()
            for part in islice(parts, 1):
                waiting.append(self._begun(next(numbers), part))

    def close(self) -> None:
        """End the threads; batches that are not read yet are given up."""
        self._threads.shutdown(cancel_futures=True)

    def _begun(self, number: int, part: Tensor) -> HostBatch:
        place = number % self._ahead
        before = self._users[place]
        batch = HostBatch(self._threads.submit(self._gathered, place, part, before))
        self._users[place] = batch
        return batch

    def _gathered(self, place: int, part: Tensor, before: HostBatch | None) -> Tensor:
        buffer = self._buffers[place]
        if buffer is None:  # the first batch is the largest
            shape = (len(part), *self._shape)
            buffer = torch.empty(shape, dtype=torch.uint8, pin_memory=self._is_pinned)
            if self._is_pinned:  # elsewhere, the batch is the caller's
                self._buffers[place] = buffer
        if before is not None and before.copied is not None:
            before.copied.synchronize()  # in this thread: training goes on meanwhile
        pixels = buffer[: len(part)]
        self._gather(part, pixels)
        return pixels


def copied_ahead(batches: Iterator[HostBatch], device: torch.device) -> Iterator[Tensor]:
    """Yield each batch's pixels on the device; the copy of the next one is already under way.

    At most two batches are on the device. A next one that is not read yet is not waited for before
    the one at hand is trained on.
    """
    copier = _Copier(device)
    copies: deque[_Copy] = deque()
    following = next(batches, None)
    while following is not None or copies:
        while following is not None and (not copies or (len(copies) < 2 and following.is_ready)):
            copies.append(copier.copy(following))
            following = next(batches, None)
        yield copier.usable(copies.popleft())


@dataclass(frozen=True)
class _Copy:
    """Pixels on the device, and an event after which they are complete; None if they are."""

    pixels: Tensor
    done: torch.cuda.Event | None


class _Copier:
    """Copies batches to the device; to a GPU in a stream beside that of training."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None  # type: ignore[no-untyped-call]

    def copy(self, batch: HostBatch) -> _Copy:
        """Begin to copy a batch, once it is read."""
        pixels = batch.pixels
        if self._stream is None:
            return _Copy(pixels.to(self._device), None)
        with torch.cuda.stream(self._stream):
            copy = pixels.to(self._device, non_blocking=True)
            # A thread that waits for the copy sleeps, and takes no core from training.
            batch.copied = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
            batch.copied.record(self._stream)
        return _Copy(copy, batch.copied)

    def usable(self, copy: _Copy) -> Tensor:
        """Return the pixels for use in the current stream, which waits for them on the device."""
        if copy.done is not None:
            stream = torch.cuda.current_stream(self._device)
            stream.wait_event(copy.done)
            copy.pixels.record_stream(stream)  # the memory is reused only after training on it
        return copy.pixels


def copied(tensor: Tensor, device: torch.device) -> Tensor:
    """Return a tensor of the host on the device; to a GPU, the host does not wait for the copy."""
    if device.type != "cuda" or tensor.device == device:
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)
