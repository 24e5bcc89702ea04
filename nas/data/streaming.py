"""Images that are decoded each time they are needed, where decoded ones have no room.

They are decoded by the rules of the cache at the cache's size, so that training gets the same
batches, to the last bit. An index in the cache has what else an entry would have: which images can
be read, their labels, statistics, and hash (:mod:`nas.data.cache.filling`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nas.data.decode import Decoding, Unusable, decode
from nas.data.formats.base import Reader
from nas.data.processes import CAN_FORK, in_processes
from nas.data.read_ahead import read_ahead
from nas.data.split import Split
from nas.errors import UserError
from nas.machine import available_cores

_PIECE = 16  # images that a process decodes at a time


@dataclass(frozen=True)
class EncodedSplit(Split):
    """A split of encoded images: its ``pixels`` (0, C, H, W) are empty, and have a size only.

    ``reader`` and ``image_name`` take the position of an image in the split.
    """

    reader: Callable[[int], Reader]
    image_name: Callable[[int], str]
    decoding: Decoding

    def decoded(self, positions: Sequence[int]) -> Tensor:
        """Return the images at these positions: (n, C, H, W), uint8.

        Raises:
            UserError: an image that could be decoded before cannot be decoded now.
        """
        pixels = torch.empty((len(positions), *self.pixels.shape[1:]), dtype=torch.uint8)
        for place, position in enumerate(positions):
            pixels[place] = torch.from_numpy(self._decoded(position))
        return pixels

    def _decoded(self, position: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        try:
            image = decode(self.reader(position), int(self.pixels.shape[-1]), self.decoding)
        except (OSError, Unusable) as error:
            raise self._error(position, str(error)) from error
        if image is None:
            raise self._error(position, "damaged")
        return image

    def _error(self, position: int, reason: str) -> UserError:
        return UserError(
            f"--data: {self.image_name(position)}: cannot be read any more ({reason})", exit_code=1
        )


def decoding_processes() -> int:
    """Return how many processes decode images for this one: its share of the cores.

    The processes of a training that run on one machine are told by ``LOCAL_WORLD_SIZE``, which
    torch's launchers and Ray Train set.
    """
    sharers = int(os.environ.get("LOCAL_WORLD_SIZE") or 1)
    return max(1, available_cores() // sharers)


def decoded_ahead(
    split: EncodedSplit, parts: Sequence[Tensor], device: torch.device
) -> Generator[Tensor, None, None]:
    """Yield the images (n, C, H, W) at each of the ``parts``, positions (n,), on the device.

    Processes decode them in small pieces, which a thread joins to batches.

    Raises:
        UserError: an image cannot be decoded any more, or a process died.
    """
    pieces = (piece.tolist() for part in parts for piece in torch.split(part, _PIECE))
    decoded: Generator[Tensor, None, None]
    if CAN_FORK:
        decoded = in_processes(split.decoded, pieces, decoding_processes())
    else:
        decoded = (split.decoded(piece) for piece in pieces)
    joining = _Joining(decoded)
    read = read_ahead(joining, split.pixels.shape[1:], parts, device, readers=1)
    try:
        yield from read
    finally:
        joining.is_over = True
        read.close()
        decoded.close()


class _Joining:
    """Joins pieces, in their order, to batches."""

    def __init__(self, pieces: Iterator[Tensor]) -> None:
        self._pieces = pieces
        self.is_over = False  # the batches are wanted no more

    def __call__(self, part: Tensor, out: Tensor) -> None:
        """Write the next images to ``out`` (n, C, H, W)."""
        done = 0
        while done < len(out) and not self.is_over:
            piece = next(self._pieces)
            np.copyto(out[done : done + len(piece)].numpy(), piece.numpy())  # on this thread only
            done += len(piece)
