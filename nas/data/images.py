"""Images and their labels, in batches on the device that trains on them."""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nas.data.read_ahead import copied, gather_from, read_ahead
from nas.data.split import NO_LABEL, SearchData, Split, Statistics, histogram, statistics
from nas.data.streaming import EncodedSplit, decoded_ahead, decoding_processes

# Images are copied to a GPU if they take at most this fraction of its free memory: 1/4. Training
# gets the rest.
SHARE_OF_GPU = 4


@dataclass(frozen=True)
class Images:
    """A set of images, which are normalised by the training set's ``mean`` and ``std``.

    ``pixels`` (N, C, H, W) are uint8 with H = W. They are on the device, or in the host's memory,
    from which batches are copied there; then they are not to be written to, and may be a memory
    map. ``labels`` are (N,) int64, or (N, L) padded with -1 if an image has up to L of the
    ``classes``. ``mean`` and ``std`` (1, C, 1, 1) are in units of 0 to 255. If ``resized_to`` is
    set, batches have that height and width in pixels.
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

    def part(self, positions: NDArray[np.int64]) -> Images:
        """Return a copy of the images at these positions (n,)."""
        index = torch.from_numpy(positions)
        pixels = self.pixels[index.to(self.pixels.device)]
        labels = self.labels[index.to(self.labels.device)]
        return replace(self, pixels=pixels, labels=labels)

    @property
    def device(self) -> torch.device:
        """Device that batches are on."""
        return self.mean.device

    @property
    def is_on_device(self) -> bool:
        """Whether the images are on the device, rather than read from the host batch by batch."""
        return self.pixels.device == self.device

    @property
    def note(self) -> str:
        """A sentence on where the images are, if that is not where it is fastest."""
        if self.is_on_device or self.device.type != "cuda":
            return ""
        return "images stay in the host's memory, as they do not fit beside training on the GPU"

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

        An image of k classes has 1/k for each of them (EfficientNetV2, section 5.2: "normalize the
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

        They are those at the positions ``order`` (N,) on the host, of the size that they are kept
        at; the last batch may be smaller. No step waits for the device: positions are copied once,
        and images that stay on the host are read and copied ahead (:mod:`nas.data.read_ahead`).
        """
        parts = torch.split(copied(order, self.device), batch_size)
        if self.is_on_device:
            for part in parts:
                yield self.pixels[part], self.targets(part)
            return
        with closing(self._read(torch.split(order, batch_size))) as read:
            for part, pixels in zip(parts, read, strict=True):
                yield pixels, self.targets(part)

    def _read(self, parts: Sequence[Tensor]) -> Generator[Tensor, None, None]:
        """Yield the pixels at each of the parts on the device, read ahead."""
        gather, shape = gather_from(self.pixels), self.pixels.shape[1:]
        return read_ahead(gather, shape, parts, self.device)


@dataclass(frozen=True)
class StreamedImages(Images):
    """Images that are decoded as they are needed; ``pixels`` (0, C, H, W) are empty."""

    split: EncodedSplit = field(kw_only=True)

    @property
    def is_on_device(self) -> bool:
        """False: the images are nowhere yet."""
        return False

    @property
    def note(self) -> str:
        """Who decodes the images."""
        count = decoding_processes()
        processes = "1 process" if count == 1 else f"{count} processes"
        return f"training images are decoded as they are needed, by {processes} a worker"

    def batch(self, index: Tensor | slice) -> tuple[Tensor, Tensor]:
        """Return normalised float images (N, C, H, W) and their :meth:`targets`."""
        positions = torch.arange(len(self))[index].tolist()
        pixels = self.split.decoded(positions).to(self.device)
        return self.normalised(pixels), self.targets(index)

    def _read(self, parts: Sequence[Tensor]) -> Generator[Tensor, None, None]:
        return decoded_ahead(self.split, parts, self.device)


def images_on_device(
    data: SearchData, device: torch.device, sharers: int = 1
) -> tuple[Images, Images]:
    """Return the training set and the minival, both normalised by the training set.

    ``sharers`` is the number of processes that train on the device, each with its own images.
    """
    training_statistics = data.statistics or statistics(histogram(data.training.pixels))
    splits = (data.training, data.minival)
    on_host = stay_on_host(splits, device, sharers)
    training, minival = (
        images(split, device, training_statistics, data.classes, on_host) for split in splits
    )
    return training, minival


def images(
    split: Split,
    device: torch.device,
    training_statistics: Statistics,
    classes: int,
    on_host: bool | None = None,
) -> Images:
    """Return a split's images, to be normalised by the training set's statistics.

    With ``on_host``, they stay in the host's memory; None decides it by :func:`stay_on_host`. If
    the device is the CPU, a memory-mapped file is not copied either, so that all processes share
    it.
    """
    mean, std = (
        torch.tensor(values, dtype=torch.float32, device=device).view(1, -1, 1, 1)
        for values in (training_statistics.mean, training_statistics.std)
    )
    labels = torch.tensor(split.labels).to(device)
    if isinstance(split, EncodedSplit):
        empty = torch.from_numpy(split.pixels)
        return StreamedImages(empty, labels, mean, std, classes, split=split)
    if on_host is None:
        on_host = stay_on_host([split], device)
    if on_host or (_is_mapped(split.pixels) and device.type != "cuda"):
        pixels = _as_tensor(split.pixels)
    else:
        # A copy, as arrays in shared memory are read-only, which torch does not support.
        pixels = torch.tensor(split.pixels).to(device)
    return Images(pixels, labels, mean, std, classes)


def _is_mapped(pixels: NDArray[np.uint8]) -> bool:
    return isinstance(pixels, np.memmap)


def stay_on_host(splits: Sequence[Split], device: torch.device, sharers: int = 1) -> bool:
    """Return whether the images of these splits together would leave a GPU too little memory.

    That is so if they take more than a quarter of what is free for each of the ``sharers``.
    """
    if device.type != "cuda":
        return False
    free_bytes, _ = torch.cuda.mem_get_info(device)
    wanted_bytes = sum(split.pixels.nbytes for split in splits)
    return wanted_bytes > free_bytes // (SHARE_OF_GPU * sharers)


def _as_tensor(pixels: NDArray[np.uint8]) -> Tensor:
    """Return the same memory as a tensor, which must not be written to."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
        return torch.from_numpy(pixels)


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
