"""Decodes a set of images, in parallel, into the files of a cache entry."""

from __future__ import annotations

import hashlib
import io
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from nas.data.cache.entry import LABELS, PIXELS, Meta
from nas.data.formats.base import Chunk, Listing
from nas.data.split import histogram, statistics
from nas.errors import UserError

_CHANNELS = 3


_DIGEST_BYTES = hashlib.sha256().digest_size


def image_bytes(size: int) -> int:
    """What one image takes."""
    return _CHANNELS * size * size


def fill(
    draft: Path,
    listing: Listing,
    parts: Sequence[NDArray[np.int64]],
    size: int,
    source: str,
    advance: Callable[[int], None],
) -> Meta:
    """Writes the images of each part, positions (N,), one part after the other; returns what is.

    A position is in one part. ``advance`` is told how many images were done. Threads, as Pillow
    decodes without holding Python's lock.

    Raises:
        OSError: no room or no right to write.
        UserError: too few images that are whole, or one whose file cannot be read.
    """
    positions = np.concatenate(parts)
    slots = np.empty_like(positions)
    slots[positions] = np.arange(len(positions))
    with (draft / PIXELS).open("w+b") as file:
        filling = _Filling(file.fileno(), slots, len(parts[0]), size, listing.name)
        filling.reserve()
        filling.run(listing.chunks(), advance)
        is_readable = filling.is_readable[slots]
        listing.check(is_readable, source)
        if not all(is_readable[part].any() for part in parts):
            raise UserError(f"--data: {source}: got too few readable images to hold some out")
        bounds = np.cumsum([0, *map(len, parts)])
        rows = [filling.pack(int(a), int(b)) for a, b in pairwise(bounds)]
        os.fsync(file.fileno())
    labels = listing.labels[positions]
    for part, start in zip(rows, bounds, strict=False):
        labels[start : start + len(part)] = labels[part].copy()
    with (draft / LABELS).open("wb") as file:
        np.save(file, labels)
        os.fsync(file.fileno())
    meta = Meta(
        source=source,
        image_size=size,
        rows=tuple((int(a), int(a) + len(part)) for a, part in zip(bounds, rows, strict=False)),
        class_names=listing.class_names,
        unreadable=tuple(map(listing.name, np.flatnonzero(~is_readable).tolist())),
        statistics=statistics(filling.counts),
        digest=_digest(listing.labels[positions], filling.digests, rows),
        made_at=time.time(),
    )
    meta.write(draft)
    return meta


class _Filling:
    """The pixel file: image ``position`` has the place ``slots[position]``."""

    def __init__(
        self,
        file: int,
        slots: NDArray[np.int64],
        counted: int,
        size: int,
        name: Callable[[int], str],
    ) -> None:
        self._file = file
        self._slots = slots
        self._counted = counted
        self._size = size
        self._name = name
        self._bytes = image_bytes(size)
        self._is_over = False
        self.is_readable = np.zeros(len(slots), bool)  # by slot
        self.digests = np.zeros((len(slots), _DIGEST_BYTES), np.uint8)
        self.counts = np.zeros((_CHANNELS, 256), np.int64)  # of the first ``counted`` slots

    def reserve(self) -> None:
        """All the room at once, so that a disk that is too full says so before the work."""
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(self._file, 0, len(self._slots) * self._bytes)

    def run(self, chunks: Iterator[Chunk], advance: Callable[[int], None]) -> None:
        """Decodes and writes every chunk; few are waiting at a time, as they may hold bytes."""
        threads = os.cpu_count() or 1
        waiting: deque[Future[tuple[int, NDArray[np.int64]]]] = deque()
        with ThreadPoolExecutor(threads, "decode") as pool:
            try:
                for chunk in chunks:
                    waiting.append(pool.submit(self._write, chunk))
                    if len(waiting) > 2 * threads:
                        self._take(waiting.popleft(), advance)
                while waiting:
                    self._take(waiting.popleft(), advance)
            finally:
                self._is_over = True
                pool.shutdown(cancel_futures=True)

    def pack(self, start: int, stop: int) -> NDArray[np.int64]:
        """Closes the gaps that unreadable images left in a part with images from its end.

        Returns the slot that each of the images from ``start`` on had. To move them all up would
        rewrite a large file for one image.
        """
        own = start + np.flatnonzero(self.is_readable[start:stop])
        places = np.arange(start, start + len(own))
        rows = places.copy()
        rows[~self.is_readable[places]] = own[own >= start + len(own)]
        for place in places[rows != places].tolist():
            content = os.pread(self._file, self._bytes, int(rows[place - start]) * self._bytes)
            self._put(memoryview(content), place)
        return rows

    def _take(
        self, future: Future[tuple[int, NDArray[np.int64]]], advance: Callable[[int], None]
    ) -> None:
        done, counts = future.result()
        self.counts += counts
        advance(done)

    def _write(self, chunk: Chunk) -> tuple[int, NDArray[np.int64]]:
        counts = np.zeros_like(self.counts)
        for position, reader in chunk:
            if self._is_over:  # Ctrl-C, or a full disk: nobody waits for the rest of the chunk
                break
            try:
                pixels = decode(reader, self._size)
            except OSError as error:  # its disk's: kept as unreadable, it would be so for good
                reason = error.strerror or error
                raise UserError(
                    f"--data: {self._name(position)}: cannot be read ({reason})"
                ) from error
            if pixels is None:
                continue
            slot = int(self._slots[position])
            self._put(pixels.data.cast("B"), slot)
            self.is_readable[slot] = True
            digest = hashlib.sha256(pixels.data).digest()
            self.digests[slot] = np.frombuffer(digest, np.uint8)
            if slot < self._counted:
                counts += histogram(pixels[None])
        return len(chunk), counts

    def _put(self, content: memoryview, slot: int) -> None:
        """Writes an image. Not through a mapping: a full disk would end the process there."""
        offset = slot * self._bytes
        while content:
            written = os.pwrite(self._file, content, offset)
            content, offset = content[written:], offset + written


def _digest(
    labels: NDArray[np.int64], digests: NDArray[np.uint8], rows: Sequence[NDArray[np.int64]]
) -> str:
    """A hash of the labels and pixels of each part, in order."""
    digest = hashlib.sha256()
    for part in rows:
        digest.update(repr((len(part), labels.shape[1:])).encode())
        digest.update(np.ascontiguousarray(labels[part]).data)
        digest.update(np.ascontiguousarray(digests[part]).data)
    return digest.hexdigest()[:16]


VERSION = 1  # goes up when the same file would give other pixels


def decode(read: Callable[[], bytes], size: int) -> NDArray[np.uint8] | None:
    """The middle square, bicubic, (3, size, size); None where what is read is no whole image.

    Raises:
        OSError: it cannot be read, which says nothing of the image.
    """
    content = read()
    try:
        with Image.open(io.BytesIO(content)) as image:
            image.draft("RGB", (2 * size, 2 * size))  # JPEG: decode no more than is needed
            upright = _rgb(ImageOps.exif_transpose(image))
            fitted = ImageOps.fit(upright, (size, size), Image.Resampling.BICUBIC)
    except Exception:  # foreign bytes: decoders raise whatever they come upon
        return None
    pixels = np.asarray(fitted, dtype=np.uint8).transpose(2, 0, 1)  # (H, W, C) -> (C, H, W)
    return np.ascontiguousarray(pixels)


def _rgb(image: Image.Image) -> Image.Image:
    """Three channels of 8 bits. Pillow by itself clips 16-bit greys at 255, so to white."""
    if image.mode.startswith("I"):
        greys = np.rint(np.asarray(image) / 257).clip(0, 255)
        return Image.fromarray(greys.astype(np.uint8)).convert("RGB")
    if "transparency" in image.info:  # Pillow warns where it goes to RGB at once
        image = image.convert("RGBA")
    return image.convert("RGB")
