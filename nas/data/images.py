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

# Mapped images are copied to a GPU if they take at most this fraction of its memory: 1/4.
SHARE_OF_GPU = 4
AHEAD = 3  # batches that are read ahead


@dataclass(frozen=True)
class Images:
    """A set of images, which are normalised by the training set's ``mean`` and ``std``.

    ``pixels`` (N, C, H, W) are uint8 with H = W. They are on the device, or a read-only memory map
    from which batches are copied there. ``labels`` are (N,) int64, or (N, L) padded with -1 if an
    image has up to L of the ``classes``. ``mean`` and ``std`` (1, C, 1, 1) are in units of 0 to
    255. If ``resized_to`` is set, batches have that height and width in pixels.
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
        """Height and width of a batch's images in pixels."""
        return self.resized_to or int(self.pixels.shape[-1])

    def at(self, size: int) -> Images:
        """Return the same images, with batches of ``size`` by ``size`` pixels."""
        return replace(self, resized_to=size)

    @property
    def device(self) -> torch.device:
        """Device that batches are on."""
        return self.mean.device

    def batch(self, index: Tensor | slice) -> tuple[Tensor, Tensor]:
        """Return normalised float images (N, C, H, W) and their :meth:`targets`."""
        if isinstance(index, Tensor):
            index = index.to(self.pixels.device)
        return self.normalised(self.pixels[index].to(self.device)), self.targets(index)

    def normalised(self, pixels: Tensor) -> Tensor:
        """Return uint8 images (N, C, H, W) as floats, resized to :attr:`size` and normalised."""
        return (resized(pixels.float(), self.size) - self.mean) / self.std

    def targets(self, index: Tensor | slice) -> Tensor:
        """Return labels (N,) int64, or (N, classes) float32 of sum 1 for images of several classes.

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
        """Yield uint8 images (N, C, H, W) and their :meth:`targets`, in batches on the device.

        They are those at the positions ``order`` (N,), of the size that they are kept at; the last
        batch may be smaller. From a memory map to a GPU, a thread reads the next ones in advance.
        """
        parts = torch.split(order, batch_size)
        if self.pixels.device == self.device:
            order = order.to(self.device)  # once, as each copy would wait for the GPU
            for part in torch.split(order, batch_size):
                yield self.pixels[part], self.targets(part)
            return
        for part, pixels in read_ahead(self.pixels, parts, self.device):
            yield pixels, self.targets(part)


def images_on_device(data: SearchData, device: torch.device) -> tuple[Images, Images]:
    """Return the training set and the minival, both normalised by the training set."""
    training_statistics = data.statistics or statistics(histogram(data.training.pixels))
    training, minival = (
        images(split, device, training_statistics, data.classes)
        for split in (data.training, data.minival)
    )
    return training, minival


def images(
    split: Split, device: torch.device, training_statistics: Statistics, classes: int
) -> Images:
    """Return a split's images on the device, to be normalised by the training set's statistics.

    A memory-mapped file is not copied if the device is the CPU, so that all processes share it, or
    if it would take too much of a GPU's memory.
    """
    mean, std = (
        torch.tensor(values, dtype=torch.float32, device=device).view(1, -1, 1, 1)
        for values in (training_statistics.mean, training_statistics.std)
    )
    if _is_mapped(split.pixels) and not _fits(split.pixels.nbytes, device):
        pixels = _as_tensor(split.pixels)
    else:
        # A copy, as arrays in shared memory are read-only, which torch does not support.
        pixels = torch.tensor(split.pixels).to(device)
    return Images(pixels, torch.tensor(split.labels).to(device), mean, std, classes)


def _is_mapped(pixels: NDArray[np.uint8]) -> bool:
    return isinstance(pixels, np.memmap)


def _fits(size_bytes: int, device: torch.device) -> bool:
    """Return whether images of this size are copied to the device."""
    if device.type != "cuda":
        return False
    total_bytes: int = torch.cuda.get_device_properties(device).total_memory
    return size_bytes <= total_bytes // SHARE_OF_GPU


def _as_tensor(pixels: NDArray[np.uint8]) -> Tensor:
    """Return the same memory as a tensor, which must not be written to."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
        return torch.from_numpy(pixels)


def read_ahead(
    pixels: Tensor, parts: Iterable[Tensor], device: torch.device, ahead: int = AHEAD
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield each part, positions (N,), and its pixels on the device; read ``ahead`` parts ahead."""
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
                # The copy from pinned memory is asynchronous. torch does not reuse a pinned
                # buffer until all copies from it are done.
                yield part, batch.to(device, non_blocking=True)
        finally:
            thread.shutdown(cancel_futures=True)


def _gathered(pixels: Tensor, part: Tensor, device: torch.device) -> Tensor:
    """Return the images at these positions, in pinned memory if the device is a GPU."""
    is_pinned = device.type == "cuda"
    batch = torch.empty((len(part), *pixels.shape[1:]), dtype=torch.uint8, pin_memory=is_pinned)
    return torch.index_select(pixels, 0, part.to(pixels.device), out=batch)


def square(pixels: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Cut images (N, C, H, W) to their middle square and resize them to (N, C, size, size)."""
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
    return np.concatenate(
        [chunk.round_().clamp_(0, 255).to(torch.uint8).numpy() for chunk in chunks]
    )


def resized(images: Tensor, size: int) -> Tensor:
    """Resize float images (N, C, H, W) to ``size`` by ``size`` pixels, with antialiasing."""
    if images.shape[-1] == size:
        return images
    return nn.functional.interpolate(images, size=size, mode="bilinear", antialias=True)
