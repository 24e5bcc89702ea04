"""The common form of all formats of encoded images, before any image is decoded."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nas.data.split import NO_LABEL
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
    the image at a position. ``chunks`` yields every position once, with its reader. From the
    position ``validation_start`` on, the images are the data set's own validation split; None if it
    is not listed here. ``notes`` are sentences on what was passed over. ``reader`` gives the reader
    of a position; it is None if images can only be read one after the other.
    """

    labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    name: Callable[[int], str]
    chunks: Callable[[], Iterator[Chunk]]
    validation_start: int | None = None
    notes: tuple[str, ...] = ()
    reader: Callable[[int], Reader] | None = None

    def check(self, is_readable: NDArray[np.bool_], source: str, is_training: bool) -> None:
        """Check that enough images could be decoded; ``is_readable`` (N,) is by position.

        Raises:
            UserError: a class to train on has no readable image, or there are none at all.
        """
        unreadable = f"({np.count_nonzero(~is_readable):,} unreadable in total)"
        training = slice(self.validation_start if is_training else None)
        labels = self.labels[training][is_readable[training]]
        if not len(labels):
            raise UserError(
                f"--data: {source}: got 0 readable images, must have one or more {unreadable}"
            )
        listed = np.unique(self.labels[training])
        lost = np.setdiff1d(listed[listed != NO_LABEL], labels)
        if len(lost) and is_training:
            raise UserError(
                f"--data: {source}: class {self.class_names[lost[0]]!r}: got 0 readable images, "
                f"must have one or more {unreadable}"
            )


ClassNames = tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """A set of images that is not yet listed.

    ``fingerprint`` identifies the content and is quick to compute. ``list_images`` lists the
    images, which may be slow; their labels are numbered by the class names that it gets, or by the
    set's own if it gets none. ``split`` is the data set's own name of the split, where it is known.
    """

    fingerprint: str
    list_images: Callable[[ClassNames], Listing]
    split: str = ""

    def listing(self, class_names: ClassNames = ()) -> Listing:
        """Return the images, labelled by these class names, by default by the set's own.

        Raises:
            UserError: the images cannot be listed, or have other classes.
        """
        return self.list_images(class_names)

    def labelled(self, class_names: ClassNames) -> Source:
        """Return the same images labelled by these class names, with another fingerprint."""
        key = hashlib.sha256(repr((self.fingerprint, class_names)).encode())
        list_images = self.list_images
        return Source(key.hexdigest(), lambda given: list_images(given or class_names), self.split)


def joined(training: Source, validation: Source) -> Source:
    """Return the images of both, those of the validation split behind the training set's.

    ``split`` is the validation split's name.
    """
    key = hashlib.sha256(repr((training.fingerprint, validation.fingerprint)).encode())
    return Source(key.hexdigest(), partial(_joined, training, validation), validation.split)


def _joined(training_set: Source, validation_split: Source, class_names: ClassNames) -> Listing:
    training = training_set.listing(class_names)
    validation = validation_split.listing(training.class_names)
    start = len(training.labels)

    def name(position: int) -> str:
        is_training = position < start
        return training.name(position) if is_training else validation.name(position - start)

    def chunks() -> Iterator[Chunk]:
        yield from training.chunks()
        for chunk in validation.chunks():
            yield [(start + position, reader) for position, reader in chunk]

    def reader(position: int) -> Reader:
        assert training.reader is not None
        assert validation.reader is not None
        is_training = position < start
        return training.reader(position) if is_training else validation.reader(position - start)

    labels = stacked(training.labels, validation.labels)
    notes = (*training.notes, *(f"{validation_split.split}: {n}" for n in validation.notes))
    return replace(
        training,
        labels=labels,
        name=name,
        chunks=chunks,
        validation_start=start,
        notes=notes,
        reader=reader if training.reader and validation.reader else None,
    )


def stacked(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the labels of both; rows (N, L) of several labels are padded to the longest."""
    if first.ndim == second.ndim == 1:
        return np.concatenate([first, second])
    rows = [labels if labels.ndim > 1 else labels[:, None] for labels in (first, second)]
    longest = max(labels.shape[1] for labels in rows)
    return np.concatenate(
        [
            np.pad(labels, ((0, 0), (0, longest - labels.shape[1])), constant_values=NO_LABEL)
            for labels in rows
        ]
    )


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
    top = f"{root.as_posix()}/"
    for file in files:
        status = file.stat()
        path = file.as_posix()
        name = path.removeprefix(top) if path.startswith(top) else file.name
        line = f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n"
        digest.update(line.encode(errors="surrogateescape"))  # names that are not UTF-8
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
