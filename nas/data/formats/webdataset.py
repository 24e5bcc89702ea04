"""Images from WebDataset shards: .tar files in which a sample is a group of files with one name.

``0001.jpg`` is an image. Its label is in ``0001.cls`` beside it: a number, a name, or several
numbers separated by commas or blanks. It may also be in ``0001.json``, under ``label``, ``labels``
or ``cls``: a number, a name, or a list of them.
"""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from nas.data.formats.base import (
    Chunk,
    Listing,
    Reader,
    Source,
    fingerprint,
    in_chunks,
    split_in_path,
)
from nas.data.formats.labels import Label, class_names_of, numbered
from nas.errors import UserError

SUFFIX = ".tar"
_IMAGES = {"jpg", "jpeg", "png", "webp", "bmp", "ppm", "gif", "tif", "tiff"}
_JSON_KEYS = ("label", "labels", "cls")


# Shards of any format, and the splits that they belong to.


def find_shards(path: Path, suffix: str) -> list[Path]:
    """Return ``path`` if it is a file with this suffix, or all such files below it, sorted."""
    if path.is_file():
        return [path] if path.suffix == suffix else []
    found = (
        Path(folder, name)
        for folder, _, names in os.walk(path)
        for name in names
        if name.endswith(suffix)
    )
    return sorted(found)


def training_shards(root: Path, shards: Sequence[Path]) -> list[Path]:
    """Return the shards named ``train`` below ``root``, or else those that name no split.

    If the user named a single file, it is taken whatever its name.

    Raises:
        UserError: all shards are named test or validation.
    """
    if shards == [root]:
        return [root]
    chosen = shards_of_split(root, shards, "train") or shards_of_split(root, shards, None)
    if not chosen:
        raise UserError(
            f"--data: got {root} with test or validation files only, must have training files"
        )
    return chosen


def evaluation_shards(root: Path, shards: Sequence[Path]) -> list[Path]:
    """Return the shards named ``test`` below ``root``, or else those named validation.

    Raises:
        UserError: there are none.
    """
    chosen = shards_of_split(root, shards, "test") or shards_of_split(root, shards, "val")
    if not chosen:
        raise UserError(
            f"--data: got {root} with no file or folder named test or val, must have a test split"
        )
    return chosen


def shards_of_split(root: Path, shards: Sequence[Path], split: str | None) -> list[Path]:
    """Return the shards of this split, or with None those that name no split."""
    return [shard for shard in shards if split_of_shard(root, shard) == split]


def split_of_shard(root: Path, shard: Path) -> str | None:
    """Return ``train``, ``test`` or ``val`` by the shard's name and its folders below ``root``."""
    return split_in_path(shard.name if shard == root else shard.relative_to(root).as_posix())


# The samples of WebDataset shards.


@dataclass
class _Sample:
    """One image: the place of its bytes in the shard, and its label."""

    name: str
    offset: int | None = None
    size: int = 0
    label: Label | None = None


def webdataset_source(root: Path, shards: Sequence[Path]) -> Source:
    """Return the samples of these uncompressed shards, one shard after the other."""
    return Source(fingerprint(root, shards), partial(_listing, shards))


def _listing(shards: Sequence[Path], class_names: tuple[str, ...]) -> Listing:
    """List the images of all shards.

    Raises:
        UserError: a shard cannot be read, or an image has no label.
    """
    samples: list[tuple[Path, _Sample]] = []
    for shard in shards:
        try:
            samples += ((shard, sample) for sample in _samples(shard))
        except (tarfile.TarError, OSError, ValueError) as error:
            raise UserError(
                f"--data: got {shard}, must be an uncompressed .tar file of images and labels "
                f"({error})"
            ) from error
    labels = [sample.label for _, sample in samples if sample.label is not None]
    for shard, sample in samples:
        if sample.label is None:
            raise UserError(
                f"--data: {shard}: {sample.name}: got no label, must have one in a .cls or .json "
                "file beside it"
            )
    if not samples:
        raise UserError(f"--data: got {shards[0]} without images, must have one or more")
    names = class_names or class_names_of(labels)
    return Listing(
        numbered(labels, names, str(shards[0])),
        names,
        name=lambda position: f"{samples[position][0]}, {samples[position][1].name}",
        chunks=lambda: _chunks(samples),
    )


def _samples(shard: Path) -> Iterator[_Sample]:
    """Yield the samples that have an image, in the shard's order."""
    samples: dict[str, _Sample] = {}
    with tarfile.open(shard, "r:") as archive:
        for member in archive:
            folder, _, name = member.name.rpartition("/")
            key, _, suffix = name.partition(".")
            if not member.isfile():
                continue
            sample = samples.setdefault(f"{folder}/{key}", _Sample(member.name))
            _add(sample, suffix.lower(), archive, member)
            archive.members = []  # type: ignore[attr-defined] # else it keeps every header
    yield from (sample for sample in samples.values() if sample.offset is not None)


def _add(sample: _Sample, suffix: str, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
    """Add the image's place or the label in ``member`` to its sample."""
    if suffix in _IMAGES:
        sample.name, sample.offset, sample.size = member.name, member.offset_data, member.size
    elif suffix in ("cls", "json"):
        file = archive.extractfile(member)
        assert file is not None  # as it is a file
        text = file.read().decode()
        label = _label_of_text(text) if suffix == "cls" else _label_of_json(text)
        sample.label = sample.label if label is None else label


def _label_of_text(text: str) -> Label:
    words = text.replace(",", " ").split()
    if words and all(word.isdecimal() for word in words):
        numbers = [int(word) for word in words]
        return numbers[0] if len(numbers) == 1 else numbers
    return text.strip()


def _label_of_json(text: str) -> Label | None:
    value: Any = json.loads(text)
    if isinstance(value, dict):
        value = next((value[key] for key in _JSON_KEYS if key in value), None)
    labels = value if isinstance(value, list) else [value]
    is_label = all(isinstance(label, (int, str)) for label in labels)
    return value if is_label else None


def _chunks(samples: Sequence[tuple[Path, _Sample]]) -> Iterator[Chunk]:
    def readers() -> Iterator[tuple[int, Reader]]:
        for position, (shard, sample) in enumerate(samples):
            assert sample.offset is not None
            yield position, partial(_read, shard, sample.offset, sample.size)

    return in_chunks(readers())


def _read(shard: Path, offset: int, size: int) -> bytes:
    with shard.open("rb", buffering=0) as file:
        return os.pread(file.fileno(), size, offset)
