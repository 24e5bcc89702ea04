"""Labels of data sets, converted to class numbers from 0.

A data set has numbers or names as labels, one or several per image. A class has one identity, its
name as text: 3, 3.0, "3" and NumPy's 3 are one class.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.data.split import NO_LABEL
from nas.errors import UserError

Label = Any  # a number, a name, a truth value, or a list of them; None stands for no label
UNLABELLED = "-1"  # as in test sets; a class only beside the class 1 alone
_MOST_DIGITS = 100  # of a number; a longer text is a name
_SIGNED = {"-1", "1"}


def class_name(value: object) -> str | None:
    """Return the class that a single label stands for; None if it stands for none.

    Raises:
        ValueError: a number that is not whole, or a value of another type.
    """
    if value is None:
        return None
    if isinstance(value, bytes):
        value = value.decode()
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, bool | np.bool_ | int | np.integer):
        return str(value)
    if isinstance(value, float | np.floating):
        if np.isnan(value):
            return None
        if np.isfinite(value) and value == round(value):
            return str(round(value))
    raise ValueError(f"got the label {value!r}, must be a whole number or a name")


def class_names_of(labels: Iterable[Label], where: str = "") -> tuple[str, ...]:
    """Return every class that occurs: first the numbers, then the names, both sorted.

    -1 is a class only if the other one is 1; else it stands for no label. ``where`` names the data
    in errors.

    Raises:
        UserError: a label is neither a whole number nor a name.
    """
    names = {name for label in labels for name in _names(label, where, 0) if name is not None}
    if UNLABELLED in names and names != _SIGNED:
        names.discard(UNLABELLED)
    return tuple(sorted(names, key=_order))


def numbered(labels: Sequence[Label], class_names: Sequence[str], where: str) -> NDArray[np.int64]:
    """Return the number of each label among the class names: (N,), or (N, L) for lists of labels.

    Rows of (N, L) are padded with -1. ``where`` names the data in errors.

    Raises:
        UserError: an image has no label, or one that is not among the class names.
    """
    numbers = {name: i for i, name in enumerate(class_names)}
    rows: list[list[int]] = []
    for i, label in enumerate(labels):
        names = _names(label, where, i)
        if not names or None in names or (UNLABELLED in names and UNLABELLED not in numbers):
            shown = "no label" if label is None or label == [] else f"the label {label!r}, for none"
            raise UserError(f"--data: {where}: image {i}: got {shown}, must have one or more")
        try:
            rows.append(list(dict.fromkeys(numbers[name] for name in names if name is not None)))
        except KeyError as error:
            raise UserError(
                f"--data: {where}: image {i}: got the label {error.args[0]!r}, "
                f"must be one of the training set's {len(numbers)} classes"
            ) from error
    return padded(rows, any(isinstance(label, list) for label in labels))


def padded(rows: Sequence[Sequence[int]], is_multi_label: bool) -> NDArray[np.int64]:
    """Return lists of class numbers as (N, L), padded with -1; as (N,) if each has one number."""
    if not is_multi_label:
        return np.array([row[0] for row in rows], dtype=np.int64)
    labels = np.full((len(rows), max(map(len, rows), default=1)), NO_LABEL, dtype=np.int64)
    for i, row in enumerate(rows):
        labels[i, : len(row)] = row
    return labels


def _names(label: Label, where: str, position: int) -> list[str | None]:
    values = label if isinstance(label, list) else [label]
    try:
        return [class_name(value) for value in values]
    except (ValueError, UnicodeDecodeError) as error:
        raise UserError(f"--data: {where}: image {position}: {error}") from error


def _order(name: str) -> tuple[bool, int, str]:
    is_number = name.removeprefix("-").isdecimal() and name.isascii() and len(name) < _MOST_DIGITS
    return (not is_number, int(name) if is_number else 0, name)
