"""Encoded images where they lie, before any is decoded: what every format is brought to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from nas.errors import UserError

Reader = Callable[[], bytes]
Chunk = list[tuple[int, Reader]]
CHUNK = 64  # images that a thread decodes at a time


@dataclass(frozen=True)
class Listing:
    """The images of a set by position, 0 to N - 1, with ``labels`` (N,) or (N, L) as in a Split.

    ``name`` says which image a position is, ``chunks`` hands out every position once, with what
    reads its bytes. A class needs ``fewest_per_class`` images that can be read.
    """

    labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    name: Callable[[int], str]
    chunks: Callable[[], Iterator[Chunk]]
    fewest_per_class: int = 0

    def check(self, is_readable: NDArray[np.bool_], source: str) -> None:
        """``is_readable`` (N,) tells which positions could be read.

        Raises:
            UserError: too few of a class, or none at all.
        """
        unreadable = f"({np.count_nonzero(~is_readable):,} unreadable in all)"
        if not is_readable.any():
            raise UserError(f"--data: {source}: got 0 readable images {unreadable}")
        if not self.fewest_per_class:
            return
        counts = np.bincount(self.labels[is_readable], minlength=len(self.class_names))
        for name, count in zip(self.class_names, counts.tolist(), strict=True):
            if count < self.fewest_per_class:
                raise UserError(
                    f"--data: {source}: class {name!r}: got {count} readable images, must be "
                    f"{self.fewest_per_class} or more {unreadable}"
                )


@dataclass(frozen=True)
class Source:
    """A set of images by its content: ``fingerprint`` is quick to tell, ``listing`` may not be.

    ``split`` is what the data set calls it.
    """

    fingerprint: str
    listing: Callable[[], Listing]
    split: str = ""


def in_chunks(readers: Iterator[tuple[int, Reader]]) -> Iterator[Chunk]:
    """The same in lists of :data:`CHUNK`."""
    while chunk := list(islice(readers, CHUNK)):
        yield chunk
