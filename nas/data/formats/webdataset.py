"""Images from WebDataset shards: .tar files in which a sample is a group of files with one name.

``0001.jpg`` is an image. Its label is in ``0001.cls`` beside it: a number, a name, or several
numbers separated by commas or blanks. It may also be in ``0001.json``, under ``label``, ``labels``
or ``cls``: a number, a name, or a list of them. A file ``classes.txt`` beside the shards may name
the classes, one a line, by number from 0.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from nas.data.formats.base import (
    Chunk,
    Listing,
    Reader,
    Source,
    fingerprint,
    in_chunks,
)
from nas.data.formats.files import display, read_file
from nas.data.formats.labels import Label, class_names_of, numbered
from nas.data.formats.tar_samples import Sample, read_samples
from nas.errors import UserError

SUFFIX = ".tar"
CLASSES_FILE = "classes.txt"


def webdataset_source(root: Path, shards: Sequence[Path]) -> Source:
    """Return the samples of these uncompressed shards, one shard after the other."""
    return Source(fingerprint(root, shards), partial(_listing, shards))


def _listing(shards: Sequence[Path], class_names: tuple[str, ...]) -> Listing:
    """List the images of all shards.

    Raises:
        UserError: a shard cannot be read in full, or an image has no label.
    """
    samples: list[tuple[Path, Sample]] = []
    notes: list[str] = []
    for shard in shards:
        found = read_samples(shard)
        samples += ((shard, sample) for sample in found.with_image)
        notes += [f"{display(shard)}: {note}" for note in found.notes]
    if not samples:
        raise UserError(f"--data: got {display(shards[0])} without images, must have one or more")
    for shard, sample in samples:
        if sample.label is None:
            raise UserError(
                f"--data: {display(shard)}: {sample.name}: got no label, must have one in a .cls "
                "or .json file beside it"
            )
    where = display(shards[0])
    labels = _with_names([sample.label for _, sample in samples], shards[0])
    names = class_names or class_names_of(labels, where)
    return Listing(
        numbered(labels, names, where),
        names,
        name=lambda position: f"{display(samples[position][0])}, {samples[position][1].name}",
        chunks=lambda: _chunks(samples),
        notes=tuple(notes),
    )


def _with_names(labels: list[Label], shard: Path) -> list[Label]:
    """Return the labels with the names of ``classes.txt`` in place of numbers, if it is there."""
    file = shard.parent / CLASSES_FILE
    if not file.is_file():
        return labels
    names = [line.strip() for line in read_file(file).decode(errors="replace").splitlines()]

    def named(label: Label) -> Label:
        if isinstance(label, list):
            return [named(one) for one in label]
        number = label if isinstance(label, int) else None
        return names[number] if number is not None and 0 <= number < len(names) else label

    return [named(label) for label in labels]


def _chunks(samples: Sequence[tuple[Path, Sample]]) -> Iterator[Chunk]:
    def readers() -> Iterator[tuple[int, Reader]]:
        for position, (shard, sample) in enumerate(samples):
            assert sample.offset is not None
            yield position, partial(_read, shard, sample.offset, sample.size)

    return in_chunks(readers())


def _read(shard: Path, offset: int, size: int) -> bytes:
    with shard.open("rb", buffering=0) as file:
        return os.pread(file.fileno(), size, offset)
