"""Bounds on what is read from files, in one place, and the checks that keep them.

Files may come from anyone, and a file of a few bytes may ask for a network of 10**9 layers. So each
number and size is checked when it is read, before anything is built from it. The bounds lie far
above the networks, data sets and searches of today (docs/search.md).
"""

from __future__ import annotations

import json
import math
import reprlib
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

# Files and their values.
MOST_FILE_BYTES = 16 * 2**20  # of a file of JSON or YAML
MOST_SPACE_CHARACTERS = 100_000  # of a space's YAML, which has about 100 a stage
MOST_TEXT = 100_000  # characters of any text in a file of JSON
MOST_NAME = 1_000  # characters of a name: of a network, a device, a class
MOST_DEPTH = 30  # levels of nested JSON
MOST_INTEGER = 2**63 - 1  # as in a database

# Networks.
MOST_STAGES = 100
MOST_LAYERS = 1_000  # of a whole network; EfficientNetV2-XL has 100
MOST_CHANNELS = 65_536  # EfficientNetV2-XL has 640 in a stage, 1,280 in the head
MOST_KERNEL = 101  # pixels
MOST_STRIDE = 64
MOST_EXPANSION = 64
MOST_IMAGE_SIZE = 16_384  # pixels
MOST_CLASSES = 1_000_000  # ImageNet-21k has 21,841
MOST_IMAGE_CHANNELS = 1_024
MOST_WEIGHTS = 10**10  # EfficientNetV2-XL has 2 * 10**8
MOST_DEVIATION = 1e6  # of an image's values, normalised
MOST_STRENGTH = 100  # of RandAugment or mixup
MOST_COEFFICIENT = 10.0  # of compound scaling; EfficientNet has 1.1 to 1.2

# Spaces.
MOST_OPTIONS = 64  # of a choice
MOST_STAGE_FORMS = 10_000  # different stages in the place of one

# Records and tables of candidates.
MOST_CANDIDATES = 1_000_000  # of a run, duplicates included
MOST_NUMBER = 10**9  # of a candidate
MOST_RECORD_BYTES = 2 * 2**30  # of a database's file; 100,000 candidates take about 0.8 GB
MOST_CELL_BYTES = 10**7  # of a value in a database
MOST_QUERY_S = 60.0  # seconds that a query may take
MOST_STEPS = 100_000  # whose times were measured of one candidate
LEAST_STEP_S, MOST_STEP_S = 1e-9, 1e5  # seconds of one of them
MOST_PARAMETERS = 10**12  # of a candidate, whose operators may be anyone's
MOST_EPOCHS = 1_000_000
MOST_EXPONENT = 10.0  # of a reward, below 0; EfficientNetV2 has 0.07
LEAST_TARGET, MOST_TARGET = 1e-6, 1e6  # of a reward, as S/S0 or in seconds
MOST_SECONDS = 10**11  # also since 1970

_SHOWN = 60  # characters of a value in a message
_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = _REPR.maxlong = _SHOWN + 1
_REPR.maxlevel = 3


class OutOfBounds(ValueError):
    """A value or a file is beyond its bound; one line names it, what it was and may be."""


def shown(value: object) -> str:
    """Return a value's text on one line, of at most 60 characters, however large the value is."""
    try:
        text = _REPR.repr(value)
    except ValueError:  # an integer of more than 4,300 digits
        return "a number of thousands of digits"
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def whole(name: str, value: object, most: int, least: int = 1) -> int:
    """Return the value if it is a whole number from ``least`` to ``most``.

    Raises:
        OutOfBounds: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        _refuse(name, value, f"a whole number from {least:,} to {most:,}")
    return value


def real(name: str, value: object, most: float, least: float = 0.0) -> float:
    """Return the value if it is a number from ``least`` to ``most``.

    Raises:
        OutOfBounds: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        _refuse(name, value, f"a number from {least:g} to {most:g}")
    return value


def text(name: str, value: object, most: int = MOST_NAME) -> str:
    """Return the value if it is a text of at most so many characters.

    Raises:
        OutOfBounds: it is not.
    """
    if not isinstance(value, str) or len(value) > most:
        _refuse(name, value, f"a text of {most:,} characters or fewer")
    return value


def read_text(path: Path, most_bytes: int = MOST_FILE_BYTES) -> str:
    """Return the text of a file.

    Raises:
        OSError: it cannot be read.
        OutOfBounds: it is too large, or no file but a pipe or a device, which may have no end.
        ValueError: it is not UTF-8.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
        raise OutOfBounds("a pipe or a device, must be a file")
    if status.st_size > most_bytes:
        raise OutOfBounds(f"has {status.st_size:,} bytes, must have {most_bytes:,} or fewer")
    return path.read_text(encoding="utf-8")


def read_json(path: Path) -> Any:
    """Return the content of a file of JSON; see :func:`read_text` and :func:`load_json`."""
    return load_json(read_text(path))


def load_json(content: object) -> Any:
    """Parse JSON whose numbers, texts and depth are within the bounds.

    Raises:
        OutOfBounds: they are not.
        ValueError: the content is not JSON.
    """
    value = _decoded(content, _DECODER)
    _check_nesting(value)
    return value


def load_unchecked_json(content: object) -> Any:
    """Parse JSON of any depth, numbers and texts, all of which the caller checks.

    Raises:
        OutOfBounds: the content is no text, or too deep to be parsed.
        ValueError: the content is not JSON.
    """
    return _decoded(content, _PLAIN_DECODER)


def _decoded(content: object, decoder: json.JSONDecoder) -> Any:
    if not isinstance(content, str):
        raise OutOfBounds(f"got {shown(content)}, must be JSON")
    try:
        return decoder.decode(content)
    except RecursionError:
        raise OutOfBounds(f"nested deeper than {MOST_DEPTH} levels") from None


def _check_nesting(value: object) -> None:
    level = [value]
    for _ in range(MOST_DEPTH):
        for each in level:
            if isinstance(each, str) and len(each) > MOST_TEXT:
                _refuse("a text", each, f"of {MOST_TEXT:,} characters or fewer")
        level = [child for each in level for child in _children(each)]
        if not level:
            return
    raise OutOfBounds(f"nested deeper than {MOST_DEPTH} levels")


def _children(value: object) -> Sequence[object]:
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list) else ()


def _integer(digits: str) -> int:
    value = int(digits) if len(digits) <= len(str(-MOST_INTEGER)) else MOST_INTEGER + 1
    if abs(value) > MOST_INTEGER:
        raise OutOfBounds(f"got the number {digits[:_SHOWN]}, must be below 2**63")
    return value


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise OutOfBounds(f"got the number {digits[:_SHOWN]}, must be finite")
    return value


_DECODER = json.JSONDecoder(parse_int=_integer, parse_float=_finite, parse_constant=_finite)
_PLAIN_DECODER = json.JSONDecoder()


def _refuse(name: str, value: object, may_be: str) -> NoReturn:
    raise OutOfBounds(f"{name}: got {shown(value)}, must be {may_be}")
