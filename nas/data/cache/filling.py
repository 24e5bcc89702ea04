"""Decode a set of images, in parallel, into the files of a cache entry."""

from __future__ import annotations

import hashlib
import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.data.cache.entry import CHECKS, LABELS, PIXELS, POSITIONS, Meta, checksum
from nas.data.decode import Decoding, Unusable, decode
from nas.data.formats.base import Chunk, Listing
from nas.data.processes import CAN_FORK, in_processes
from nas.data.split import histogram, statistics
from nas.errors import UserError, first_of
from nas.machine import available_cores

VERSION = 2  # to be raised when the same image file would give other pixels
_FEWEST_FOR_PROCESSES = 10_000  # images
_CHANNELS = 3
_MOST_CONSTANT, _NAMED = 0.01, 3  # the share from which it is a warning; names in it
_DIGEST_BYTES = hashlib.sha256().digest_size


def image_bytes(size: int) -> int:
    """Return the number of bytes of one decoded image of ``size`` by ``size`` pixels."""
    return _CHANNELS * size * size


def fill(
    draft: Path,
    listing: Listing,
    parts: Sequence[NDArray[np.int64]],
    size: int,
    source: str,
    advance: Callable[[int], None],
    decoding: Decoding,
    is_training: bool,
    keeps_pixels: bool = True,
) -> Meta:
    """Decode the images of each part into the directory ``draft``, one part after the other.

    Each of the ``parts`` is an array of positions (N,); together they hold every position once.
    ``advance`` is called with the number of images just processed. With ``is_training``, the first
    part must have an image of every class. Without ``keeps_pixels`` the entry is an index: it has
    all but the pixels, and the positions of the readable images. Returns the entry's metadata.

    Raises:
        OSError: no room or no permission to write.
        UserError: too few images can be decoded, or a file cannot be read.
    """
    positions = np.concatenate(parts)
    slots = np.empty_like(positions)
    slots[positions] = np.arange(len(positions))
    with (draft / PIXELS).open("w+b") as file:
        written = file.fileno() if keeps_pixels else None
        filling = _Filling(written, slots, len(parts[0]), size, listing.name, decoding)
        filling.reserve()
        filling.run(listing.chunks(), advance)
        is_readable = filling.is_readable[slots]
        listing.check(is_readable, source, is_training)
        if not all(is_readable[part].any() for part in parts):
            raise UserError(
                f"--data: {source}: got no readable image in the training set or in the minival, "
                "must have one or more in each"
            )
        bounds = np.cumsum([0, *map(len, parts)])
        rows = [filling.pack(int(start), int(stop)) for start, stop in pairwise(bounds)]
        os.fsync(file.fileno())
    arrays: dict[str, NDArray[Any]] = {
        LABELS: listing.labels[positions],
        CHECKS: filling.checks,
    }
    if not keeps_pixels:
        arrays[POSITIONS] = positions.copy()
    for name, values in arrays.items():
        for part, start in zip(rows, bounds, strict=False):
            values[start : start + len(part)] = values[part].copy()
        with (draft / name).open("wb") as file:
            np.save(file, values)
            os.fsync(file.fileno())
    meta = Meta(
        source=source,
        image_size=size,
        rows=tuple(
            (int(start), int(start) + len(part)) for start, part in zip(bounds, rows, strict=False)
        ),
        class_names=listing.class_names,
        unreadable=tuple(map(filling.why_unreadable, np.flatnonzero(~is_readable).tolist())),
        notes=listing.notes,
        warnings=_constant_images(listing, filling.is_constant[slots] & is_readable),
        statistics=statistics(filling.counts),
        digest=_digest(listing.labels[positions], filling.digests, rows),
        made_at=time.time(),
        labels_checksum=checksum(memoryview((draft / LABELS).read_bytes())),
        is_index=not keeps_pixels,
    )
    meta.write(draft)
    return meta


def _is_constant(pixels: NDArray[np.uint8]) -> bool:
    """Return whether an image (C, H, W) is of a single colour; its corners tell most are not."""
    first = pixels[:, :1, :1]
    return bool((pixels[:, -1:, -1:] == first).all() and (pixels == first).all())


def _constant_images(listing: Listing, is_constant: NDArray[np.bool_]) -> tuple[str, ...]:
    """Return a warning if over 1 % of the images are of a single colour; some are named."""
    positions, count = np.flatnonzero(is_constant), len(is_constant)
    if len(positions) <= _MOST_CONSTANT * count:
        return ()
    names = first_of(map(listing.name, positions.tolist()), len(positions), _NAMED)
    share = 100 * len(positions) / count
    return (
        f"{len(positions):,} of {count:,} images ({share:.0f} %) are of a single colour once "
        f"decoded: {names}",
    )


@dataclass
class _Written:
    """What became of a chunk: all lists are of its readable images. ``reasons`` are by position.

    ``counts`` is the histogram (C, 256) of the images that are counted.
    """

    images: int
    counts: NDArray[np.int64]
    slots: list[int] = field(default_factory=list)
    checks: list[int] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)
    is_constant: list[bool] = field(default_factory=list)
    reasons: dict[int, str] = field(default_factory=dict)


class _Filling:
    """The pixel file while it is written: the image at ``position`` goes to ``slots[position]``.

    Nothing is written if ``file`` is None.

    ``is_readable``, ``is_constant``, ``checks`` and ``digests`` are by slot. ``counts`` is the
    histogram (C, 256) of the images in the first ``counted_slots`` slots. ``name`` gives the name
    of the image at a position.
    """

    def __init__(
        self,
        file: int | None,
        slots: NDArray[np.int64],
        counted_slots: int,
        size: int,
        name: Callable[[int], str],
        decoding: Decoding,
    ) -> None:
        self._decoding = decoding
        self._reasons: dict[int, str] = {}  # by position, of complete images that cannot be used
        self._file = file
        self._slots = slots
        self._counted_slots = counted_slots
        self._size = size
        self._name = name
        self._bytes = image_bytes(size)
        self._is_cancelled = False
        self.is_readable = np.zeros(len(slots), bool)
        self.is_constant = np.zeros(len(slots), bool)
        self.checks = np.zeros(len(slots), np.uint32)
        self.digests = np.zeros((len(slots), _DIGEST_BYTES), np.uint8)
        self.counts = np.zeros((_CHANNELS, 256), np.int64)

    def reserve(self) -> None:
        """Allocate the whole file at once, so that a full disk is an error before the work."""
        if self._file is not None and hasattr(os, "posix_fallocate"):
            os.posix_fallocate(self._file, 0, len(self._slots) * self._bytes)

    def run(self, chunks: Iterator[Chunk], advance: Callable[[int], None]) -> None:
        """Decode and write every chunk; few wait at a time, as they may hold encoded images.

        Threads decode few images, as Pillow decodes without holding Python's lock; but each image
        holds it for a while, so that many images are decoded by processes.
        """
        cores = available_cores()
        is_many = cores > 1 and len(self._slots) >= _FEWEST_FOR_PROCESSES
        if is_many and CAN_FORK:
            results = in_processes(self._write, chunks, cores)
        else:
            results = self._in_threads(chunks, cores)
        with closing(results):
            for written in results:
                self._collect(written)
                advance(written.images)

    def _in_threads(self, chunks: Iterator[Chunk], threads: int) -> Generator[_Written, None, None]:
        waiting: deque[Future[_Written]] = deque()
        with ThreadPoolExecutor(threads, "decode") as pool:
            try:
                for chunk in chunks:
                    waiting.append(pool.submit(self._write, chunk))
                    if len(waiting) > 2 * threads:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                self._is_cancelled = True
                pool.shutdown(cancel_futures=True)

    def why_unreadable(self, position: int) -> str:
        """Return the name of an unreadable image, with the reason if it is not just damaged."""
        name, reason = self._name(position), self._reasons.get(position)
        return f"{name} ({reason})" if reason else name

    def pack(self, start: int, stop: int) -> NDArray[np.int64]:
        """Fill the gaps of unreadable images in the slots of a part with images from its end.

        Returns the former slot of each image from ``start`` on. Moving all later images up instead
        would rewrite a large file because of one image.
        """
        readable = start + np.flatnonzero(self.is_readable[start:stop])
        places = np.arange(start, start + len(readable))
        rows = places.copy()
        rows[~self.is_readable[places]] = readable[readable >= start + len(readable)]
        for place in places[rows != places].tolist():
            if self._file is not None:
                offset = int(rows[place - start]) * self._bytes
                self._put(memoryview(os.pread(self._file, self._bytes, offset)), place)
        return rows

    def _collect(self, written: _Written) -> None:
        self.counts += written.counts
        self._reasons |= written.reasons
        if not written.slots:
            return
        self.is_readable[written.slots] = True
        self.checks[written.slots] = written.checks
        self.is_constant[written.slots] = written.is_constant
        digests = np.frombuffer(b"".join(written.digests), np.uint8)
        self.digests[written.slots] = digests.reshape(-1, _DIGEST_BYTES)

    def _write(self, chunk: Chunk) -> _Written:
        """Decode and write a chunk."""
        written = _Written(len(chunk), np.zeros_like(self.counts))
        for position, reader in chunk:
            if self._is_cancelled:  # Ctrl-C or a full disk
                break
            try:
                pixels = decode(reader, self._size, self._decoding)
            except Unusable as error:
                written.reasons[position] = str(error)
                continue
            except OSError as error:  # of the disk: must not mark the image as unreadable for good
                reason = error.strerror or error
                raise UserError(
                    f"--data: {self._name(position)}: cannot be read ({reason})"
                ) from error
            if pixels is None:
                continue
            slot = int(self._slots[position])
            self._put(pixels.data.cast("B"), slot)
            written.slots.append(slot)
            written.checks.append(checksum(pixels.data))
            written.is_constant.append(_is_constant(pixels))
            written.digests.append(hashlib.sha256(pixels.data).digest())
            if slot < self._counted_slots:
                written.counts += histogram(pixels[None])
        return written

    def _put(self, content: memoryview, slot: int) -> None:
        """Write an image with ``pwrite``: on a full disk a memory map would kill the process."""
        offset = slot * self._bytes
        while content and self._file is not None:
            written = os.pwrite(self._file, content, offset)
            content, offset = content[written:], offset + written


def _digest(
    labels: NDArray[np.int64], digests: NDArray[np.uint8], rows: Sequence[NDArray[np.int64]]
) -> str:
    """Return a hash of the labels and pixels of each part, in order."""
    digest = hashlib.sha256()
    for part in rows:
        digest.update(repr((len(part), labels.shape[1:])).encode())
        digest.update(np.ascontiguousarray(labels[part]).data)
        digest.update(np.ascontiguousarray(digests[part]).data)
    return digest.hexdigest()[:16]
