"""Classes by their names: the labels of one split as numbers of the classes trained on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nas.data.split import NO_LABEL
from nas.errors import UserError

_SHOWN = 5


def relabelled(
    labels: NDArray[np.int64], names: Sequence[str], class_names: Sequence[str], spec: str
) -> NDArray[np.int64]:
    """Return labels that are numbers of ``names`` as numbers of ``class_names``.

    The labels are (N,), or (N, L) padded with :data:`~nas.data.split.NO_LABEL`. ``names`` may be in
    any order, and only some of the ``class_names``, which are those trained on. Names without an
    image do not count.

    Raises:
        UserError: an image of ``spec`` has a class that was not trained on.
    """
    numbers = {name: number for number, name in enumerate(class_names)}
    used = np.unique(labels[labels != NO_LABEL]).tolist()
    unknown = [names[number] for number in used if names[number] not in numbers]
    if unknown:
        raise UserError(
            f"--data: got {spec!r} with {in_words(names)}, must be of the training's "
            f"{in_words(class_names)}; {len(unknown)} {_are(unknown)} not, such as {unknown[0]}"
        )
    table = np.array([*(numbers.get(name, NO_LABEL) for name in names), NO_LABEL])
    found: NDArray[np.int64] = table[labels]  # NO_LABEL is -1, which takes the last element
    return found


def of_known_classes(
    labels: NDArray[np.int64], names: Sequence[str], class_names: Sequence[str]
) -> NDArray[np.int64]:
    """Return the positions of the images (N,) whose class is among ``class_names``.

    Those of several classes each are all kept.
    """
    if labels.ndim > 1:
        return np.arange(len(labels))
    is_known = np.isin(np.array(names, dtype=object), np.array(class_names, dtype=object))
    return np.flatnonzero(is_known[labels])


def in_words(names: Sequence[str]) -> str:
    """Return how many classes there are, with the first five names."""
    more = ", ..." if len(names) > _SHOWN else ""
    return f"{len(names)} classes ({', '.join(names[:_SHOWN])}{more})"


def _are(things: Sequence[str]) -> str:
    return "is" if len(things) == 1 else "are"
