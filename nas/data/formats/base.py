"""Encoded images where they lie, before any is decoded: what every format is brought to."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

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


_SAID = {
    "train": ("train", "training"),
    "test": ("test", "testing"),
    "val": ("val", "valid", "validation", "eval", "dev"),
}


_SPLITS = {word: split for split, words in _SAID.items() for word in words}


_WORD = f"(?P<word>{'|'.join(sorted(_SPLITS, key=len, reverse=True))})"


# train, Training, train_set, seg_train, train2017, but not the class bullet_train.
_FOLDER = re.compile(
    rf"(?:(?:seg|data|images?)[-_. ]?)?{_WORD}(?:[-_. ]?(?:set|data|images?|split))?[-_. ]?\d*"
)


_IN_PATH = re.compile(rf"(?:^|[-_./ ]){_WORD}(?=[-_./ \d]|$)")


def split_of_folder(name: str) -> str | None:
    """``train``, ``test`` or ``val`` where the whole name says so, in capitals or not."""
    match = _FOLDER.fullmatch(name.lower())
    return _SPLITS[match["word"]] if match else None


def split_in_path(path: str) -> str | None:
    """Likewise where a word of the path does; the first one counts."""
    match = _IN_PATH.search(path.lower())
    return _SPLITS[match["word"]] if match else None


SAMPLES = 64  # files


_HEAD_BYTES = 2**16


def fingerprint(root: Path, files: Sequence[Path]) -> str:
    """A hash of every file's path below ``root``, size and time of change, and of some contents.

    To read a large set through would take as long as to decode it. Sizes and times are what rsync
    goes by too; the first 64 KB of 64 files spread over the set tell apart what was made anew with
    the times set back. A copy elsewhere that keeps the times is the same set.
    """
    digest = hashlib.sha256()
    for file in files:
        status = file.stat()
        name = file.relative_to(root).as_posix() if file != root else file.name
        digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    for file in files[:: -(-len(files) // SAMPLES) or 1]:
        with file.open("rb") as content:
            digest.update(content.read(_HEAD_BYTES))
    return digest.hexdigest()
