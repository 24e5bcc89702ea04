"""The common form of all formats of encoded images, before any image is decoded."""

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

Reader = Callable[[], bytes]  # reads one encoded image
Chunk = list[tuple[int, Reader]]  # positions of images and their readers
CHUNK = 64  # images that a thread decodes at a time

_SAMPLED_FILES = 64
_SAMPLED_BYTES = 2**16  # of each sampled file


@dataclass(frozen=True)
class Listing:
    """The images of a set at positions 0 to N - 1.

    ``labels`` are (N,), or (N, L) as in :class:`~nas.data.split.Split`. ``name`` gives the name of
    the image at a position. ``chunks`` yields every position once, with its reader. Each class
    needs ``fewest_per_class`` readable images.
    """

    labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    name: Callable[[int], str]
    chunks: Callable[[], Iterator[Chunk]]
    fewest_per_class: int = 0

    def check(self, is_readable: NDArray[np.bool_], source: str) -> None:
        """Check that enough images could be decoded; ``is_readable`` (N,) is by position.

        Raises:
            UserError: a class has too few readable images, or there are none at all.
        """
        unreadable = f"({np.count_nonzero(~is_readable):,} unreadable in total)"
        if not is_readable.any():
            raise UserError(
                f"--data: {source}: got 0 readable images, must have one or more {unreadable}"
            )
        if not self.fewest_per_class:
            return
        counts = np.bincount(self.labels[is_readable], minlength=len(self.class_names))
        for name, count in zip(self.class_names, counts.tolist(), strict=True):
            if count < self.fewest_per_class:
                raise UserError(
                    f"--data: {source}: class {name!r}: got {count} readable images, must have "
                    f"{self.fewest_per_class} or more {unreadable}"
                )


@dataclass(frozen=True)
class Source:
    """A set of images that is not yet listed.

    ``fingerprint`` identifies the content and is quick to compute; ``listing`` may be slow.
    ``split`` is the data set's own name of the split, where it is known.
    """

    fingerprint: str
    listing: Callable[[], Listing]
    split: str = ""


def in_chunks(readers: Iterator[tuple[int, Reader]]) -> Iterator[Chunk]:
    """Yield the readers in lists of :data:`CHUNK`."""
    while chunk := list(islice(readers, CHUNK)):
        yield chunk


def fingerprint(root: Path, files: Sequence[Path]) -> str:
    """Return a hash of the files: their paths below ``root``, sizes and times, and some contents.

    Reading a large set in full would take as long as decoding it. Paths, sizes and modification
    times are also what rsync compares. The first 64 KB of 64 files spread over the set detect
    other contents under unchanged times. A copy with the same times has the same fingerprint.
    """
    digest = hashlib.sha256()
    for file in files:
        status = file.stat()
        name = file.relative_to(root).as_posix() if file != root else file.name
        digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    for file in files[:: -(-len(files) // _SAMPLED_FILES) or 1]:
        with file.open("rb") as content:
            digest.update(content.read(_SAMPLED_BYTES))
    return digest.hexdigest()


# Splits by the names of files and folders.

_WORDS = {
    "train": ("train", "training"),
    "test": ("test", "testing"),
    "val": ("val", "valid", "validation", "eval", "dev"),
}
_SPLIT_OF_WORD = {word: split for split, words in _WORDS.items() for word in words}
_WORD = f"(?P<word>{'|'.join(sorted(_SPLIT_OF_WORD, key=len, reverse=True))})"
# Matches train, Training, train_set, seg_train and train2017, but not the class bullet_train.
_FOLDER_NAME = re.compile(
    rf"(?:(?:seg|data|images?)[-_. ]?)?{_WORD}(?:[-_. ]?(?:set|data|images?|split))?[-_. ]?\d*"
)
_WORD_IN_PATH = re.compile(rf"(?:^|[-_./ ]){_WORD}(?=[-_./ \d]|$)")


def split_of_folder(name: str) -> str | None:
    """Return ``train``, ``test`` or ``val`` if the whole name means that split, in any case."""
    match = _FOLDER_NAME.fullmatch(name.lower())
    return _SPLIT_OF_WORD[match["word"]] if match else None


def split_in_path(path: str) -> str | None:
    """Return ``train``, ``test`` or ``val`` by the first word in the path that means a split."""
    match = _WORD_IN_PATH.search(path.lower())
    return _SPLIT_OF_WORD[match["word"]] if match else None
