"""Images from WebDataset shards: .tar files in which files of one name are a sample.

``0001.jpg`` is an image, ``0001.cls`` beside it its label: a number or a name, or several numbers
with commas or blanks between them. ``0001.json`` does too, with a ``label``, ``labels`` or ``cls``:
a number or a name, or a list of them.
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


def webdataset_source(root: Path, shards: Sequence[Path], class_names: tuple[str, ...]) -> Source:
    """The samples of these shards, one after the other. Shards must not be compressed."""
    return Source(fingerprint(root, shards), partial(_listing, shards, class_names))


@dataclass
class _Sample:
    """One image: its place in the shard's bytes, and its label."""

    name: str
    offset: int | None = None
    size: int = 0
    label: Label | None = None


def _listing(shards: Sequence[Path], class_names: tuple[str, ...]) -> Listing:
    """
    Raises:
        UserError: a shard that cannot be read, or an image without a label.
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
                f"--data: {shard}: {sample.name}: got no label, must have a .cls or .json beside it"
            )
    if not samples:
        raise UserError(f"--data: got {shards[0]} without images, must have some")
    names = class_names or class_names_of(labels)
    return Listing(
        numbered(labels, names, str(shards[0])),
        names,
        name=lambda position: f"{samples[position][0]}, {samples[position][1].name}",
        chunks=lambda: _chunks(samples),
    )


def _samples(shard: Path) -> Iterator[_Sample]:
    """Those that have an image, in the shard's order."""
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
    several = value if isinstance(value, list) else [value]
    is_label = all(isinstance(v, (int, str)) for v in several)
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


def find_shards(path: Path, suffix: str) -> list[Path]:
    """``path`` itself, or all files of its folder and below with this suffix, by their names."""
    if path.is_file():
        return [path] if path.suffix == suffix else []
    found = (Path(p, n) for p, _, names in os.walk(path) for n in names if n.endswith(suffix))
    return sorted(found)


def training_shards(root: Path, shards: Sequence[Path]) -> list[Path]:
    """Those that say ``train`` below ``root``; where none does, those that say nothing else.

    A file that was named itself is taken at the user's word.

    Raises:
        UserError: all say something else.
    """
    if shards == [root]:
        return [root]
    said = {shard: split_of_shard(root, shard) for shard in shards}
    chosen = [s for s in shards if said[s] == "train"]
    chosen = chosen or [s for s in shards if said[s] is None]
    if not chosen:
        raise UserError(f"--data: got {root} with test files alone, must have a training set")
    return chosen


def evaluation_shards(root: Path, shards: Sequence[Path]) -> list[Path]:
    """Those that say ``test``, or where none does those of the validation.

    Raises:
        UserError: none does.
    """
    said = {shard: split_of_shard(root, shard) for shard in shards}
    chosen = [s for s in shards if said[s] == "test"] or [s for s in shards if said[s] == "val"]
    if not chosen:
        raise UserError(
            f"--data: got {root} with no file or folder named test or val, must have a test split"
        )
    return chosen


def split_of_shard(root: Path, shard: Path) -> str | None:
    """``train``, ``test`` or ``val``, by the shard's name and the folders below ``root``."""
    return split_in_path(shard.name if shard == root else shard.relative_to(root).as_posix())
