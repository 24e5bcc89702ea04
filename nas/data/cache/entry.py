"""An entry of the cache: a directory with one data set's decoded images at one size.

The pixels are one file that processes map into memory; the labels and the metadata are beside it.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
import zlib
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.data.split import Split, Statistics

PIXELS, LABELS, CHECKS, META = "pixels.bin", "labels.npy", "checks.npy", "meta.json"
POSITIONS = "positions.npy"  # of an index only
_VERIFIED_BYTES = 2**31  # of pixels that are verified in full, in a second or two
_SAMPLED_IMAGES = 20_000  # of larger entries


@dataclass(frozen=True)
class Meta:
    """Metadata of an entry, stored as JSON.

    ``rows`` are the (start, stop) in the pixel file of each part: the training set and the minival,
    or the test set alone. ``unreadable`` are the names of the images left out. ``statistics`` are
    those of the first part. ``digest`` is a hash of all pixels and labels. ``made_at`` is in
    seconds since 1970. ``notes`` and ``warnings`` are sentences on what was passed over, and on
    what looks wrong. ``labels_checksum`` is that of the file of labels. An index (``is_index``) has
    no pixels: images are decoded each time they are needed.
    """

    source: str
    image_size: int
    rows: tuple[tuple[int, int], ...]
    class_names: tuple[str, ...]
    unreadable: tuple[str, ...]
    statistics: Statistics
    digest: str
    made_at: float
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    labels_checksum: int = 0
    is_index: bool = False

    @property
    def images(self) -> int:
        """Number of images in all parts."""
        return sum(stop - start for start, stop in self.rows)

    @staticmethod
    def read(path: Path) -> Meta:
        """Read the metadata in the entry's directory ``path``.

        Raises:
            OSError, ValueError, KeyError, TypeError: there is none, or it is damaged.
        """
        values: dict[str, Any] = json.loads((path / META).read_text(encoding="utf-8"))
        statistics = Statistics(*(tuple(values["statistics"][key]) for key in ("mean", "std")))
        for key in ("class_names", "unreadable", "notes", "warnings"):
            values[key] = tuple(values.get(key, ()))
        rows = tuple((start, stop) for start, stop in values["rows"])
        return Meta(**{**values, "statistics": statistics, "rows": rows})

    def write(self, path: Path) -> None:
        """Write the metadata into the entry's directory ``path``."""
        (path / META).write_text(json.dumps(asdict(self)), encoding="utf-8")


@dataclass(frozen=True)
class Entry:
    """A complete entry that is in use: ``pixels`` (N, 3, H, W) are mapped read-only.

    Any number of processes may use an entry. Each holds a shared lock on the pixel file for as long
    as its mapping, or any view of it, exists: the mapping keeps a duplicate of the locked file.
    An index has no pixels (0, 3, H, W), but the ``positions`` (N,) of its images in the listing.
    """

    path: Path
    meta: Meta
    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    positions: NDArray[np.int64] | None = None

    def parts(self) -> list[Split]:
        """Return the training set and the minival, or the test set."""
        return [Split(self.pixels[part], self.labels[part]) for part in self.slices()]

    def slices(self) -> list[slice]:
        """Return where each part is."""
        return [slice(*rows) for rows in self.meta.rows]


def checksum(pixels: memoryview) -> int:
    """Return the checksum of an image's bytes, as stored for each row of the pixel file."""
    return zlib.crc32(pixels)


def is_sound(entry: Entry) -> bool:
    """Return whether the entry's images and labels are those that were written, by checksums.

    Of more than 2 GB of pixels, 20,000 images spread over the file are read.
    """
    try:
        checks = np.load(entry.path / CHECKS, allow_pickle=False)
        labels_checksum = checksum(memoryview((entry.path / LABELS).read_bytes()))
    except (OSError, EOFError, ValueError):
        return False
    if entry.meta.is_index:
        return len(checks) == len(entry.labels) and labels_checksum == entry.meta.labels_checksum
    rows = np.concatenate([np.arange(*part) for part in entry.meta.rows])
    if entry.pixels.nbytes > _VERIFIED_BYTES:
        rows = rows[:: -(-len(rows) // _SAMPLED_IMAGES)]
    if len(checks) != len(entry.pixels) or labels_checksum != entry.meta.labels_checksum:
        return False
    return all(checksum(entry.pixels[row].data) == checks[row] for row in rows.tolist())


def open_entry(path: Path) -> Entry | None:
    """Open the entry in the directory ``path``; None if there is none, or it is damaged."""
    try:
        with (path / PIXELS).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            meta = Meta.read(path)  # after the lock: a removed entry has no metadata
            labels = np.load(path / LABELS, allow_pickle=False)
            size, positions = meta.image_size, None
            pixels: NDArray[np.uint8] = np.empty((0, 3, size, size), np.uint8)
            if meta.is_index:
                positions = np.load(path / POSITIONS, allow_pickle=False)
            else:
                pixels = np.memmap(file, np.uint8, "r", shape=(len(labels), 3, size, size))
    except (OSError, EOFError, ValueError, KeyError, TypeError):
        return None
    _mark_as_used(path)
    return Entry(path, meta, pixels, labels, positions)


def _mark_as_used(path: Path) -> None:
    now = time.time_ns()  # the kernel's own clock for files ticks every few ms
    with suppress(OSError):  # read-only
        try:
            os.utime(path / META, ns=(now, now))
        except PermissionError:  # only the owner may set it to another clock's time
            os.utime(path / META)


def used_at(path: Path) -> float:
    """Return when the entry was last opened, in seconds since 1970; 0 if it is gone."""
    try:
        return (path / META).stat().st_mtime
    except OSError:
        return 0.0


def size_bytes(path: Path) -> int:
    """Return the size of the entry's files; 0 if it is gone."""
    try:
        return sum(file.stat().st_size for file in path.iterdir())
    except OSError:
        return 0


def is_in_use(path: Path) -> bool:
    """Return whether any process has the entry open."""
    try:
        # NFS: an exclusive lock needs write access, so that another user's entry counts as unused.
        mode = "r+b" if os.access(path / PIXELS, os.W_OK) else "rb"
        with (path / PIXELS).open(mode) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def remove_unless_in_use(path: Path) -> bool:
    """Delete the entry and return True; return False if a process has it open.

    A missing entry counts as deleted.

    Raises:
        OSError: no permission to delete it.
    """
    try:
        with (path / PIXELS).open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            (path / META).unlink()  # so that a process waiting for the lock finds no entry
            shutil.rmtree(path)
    except BlockingIOError:
        return False
    except FileNotFoundError:
        shutil.rmtree(path, ignore_errors=True)
    return True
