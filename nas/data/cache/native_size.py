"""The size that encoded images have in their files, and the default size that follows from it."""

from __future__ import annotations

import io
import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import islice
from statistics import median_low

from PIL import Image

from nas.data.cache.directory import cache_directory
from nas.data.formats.base import Source
from results.atomic import write_text

SIZE_OF_UNKNOWN = 64  # px, where no image can be read
# Default sizes in pixels, at which a search takes hours rather than weeks: images of different
# sizes are reduced to the first, images of one size up to the second keep theirs.
ON_CPU, ON_GPU = (96, 128), (192, 256)
_FOLDER = "sizes"  # in the cache directory
_STEP = 8  # default sizes of images of different sizes are multiples of it
_CHUNKS, _FROM_EACH = 64, 8  # a sample of up to 512 images


@dataclass(frozen=True)
class NativeSize:
    """The shorter sides of a set's images in pixels, over a sample: least, median and greatest."""

    least: int
    median: int
    greatest: int


def native_size(source: Source) -> NativeSize | None:
    """Return the size of the images of a source; None if no image of the sample can be read.

    It is found once for each source, and kept beside the cache's entries.

    Raises:
        UserError: the source cannot be listed, or the cache directory is not writable.
    """
    file = cache_directory().path / _FOLDER / f"{source.fingerprint[:32]}.json"
    with suppress(OSError, ValueError, TypeError):  # not found yet, or torn
        return NativeSize(**json.loads(file.read_text(encoding="utf-8")))
    sides = _shorter_sides(source)
    if not sides:
        return None
    size = NativeSize(min(sides), median_low(sides), max(sides))
    with suppress(OSError):  # a full disk: it is found again next time
        file.parent.mkdir(exist_ok=True)
        write_text(file, json.dumps(asdict(size)))
    return size


def default_size(native: NativeSize | None, has_gpu: bool) -> tuple[int, str]:
    """Return the size in pixels to train at by default, and the reason, in words.

    Images of one size keep it, unless they are too large for the device. The others are reduced
    to their median shorter side, or to what suits the device.
    """
    if native is None:
        return SIZE_OF_UNKNOWN, ""
    usual, most = ON_GPU if has_gpu else ON_CPU
    device = "a GPU" if has_gpu else "a CPU"
    if native.least == native.greatest <= most:
        return native.median, ""
    size = min(usual, max(_STEP, native.median // _STEP * _STEP))
    if native.least == native.greatest:
        return size, f"reduced from {native.median} px, for training on {device}"
    sides = f"the images have {native.least} to {native.greatest} px, half of them {native.median}"
    reduced = f" or more, reduced for training on {device}" if size < native.median - _STEP else ""
    return size, f"{sides}{reduced}"


def _shorter_sides(source: Source) -> list[int]:
    """Return the shorter sides of a sample, read from the images' headers."""
    sides = []
    for chunk in islice(source.listing().chunks(), _CHUNKS):
        for _, read in chunk[:: max(1, len(chunk) // _FROM_EACH)]:
            try:
                with Image.open(io.BytesIO(read())) as image:
                    sides.append(min(image.size))
            except Exception:  # on damaged bytes, Pillow's readers raise errors of any type
                continue
    return sides
