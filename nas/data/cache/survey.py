"""A look at a sample of a set's encoded images: their size and range of values.

The default image size and the rules of decoding follow from it, the same for all images of the set.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from statistics import median_low
from typing import Any

from PIL import Image

from nas.data.cache.directory import cache_directory
from nas.data.decode import format_value, is_wide, open_image, value_range, wide_values
from nas.data.formats.base import Source
from results.atomic import write_text

SIZE_OF_UNKNOWN = 64  # px, where no image can be read
# Default sizes in pixels, at which a search takes hours rather than weeks: images of different
# sizes are reduced to the first, images of one size up to the second keep theirs.
ON_CPU, ON_GPU = (96, 128), (192, 256)
_FOLDER = "surveys"  # in the cache directory
_VERSION = 2
_STEP = 8  # default sizes of images of different sizes are multiples of it
_SAMPLED = 512  # images, or some more


@dataclass(frozen=True)
class Survey:
    """What a sample of images has in common.

    ``least``, ``median`` and ``greatest`` are the shorter sides in pixels. ``values`` is the range
    of images with more than 8 bits a channel or with floats, None if there are none in the sample.
    """

    least: int
    median: int
    greatest: int
    values: tuple[float, float] | None = None

    @property
    def note(self) -> str:
        """How values are mapped, in words; empty if all images have 8 bits."""
        if self.values is None:
            return ""
        low, high = map(format_value, self.values)
        return f"values from {low} to {high} become 0 to 255"


def survey(source: Source) -> Survey | None:
    """Return the survey of a source; None if no image of the sample can be read.

    It is made once for each source, and kept beside the cache's entries.

    Raises:
        UserError: the source cannot be listed, or the cache directory is not writable.
    """
    folder = cache_directory().path / _FOLDER
    key = hashlib.sha256(source.fingerprint.encode()).hexdigest()[:32]
    file = folder / f"{key}-{_VERSION}.json"
    with suppress(OSError, ValueError, TypeError, KeyError):  # not made yet, or torn
        return _from_json(json.loads(file.read_text(encoding="utf-8")))
    made = _survey(source)
    if made is not None:
        with suppress(OSError):  # a full disk: it is made again next time
            folder.mkdir(exist_ok=True)
            write_text(file, json.dumps(asdict(made)))
    return made


def default_size(found: Survey | None, has_gpu: bool) -> tuple[int, str]:
    """Return the size in pixels to train at by default, and the reason, in words.

    Images of one size keep it, unless they are too large for the device. The others are reduced
    to their median shorter side, or to what suits the device.
    """
    if found is None:
        return SIZE_OF_UNKNOWN, ""
    usual, most = ON_GPU if has_gpu else ON_CPU
    device = "a GPU" if has_gpu else "a CPU"
    if found.least == found.greatest <= most:
        return found.median, ""
    size = min(usual, max(_STEP, found.median // _STEP * _STEP))
    if found.least == found.greatest:
        return size, f"reduced from {found.median} px, for training on {device}"
    sides = f"the images have {found.least} to {found.greatest} px, half of them {found.median}"
    reduced = f" or more, reduced for training on {device}" if size < found.median - _STEP else ""
    return size, f"{sides}{reduced}"


def _survey(source: Source) -> Survey | None:
    sides: list[int] = []
    ends: list[tuple[float, float, bool]] = []
    for image in _sample(source):
        sides.append(min(image.size))
        if is_wide(image):
            with suppress(Exception):  # damaged, too large or not finite: decoding tells
                values = wide_values(image)
                is_integer = not image.mode.startswith("F")
                ends.append((float(values.min()), float(values.max()), is_integer))
    if not sides:
        return None
    values_range = None
    if ends:
        lows, highs, are_integers = zip(*ends, strict=True)
        values_range = value_range(min(lows), max(highs), all(are_integers))
    return Survey(min(sides), median_low(sides), max(sides), values_range)


def _sample(source: Source) -> Iterator[Image.Image]:
    """Yield some 512 images, spread over the set, whose headers can be read."""
    listing = source.listing()
    step = max(1, len(listing.labels) // _SAMPLED)
    for chunk in listing.chunks():
        for position, read in chunk:
            if position % step:
                continue
            try:
                image = open_image(read())
            except Exception:  # on damaged bytes, Pillow's readers raise errors of any type
                continue
            with image:
                yield image


def _from_json(data: dict[str, Any]) -> Survey:
    low_high = data.pop("values")
    return Survey(**data, values=None if low_high is None else (low_high[0], low_high[1]))
