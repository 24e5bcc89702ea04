"""Labels of data sets, converted to class numbers from 0.

A data set has numbers or names as labels, one or several per image.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from nas.data.split import NO_LABEL
from nas.errors import UserError

Label = int | str | Sequence[int] | Sequence[str]


def class_names_of(labels: Iterable[Label]) -> tuple[str, ...]:
    """Return every label that occurs: first the numbers, then the names, both sorted."""
    values = set(chain.from_iterable(map(_as_list, labels)))
    return tuple(map(str, sorted(values, key=lambda value: (isinstance(value, str), value))))


def numbered(labels: Sequence[Label], class_names: Sequence[str], where: str) -> NDArray[np.int64]:
    """Return the number of each label among the class names: (N,), or (N, L) for lists of labels.

    Rows of (N, L) are padded with -1. ``where`` names the data in errors.

    Raises:
        UserError: an image has no label, or one that is not among the class names.
    """
    numbers = {name: i for i, name in enumerate(class_names)}
    rows: list[list[int]] = []
    for i, label in enumerate(labels):
        try:
            rows.append(list(dict.fromkeys(numbers[str(value)] for value in _as_list(label))))
        except KeyError as error:
            raise UserError(
                f"--data: {where}: image {i}: got the label {error.args[0]!r}, "
                f"must be one of the training set's {len(numbers)} classes"
            ) from error
    return padded(rows, any(not isinstance(label, (int, str)) for label in labels), where)


def padded(rows: Sequence[Sequence[int]], is_multi_label: bool, where: str) -> NDArray[np.int64]:
    """Return lists of class numbers as (N, L), padded with -1; or as (N,) if each has one number.

    Raises:
        UserError: a list is empty.
    """
    for i, row in enumerate(rows):
        if not row:
            raise UserError(f"--data: {where}: image {i}: got no label, must have one or more")
    if not is_multi_label:
        return np.array([row[0] for row in rows], dtype=np.int64)
    labels = np.full((len(rows), max(map(len, rows), default=1)), NO_LABEL, dtype=np.int64)
    for i, row in enumerate(rows):
        labels[i, : len(row)] = row
    return labels


def _as_list(label: Label) -> Sequence[int] | Sequence[str]:
    if isinstance(label, str):
        return [label]
    return [label] if isinstance(label, int) else label
