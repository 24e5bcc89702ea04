"""Mutated inputs for every reader: each is read, or refused in one line, within time and memory."""

from __future__ import annotations

import io
import json
import random
import resource
import tarfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
from PIL import Image
from pyarrow import parquet

from nas.data.decode import Decoding, Unusable, decode
from nas.data.formats.arrays import training_arrays
from nas.data.formats.registry import training_source
from nas.errors import UserError
from results.architecture_file import ArchitectureFileError, read
from search_space.choices import InvalidSpace
from search_space.published import published
from search_space.space_file import read_space, write_space
from search_space.spaces import small

COUNT = 20  # images in a table or an archive
MOST_S, MOST_BYTES = 10.0, 2 * 2**30


@dataclass(frozen=True)
class Target:
    """A reader: valid contents of a file, and a check that reads one; it returns how it ended.

    The check raises an error of another type than a refusal if it finds a fault.
    """

    contents: tuple[bytes, ...]
    suffix: str
    check: Callable[[Path], str]


@dataclass(frozen=True)
class Outcome:
    """How the inputs ended, the longest time in seconds, and the growth of memory in bytes."""

    ends: Counter[str]
    longest_s: float
    growth_bytes: int


def fuzz(target: Target, count: int, folder: Path, seed: int = 0) -> Outcome:
    """Read so many mutated inputs; raises whatever a reader raises that is no refusal."""
    generator = random.Random(seed)
    ends: Counter[str] = Counter()
    longest_s = 0.0
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(count):
        path = folder / f"input{target.suffix}"
        path.write_bytes(mutated(generator.choice(target.contents), generator))
        start = time.monotonic()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Pillow's and NumPy's, of strange contents
                ends[target.check(path)] += 1
        except Exception as error:
            kept = folder / f"failed-{number}{target.suffix}"
            path.rename(kept)
            raise AssertionError(f"seed {seed}, input {number}, kept as {kept}") from error
        longest_s = max(longest_s, time.monotonic() - start)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return Outcome(ends, longest_s, 1024 * grown)


def mutated(content: bytes, generator: random.Random) -> bytes:
    """Return the content with some bytes changed, cut off, repeated, removed or put in."""
    data = bytearray(content)
    for _ in range(generator.choice((1, 1, 2, 5))):
        at, length = generator.randrange(len(data)), generator.choice((1, 4, 64, 600))
        part = slice(at, at + length)
        change = generator.randrange(6)
        if change == 0:
            data[at] ^= 1 << generator.randrange(8)
        elif change == 1:
            data[part] = generator.randbytes(len(data[part]))
        elif change == 2:
            data = data[: max(1, at)]
        elif change == 3:
            data[at:at] = data[part]
        elif change == 4:
            del data[part]
        else:
            data[part] = generator.choice((b"\0", b"\xff")) * len(data[part])
        data = data or bytearray(b"\0")
    return bytes(data)


def targets() -> dict[str, Target]:
    """Return every reader, by name."""
    return {
        "images": Target(_images(), ".img", _check_image),
        "tar": Target((_tar(),), ".tar", _check_listing),
        "parquet": Target(_parquet_files(), ".parquet", _check_listing),
        "npz": Target((_npz(),), ".npz", _check_arrays),
        "space": Target(
            (write_space(small(32)).encode(),), ".yaml", _check(read_space, InvalidSpace)
        ),
        "architecture": Target((_architecture(),), ".json", _check(read, ArchitectureFileError)),
    }


def _picture(grey: int) -> Image.Image:
    pixels = np.random.default_rng(grey).integers(0, 256, (24, 30, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def _encoded(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def _images() -> tuple[bytes, ...]:
    picture = _picture(0)
    wide = Image.fromarray(np.arange(720, dtype=np.uint16).reshape(24, 30))
    return (
        *(_encoded(picture, kind) for kind in ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM")),
        _encoded(picture.convert("RGBA"), "PNG"),
        _encoded(wide, "PNG"),
        _encoded(Image.fromarray(np.ones((24, 30), np.float32)), "TIFF"),
    )


def _tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for i in range(COUNT):
            for suffix, content in (
                ("jpg", _encoded(_picture(i), "JPEG")),
                ("cls", b"%d" % (i % 2)),
            ):
                member = tarfile.TarInfo(f"{i:04}.{suffix}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _parquet_files() -> tuple[bytes, ...]:
    images = [_encoded(_picture(i), "JPEG") for i in range(COUNT)]
    tables = (
        pa.table({"image": images, "label": [i % 2 for i in range(COUNT)]}),
        pa.table({"image": [{"bytes": b, "path": None} for b in images], "label": ["a", "b"] * 10}),
    )
    contents = []
    for table in tables:
        buffer = io.BytesIO()
        parquet.write_table(table, buffer)
        contents.append(buffer.getvalue())
    return tuple(contents)


def _npz() -> bytes:
    buffer = io.BytesIO()
    pixels = np.arange(COUNT * 64, dtype=np.uint8).reshape(COUNT, 8, 8)
    np.savez(buffer, train_images=pixels, train_labels=np.arange(COUNT) % 2)
    return buffer.getvalue()


def _space() -> bytes:
    return write_space(small(32)).encode()


def _architecture() -> bytes:
    network = published("efficientnet-b0")
    content = {
        "name": network.name,
        "parameters": 1,
        "multiply_adds": 1,
        "image_size": {"train": 224, "eval": 224},
        "classes": 10,
        "in_channels": 3,
        **network.architecture.to_json(),
    }
    return json.dumps(content, indent=2).encode()


def _refused(error: Exception) -> str:
    if "\n" in str(error):
        raise AssertionError(f"not one line: {error}")
    return "refused"


def _check_image(path: Path) -> str:
    try:
        pixels = decode(path.read_bytes, 16, Decoding((0, 65_535)))
    except Unusable:
        return "unusable"
    if pixels is None:
        return "unreadable"
    assert pixels.shape == (3, 16, 16)
    return "read"


def _check_listing(path: Path) -> str:
    """Read the listing and every image; none may be missing without a word."""
    try:
        listing = training_source(str(path)).listing()
        positions = []
        for position, read in chain.from_iterable(listing.chunks()):
            decode(read, 8, Decoding())
            positions.append(position)
    except Unusable:
        return "unusable"
    except UserError as error:
        return _refused(error)
    assert sorted(positions) == list(range(len(listing.labels)))
    if len(listing.labels) < COUNT and not listing.notes:
        raise AssertionError(f"{len(listing.labels)} of {COUNT} images, without a word")
    return "read"


def _check_arrays(path: Path) -> str:
    try:
        split = training_arrays(path, None)
    except UserError as error:
        return _refused(error)
    assert len(split.pixels) == len(split.labels) == COUNT
    return "read"


def _check(reader: Callable[[Path], object], refusal: type[Exception]) -> Callable[[Path], str]:
    def check(path: Path) -> str:
        try:
            reader(path)
        except refusal as error:
            return _refused(error)
        return "read"

    return check
