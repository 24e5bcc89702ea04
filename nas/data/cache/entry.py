"""One set of decoded images in the cache: a directory with a memory-mapped file of pixels."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.data.split import Split, Statistics

PIXELS, LABELS, META = "pixels.bin", "labels.npy", "meta.json"


@dataclass(frozen=True)
class Meta:
    """What an entry holds: ``rows`` (start, stop) in its file for each part.

    The parts are the training set and the minival, or the test set alone. ``digest`` is a hash of
    all pixels and labels, ``statistics`` are those of the first part. ``made_at`` is in seconds
    since 1970.
    """

    source: str
    image_size: int
    rows: tuple[tuple[int, int], ...]
    class_names: tuple[str, ...]
    unreadable: tuple[str, ...]
    statistics: Statistics
    digest: str
    made_at: float

    @property
    def images(self) -> int:
        """How many there are in all parts."""
        return sum(stop - start for start, stop in self.rows)

    @staticmethod
    def read(path: Path) -> Meta:
        """The one in an entry's directory; OSError or ValueError if there is none."""
        values: dict[str, Any] = json.loads((path / META).read_text(encoding="utf-8"))
        known = Statistics(*(tuple(values["statistics"][key]) for key in ("mean", "std")))
        for key in ("class_names", "unreadable"):
            values[key] = tuple(values[key])
        rows = tuple((start, stop) for start, stop in values["rows"])
        return Meta(**{**values, "statistics": known, "rows": rows})

    def write(self, path: Path) -> None:
        """Into an entry's directory."""
        (path / META).write_text(json.dumps(asdict(self)), encoding="utf-8")


@dataclass(frozen=True)
class Entry:
    """A complete entry, its pixels (N, 3, H, W) mapped read-only.

    It counts as in use, by any number of processes, for as long as the mapping lives: the lock is
    the open file's, of which the mapping has a duplicate.
    """

    path: Path
    meta: Meta
    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def parts(self) -> list[Split]:
        """The training set and the minival, or the test set."""
        stretches = [slice(*rows) for rows in self.meta.rows]
        return [Split(self.pixels[part], self.labels[part]) for part in stretches]


def open_entry(path: Path) -> Entry | None:
    """The entry in this directory, from now on in use; None if there is no whole one."""
    try:
        with (path / PIXELS).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            meta = Meta.read(path)  # after the lock: what was removed meanwhile has none
            labels = np.load(path / LABELS, allow_pickle=False)
            shape = (len(labels), 3, meta.image_size, meta.image_size)
            pixels: NDArray[np.uint8] = np.memmap(file, np.uint8, "r", shape=shape)
    except (OSError, EOFError, ValueError, KeyError, TypeError):
        return None
    with suppress(OSError):  # another user's
        now = time.time_ns()  # finer than the kernel's own clock for files, of a few ms
        os.utime(path / META, ns=(now, now))
    return Entry(path, meta, pixels, labels)


def used_at(path: Path) -> float:
    """When the entry was last opened, in seconds since 1970; 0 if it has gone."""
    try:
        return (path / META).stat().st_mtime
    except OSError:
        return 0.0


def size_bytes(path: Path) -> int:
    """What the entry takes on the disk; 0 if it has gone."""
    try:
        return sum(file.stat().st_size for file in path.iterdir())
    except OSError:
        return 0


def is_in_use(path: Path) -> bool:
    """Whether any process has the entry open."""
    try:
        with (path / PIXELS).open("r+b") as file:  # NFS locks exclusively what can be written only
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def remove_unless_in_use(path: Path) -> bool:
    """Deletes the entry, or says False: a process has it open. A missing one counts as deleted.

    Raises:
        OSError: no right to delete it.
    """
    try:
        with (path / PIXELS).open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            (path / META).unlink()  # whoever waits for the lock finds no entry
            shutil.rmtree(path)
    except BlockingIOError:
        return False
    except FileNotFoundError:
        shutil.rmtree(path, ignore_errors=True)
    return True
