"""Images from WebDataset shards: .tar files in which a sample is a group of files with one name.

``0001.jpg`` is an image. Its label is in ``0001.cls`` beside it: a number, a name, or several
numbers separated by commas or blanks. It may also be in ``0001.json``, under ``label``, ``labels``
or ``cls``: a number, a name, or a list of them. A file ``classes.txt`` beside the shards may name
the classes, one a line, by number from 0.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from nas.data.formats.base import (
    Listing,
    Reader,
    Source,
    fingerprint,
    in_chunks,
)
from nas.data.formats.files import display, read_file
from nas.data.formats.labels import Label, class_name, class_names_of, numbered
from nas.data.formats.tar_samples import Sample, read_samples
from nas.errors import UserError

SUFFIX = ".tar"
CLASSES_FILE = "classes.txt"


def webdataset_source(root: Path, shards: Sequence[Path]) -> Source:
    """Return the samples of these uncompressed shards, one shard after the other."""
    names = _classes_file(root)
    files = [*shards, *([names] if names else [])]
    return Source(fingerprint(root, files), partial(_listing, shards, names))


def _classes_file(root: Path) -> Path | None:
    file = (root if root.is_dir() else root.parent) / CLASSES_FILE
    return file if file.is_file() else None


def _listing(
    shards: Sequence[Path], names_file: Path | None, class_names: tuple[str, ...]
) -> Listing:
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
    labels = _with_names([sample.label for _, sample in samples], names_file)
    names = class_names or class_names_of(labels, where)
    return Listing(
        numbered(labels, names, where),
        names,
        name=lambda position: f"{display(samples[position][0])}, {samples[position][1].name}",
        chunks=lambda: in_chunks((i, _reader(samples, i)) for i in range(len(samples))),
        notes=tuple(notes),
        reader=partial(_reader, samples),
    )


def _with_names(labels: list[Label], file: Path | None) -> list[Label]:
    """Return the labels with the names in the file in place of numbers, if there is one.

    Raises:
        UserError: a name is missing, or occurs twice.
    """
    if file is None:
        return labels
    text = read_file(file).decode(errors="replace")
    names = [line.strip() for line in text.rstrip().splitlines()]
    if len(set(names)) < len(names) or not all(names):
        raise UserError(f"--data: {display(file)}: got a name twice, must be one a line, each once")
    by_number = {str(number): name for number, name in enumerate(names)}

    def named(label: Label) -> Label:
        if isinstance(label, list):
            return [named(one) for one in label]
        try:
            number = class_name(label)
        except ValueError:  # told where labels are numbered
            return label
        return by_number.get(number or "", label)

    return [named(label) for label in labels]


def _reader(samples: Sequence[tuple[Path, Sample]], position: int) -> Reader:
    shard, sample = samples[position]
    assert sample.offset is not None
    return partial(_read, shard, sample.offset, sample.size)


def _read(shard: Path, offset: int, size: int) -> bytes:
    with shard.open("rb", buffering=0) as file:
        return os.pread(file.fileno(), size, offset)
