"""Which image sizes a network is trained and evaluated at, and what they are to begin with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nas.parameters import parameters
from nas.training.resizing import ranges_of
from results.architecture_file import ArchitectureFile
from scaling.regularization import regularization
from scaling.sizes import ImageSizes, to_multiple
from search_space.published import published

_V2 = ("efficientnetv2-s", "efficientnetv2-m", "efficientnetv2-l")


def sized(file: ArchitectureFile, image_size: int | None, own_size: int | None) -> ArchitectureFile:
    """The file with the sizes to train and to evaluate at.

    They are the file's, none larger than ``own_size`` where the data have one. ``image_size``
    stands in for the training size, and evaluation's goes with it.
    """
    if image_size is not None:
        ratio = file.eval_size / file.train_size
        return replace(file, train_size=image_size, eval_size=_times(image_size, ratio))
    if own_size is None:
        return file
    return replace(
        file, train_size=min(file.train_size, own_size), eval_size=min(file.eval_size, own_size)
    )


def progressive_ranges(file: ArchitectureFile, source: ArchitectureFile) -> Mapping[str, Any]:
    """Progressive learning's ranges for ``file``, which is ``source`` with sizes of its own.

    They are those that a scaled ``source`` carries, its sizes brought to the file's, or else what
    Table 6 has for a network of as many parameters.
    """
    own = source.training.get("progressive")
    if own is None:
        small, medium, large = (
            parameters(published(name).architecture, source.task) for name in _V2
        )
        sizes = ImageSizes(file.train_size, file.eval_size)
        count = parameters(source.architecture, source.task)
        table = regularization(sizes, source.architecture.stride, count, (small, medium, large))
        ranges: Mapping[str, Any] = table.to_json()["progressive"]
        return ranges
    ranges_of(own)  # ValueError where they are none
    ratio = file.train_size / source.train_size
    first, last = own["image_size"]
    if ratio != 1:
        last = min(file.train_size, _times(last, ratio))
        first = min(last, _times(first, ratio))
    return {**own, "image_size": [first, last]}


def _times(size: int, ratio: float) -> int:
    return size if ratio == 1 else to_multiple(size * ratio)
