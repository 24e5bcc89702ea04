"""Samples in a WebDataset shard: the files of a .tar archive that share the name before the dot.

An archive is read to its end as tar defines it. Python's ``tarfile`` alone takes a damaged header
for the end, so that the rest would be lost without a word.
"""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from nas.data.formats.files import display, is_hidden
from nas.data.formats.labels import Label
from nas.errors import UserError

_IMAGES = {"jpg", "jpeg", "png", "webp", "bmp", "ppm", "gif", "tif", "tiff"}
_PREFIXES = ("input.", "image.", "img.", "label.", "target.")  # as in 0001.input.jpg
_JSON_KEYS = ("label", "labels", "cls")
_MOST_LABEL_BYTES = 2**20
_READ_BYTES = 2**20


@dataclass
class Sample:
    """One image: the place of its bytes in the shard, and its label."""

    name: str
    offset: int | None = None
    size: int = 0
    label: Label | None = None
    suffixes: set[str] = field(default_factory=set)


@dataclass
class Samples:
    """The samples of a shard in its order, and notes on what is unusual in it."""

    with_image: list[Sample]
    notes: list[str]


def read_samples(shard: Path) -> Samples:
    """Return the samples that have an image.

    A shard may be several archives, one after the other; a key then starts a sample in each.

    Raises:
        UserError: the shard is no uncompressed archive, or a part of it cannot be read.
    """
    found = Samples([], [])
    with _readable(shard), shard.open("rb") as file:
        size, start, repeated = os.fstat(file.fileno()).st_size, 0, 0
        while start < size:
            file.seek(start)
            samples, end, again = _archive(file, start)
            found.with_image += (each for each in samples if each.offset is not None)
            repeated += again
            start = _next_archive(file, end, size)
    if repeated:
        found.notes.append(f"{repeated} files have the name of an earlier one")
    return found


@contextmanager
def _readable(shard: Path) -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, OSError, ValueError, RecursionError, EOFError) as error:
        raise UserError(
            f"--data: got {display(shard)}, must be a complete, uncompressed .tar file of images "
            f"and labels ({error})"
        ) from error


def _archive(file: BinaryIO, start: int) -> tuple[list[Sample], int, int]:
    """Read the archive at ``start``; return its samples, its end, and the number of repeated names.

    A sample whose image or label comes a second time under one key counts as a new sample.

    Raises:
        tarfile.TarError, ValueError: it is damaged or cut off.
    """
    samples: dict[str, Sample] = {}
    ended: list[Sample] = []
    repeated, size = 0, os.fstat(file.fileno()).st_size
    with tarfile.open(fileobj=file, mode="r:") as archive:
        for member in archive:
            if member.offset_data + member.size > size:
                raise ValueError(f"{member.name} is cut off")
            archive.members = []  # type: ignore[attr-defined] # else it keeps every header
            folder, _, name = member.name.rpartition("/")
            key, _, suffix = name.partition(".")
            if not member.isfile() or is_hidden(name):
                continue
            path = f"{folder}/{key}"
            sample = samples.setdefault(path, Sample(member.name))
            if suffix.lower() in sample.suffixes:
                repeated += 1
                ended.append(sample)
                sample = samples[path] = Sample(member.name)
            sample.suffixes.add(suffix.lower())
            _add(sample, suffix.lower(), archive, member)
        end = int(archive.offset)
    return [*ended, *samples.values()], end, repeated


def _next_archive(file: BinaryIO, end: int, size: int) -> int:
    """Return where the next archive of a file begins, or the file's size after the last one.

    ``end`` is the place behind the last member that was read.

    Raises:
        ValueError: the archive does not end as tar says, with a block of zeros, so that what
            follows is damaged or cut off.
    """
    if size < end + tarfile.BLOCKSIZE:
        raise ValueError(f"cut off at byte {size:,}, without the mark of its end")
    file.seek(end)
    if any(file.read(tarfile.BLOCKSIZE)):
        raise ValueError(f"a damaged header at byte {end:,}; what follows would be lost")
    at = end + tarfile.BLOCKSIZE
    while content := file.read(_READ_BYTES):
        if rest := content.lstrip(b"\0"):
            place = at + len(content) - len(rest)
            return place - (place - end) % tarfile.BLOCKSIZE
        at += len(content)
    return size


def _add(sample: Sample, suffix: str, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
    """Add the image's place or the label in ``member`` to its sample.

    Raises:
        ValueError: the sample has an image already.
    """
    kind = suffix
    for prefix in _PREFIXES:
        kind = kind.removeprefix(prefix)
    if kind in _IMAGES:
        if sample.offset is not None:
            raise ValueError(
                f"{sample.name} and {member.name} are images under one key, the name up to the "
                "first dot"
            )
        sample.name, sample.offset, sample.size = member.name, member.offset_data, member.size
    elif kind in ("cls", "json"):
        file = archive.extractfile(member)
        assert file is not None  # as it is a file
        text = file.read(_MOST_LABEL_BYTES).decode()
        label = _label_of_text(text) if kind == "cls" else _label_of_json(text)
        sample.label = sample.label if label is None else label


def _label_of_text(text: str) -> Label | None:
    words = text.replace(",", " ").split()
    if words and all(word.removeprefix("-").isdecimal() and word.isascii() for word in words):
        return words[0] if len(words) == 1 else words
    return text.strip() or None


def _label_of_json(text: str) -> Label | None:
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError) as error:  # RecursionError: nested too deeply
        raise ValueError(f"a .json label that cannot be read: {error}") from error
    if isinstance(value, dict):
        value = next((value[key] for key in _JSON_KEYS if key in value), None)
    labels = value if isinstance(value, list) else [value]
    is_label = all(isinstance(label, int | float | str) for label in labels)
    return value if is_label else None
