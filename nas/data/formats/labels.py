"""Labels as data sets have them, numbers or names, one or several an image, as numbers from 0."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from nas.data.split import NO_LABEL
from nas.errors import UserError

Label = int | str | Sequence[int] | Sequence[str]


def class_names_of(labels: Iterable[Label]) -> tuple[str, ...]:
    """Every label that occurs, numbers in their order before names in theirs."""
    values = set(chain.from_iterable(map(_several, labels)))
    return tuple(map(str, sorted(values, key=lambda value: (isinstance(value, str), value))))


def numbered(labels: Sequence[Label], class_names: Sequence[str], where: str) -> NDArray[np.int64]:
    """Each label's place among the class names: (N,), or (N, L) filled up if they are lists.

    Raises:
        UserError: an image with no label, or with one of no class.
    """
    places = {name: i for i, name in enumerate(class_names)}
    rows: list[list[int]] = []
    for i, label in enumerate(labels):
        try:
            rows.append(list(dict.fromkeys(places[str(value)] for value in _several(label))))
        except KeyError as error:
            raise UserError(
                f"--data: {where}: image {i}: got the label {error.args[0]!r}, "
                f"must be one of the training set's {len(places)} classes"
            ) from error
    return filled_up(rows, any(not isinstance(label, (int, str)) for label in labels), where)


def filled_up(rows: Sequence[Sequence[int]], is_multi_label: bool, where: str) -> NDArray[np.int64]:
    """Lists of class numbers as (N, L), each filled up with -1; or (N,) if each has one.

    Raises:
        UserError: an empty list.
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


def _several(label: Label) -> Sequence[int] | Sequence[str]:
    if isinstance(label, str):
        return [label]
    return [label] if isinstance(label, int) else label
