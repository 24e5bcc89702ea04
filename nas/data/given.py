"""Data that a program gives: arrays, a torch ``Dataset``, or one of Hugging Face's ``datasets``.

They are read once, into a copy below the cache directory: a .npz file of arrays, or Parquet files
of encoded images. From there everything else reads them, as it reads a user's own files: workers,
other commands, and a search that is resumed. The copy's name holds a hash of its content, so the
same data is the same copy.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from nas.data.given_copies import copy_of
from nas.errors import UserError
from nas.imports import import_named
from search_space.named import is_reference, lookup_function

_OURS = ("hub", "shapes")  # which are followed by a colon too


@dataclass(frozen=True, eq=False)
class Data:
    """Images and labels in memory, for :func:`nas.search` and the other functions of this library.

    Each split is a pair of arrays, a map-style ``torch.utils.data.Dataset`` of (image, label), or a
    ``datasets.Dataset`` with a column of images and one of labels. Arrays are images (N, H, W),
    (N, H, W, C) or (N, C, H, W) with C = 1 or 3, as uint8 or as floats from 0 to 1, and labels (N,)
    of whole numbers. Images of a ``Dataset`` are Pillow's, or arrays and tensors without the N; its
    labels are whole numbers, names, or vectors (classes,) of 0 and 1 for several labels an image.

    Without ``validation``, the minival is held out of ``train``. ``test`` is read by
    :func:`nas.evaluate` alone. ``class_names`` are by label, from 0.
    """

    train: Any
    validation: Any = None
    test: Any = None
    class_names: Sequence[str] | None = None
    name: str = "data"
    _place: Path | None = field(default=None, init=False, repr=False)  # of the copy

    def splits(self) -> dict[str, Any]:
        """Return the splits that are there, by name."""
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: split for name, split in named.items() if split is not None}


def is_function(spec: str) -> bool:
    """Return whether a ``--data`` names a function of the user's own, ``module:function``."""
    return is_reference(spec) and spec.partition(":")[0] not in _OURS and not Path(spec).exists()


def import_data(spec: str | None) -> None:
    """Import the module of the function that the user names by ``--data``, if it is one."""
    if spec is not None and is_function(spec):
        import_named(spec, "--data")


def data_place(spec: str) -> str:
    """Return the place of a ``--data``: what its function returns, or itself.

    Raises:
        UserError: as :func:`from_function`.
    """
    return from_function(spec) if is_function(spec) else spec


@cache
def from_function(spec: str) -> str:
    """Call the function that a ``--data`` names; return the place of the data that it returns.

    Raises:
        UserError: its module is not imported, or it failed, or what it returned is no data.
    """
    try:
        function = lookup_function(spec)
    except ValueError as error:
        raise UserError(f"--data: {error}") from error
    try:
        data = function()
    except Exception as error:  # of any type, as it is the user's
        raise UserError(f"--data: {spec}: {type(error).__name__}: {error}") from error
    return place_of(data, spec.rpartition(":")[2])


def place_of(data: object, name: str = "data") -> str:
    """Return the ``--data`` of what a program gives: a text or path as it is, or that of a copy.

    Raises:
        UserError: it is no data, or cannot be read.
    """
    if isinstance(data, str | os.PathLike):
        return str(Path(data)) if isinstance(data, os.PathLike) else data
    given = data if isinstance(data, Data) else _as_data(data, name)
    if given._place is None or not given._place.exists():
        object.__setattr__(given, "_place", copy_of(given.splits(), given.class_names, given.name))
    return str(given._place)


def _as_data(data: object, name: str) -> Data:
    """Return arrays, a data set, or a mapping of splits as :class:`Data`."""
    if isinstance(data, Mapping):
        splits = {_split_name(str(key)): value for key, value in data.items()}
        if "train" not in splits:
            raise UserError(f"data: got the splits {', '.join(map(str, data))}, must have train")
        return Data(**splits, name=name)
    if isinstance(data, tuple) and len(data) == 4:  # Keras's (images, labels) of train and test
        return Data(data[:2], test=data[2:], name=name)
    return Data(data, name=name)


def _split_name(name: str) -> str:
    names = {"train": "train", "test": "test", "validation": "validation", "valid": "validation",
             "val": "validation"}  # fmt: skip
    if name not in names:
        raise UserError(f"data: got the split {name!r}, must be train, validation or test")
    return names[name]
