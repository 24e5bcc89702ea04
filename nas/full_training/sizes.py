"""Which image sizes a network is trained and evaluated at, and what they are to begin with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nas.parameters import parameters
from nas.training.progressive import ranges_of
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


def own_regularization(file: ArchitectureFile, source: ArchitectureFile) -> dict[str, Any]:
    """How ``file`` is to be regularized, which is ``source`` with sizes of its own.

    It is what a scaled ``source`` says, the image sizes of progressive learning brought to the
    file's; what it does not say is as Table 6 has it for a network of as many parameters.

    Raises:
        ValueError: ranges for progressive learning that are none.
    """
    own = source.training
    if "progressive" not in own:
        return {**_table_6(file, source), **own}
    ranges = own["progressive"]
    ranges_of(ranges)
    ratio = file.train_size / source.train_size
    first, last = ranges["image_size"]
    if ratio != 1:
        last = min(file.train_size, _times(last, ratio))
        first = min(last, _times(first, ratio))
    return {**own, "progressive": {**ranges, "image_size": [first, last]}}


def _table_6(file: ArchitectureFile, source: ArchitectureFile) -> dict[str, Any]:
    small, medium, large = (parameters(published(name).architecture, source.task) for name in _V2)
    sizes = ImageSizes(file.train_size, file.eval_size)
    count = parameters(source.architecture, source.task)
    stride = source.architecture.stride
    return regularization(sizes, stride, count, (small, medium, large)).to_json()


def _times(size: int, ratio: float) -> int:
    return size if ratio == 1 else to_multiple(size * ratio)
