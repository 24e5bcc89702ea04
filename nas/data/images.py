"""Images and their labels, in batches on the device that trains on them."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nas.data.split import NO_LABEL, SearchData, Split, Statistics, histogram, statistics

SHARE_OF_GPU = 4  # images take a quarter of a GPU's memory at most, or stay in the computer's


@dataclass(frozen=True)
class Images:
    """A set of images, normalised batch by batch by the training set's ``mean`` and ``std``.

    ``pixels`` (N, C, H, W) are uint8 with H = W: on the device, or a read-only memory map, of which
    batches are copied there. ``labels`` are (N,) int64, or (N, L) where an image has up to L of the
    ``classes``, filled up with -1. ``mean`` and ``std`` (1, C, 1, 1) are in units of 0 to 255.
    Batches are ``resized_to`` so many pixels where that is set.
    """

    pixels: Tensor
    labels: Tensor
    mean: Tensor
    std: Tensor
    classes: int = 0
    resized_to: int | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def size(self) -> int:
        """Height and width of batches in pixels."""
        return self.resized_to or int(self.pixels.shape[-1])

    def at(self, size: int) -> Images:
        """The same images, in batches of ``size`` by ``size`` pixels."""
        return replace(self, resized_to=size)

    @property
    def device(self) -> torch.device:
        """Where batches are."""
        return self.mean.device

    def batch(self, index: Tensor | slice) -> tuple[Tensor, Tensor]:
        """Normalised float images (N, C, H, W) and :meth:`targets`."""
        if isinstance(index, Tensor):
            index = index.to(self.pixels.device)
        return self.normalised(self.pixels[index].to(self.device)), self.targets(index)

    def normalised(self, pixels: Tensor) -> Tensor:
        """Float images of mean 0 and deviation 1 at :attr:`size`, from uint8 (N, C, H, W)."""
        return (resized(pixels.float(), self.size) - self.mean) / self.std

    def targets(self, index: Tensor | slice) -> Tensor:
        """Labels (N,) int64; of images with several classes (N, ``classes``) float32 of sum 1.

        An image of k classes has 1/k for each of them (EfficientNetV2, section 4: "normalize the
        labels to have sum 1").
        """
        if isinstance(index, Tensor):
            index = index.to(self.labels.device)
        labels = self.labels[index].to(self.device)
        if labels.ndim == 1:
            return labels
        places = labels.masked_fill(labels == NO_LABEL, self.classes)
        targets = torch.zeros(len(labels), self.classes + 1, device=self.device)
        targets = targets.scatter_(1, places, 1.0)[:, : self.classes]
        return targets / targets.sum(1, keepdim=True)

    def batches(self, order: Tensor, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of ``order``, positions (N,), one after the other; the last may be smaller.

        From a memory map to a GPU a thread reads the next ones meanwhile.
        """
        parts = torch.split(order, batch_size)
        if self.pixels.device == self.device:
            yield from (self.batch(part) for part in parts)
            return
        for part, pixels in read_ahead(self.pixels, parts, self.device):
            yield self.normalised(pixels), self.targets(part)


def images_on_device(data: SearchData, device: torch.device) -> tuple[Images, Images]:
    """The training set and the minival on a device, both normalised by the training set."""
    known = data.statistics or statistics(histogram(data.training.pixels))
    training, minival = (
        images(split, device, known, data.classes) for split in (data.training, data.minival)
    )
    return training, minival


def images(split: Split, device: torch.device, known: Statistics, classes: int) -> Images:
    """A split's images, normalised by ``known``.

    They are copied to the device; but a memory-mapped file is read as it is where the device is the
    CPU, so that all processes share it, and where it takes too much of a GPU's memory.
    """
    mean, std = (
        torch.tensor(values, dtype=torch.float32, device=device).view(1, -1, 1, 1)
        for values in (known.mean, known.std)
    )
    if _is_mapped(split.pixels) and not _fits(split.pixels.nbytes, device):
        pixels = _as_tensor(split.pixels)
    else:
        # Copied: what arrives through shared memory is read-only, which torch has no notion of.
        pixels = torch.tensor(split.pixels).to(device)
    return Images(pixels, torch.tensor(split.labels).to(device), mean, std, classes)


def _is_mapped(pixels: NDArray[np.uint8]) -> bool:
    return isinstance(pixels, np.memmap)


def _fits(count: int, device: torch.device) -> bool:
    if device.type != "cuda":
        return False
    total: int = torch.cuda.get_device_properties(device).total_memory
    return count <= total // SHARE_OF_GPU


def _as_tensor(pixels: NDArray[np.uint8]) -> Tensor:
    """The same memory as a tensor, which nobody writes to."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
        return torch.from_numpy(pixels)


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


def square(pixels: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """The middle square of (N, C, H, W) images, resampled to (N, C, size, size), antialiased."""
    height, width = pixels.shape[2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    pixels = pixels[:, :, top : top + side, left : left + side]
    if side == size:
        return np.ascontiguousarray(pixels)
    chunks = (
        resized(torch.from_numpy(chunk.copy()).float(), size)
        for chunk in np.array_split(pixels, -(-len(pixels) // 1024))
    )
    return np.concatenate([c.round_().clamp_(0, 255).to(torch.uint8).numpy() for c in chunks])


def resized(images: Tensor, size: int) -> Tensor:
    """Float images (N, C, H, W) at ``size`` by ``size`` pixels, antialiased."""
    if images.shape[-1] == size:
        return images
    return nn.functional.interpolate(images, size=size, mode="bilinear", antialias=True)
