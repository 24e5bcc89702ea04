"""Progressive learning: the schedule of image sizes and of regularization over training."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scaling.regularization import Progressive

# The least area of random crops in progressive learning. Crops show objects at scales up to 1.7
# apart, so that what is learnt at one image size helps at the next (docs/training.md).
CROP_AREA = 0.35

_SIZE_STEP = 8  # pixels between random sizes, as all sizes of the published networks are apart


@dataclass(frozen=True)
class Resizing:
    """The schedule of image sizes and regularization over the epochs of a training.

    There are ``stages`` image sizes, evenly spaced between the ends of ``ranges.image_size``. If
    ``adaptive``, the strength of every regularizer is spaced likewise between its own ends
    (adaptive regularization); otherwise it has its last value at all sizes. The order of the sizes
    is one of two:

    - Progressive learning (EfficientNetV2, Algorithm 1) goes through the sizes in turn, for equally
      many epochs each. With fewer epochs than stages some sizes are skipped, but never the last.
    - Random resizing (``is_random``; EfficientNetV2, Table 13; Mix & Match, arXiv 1908.08986) draws
      a size every ``epochs_a_size`` epochs. It ends with the last size, so that averages over steps
      belong to the size of evaluation.

    Smaller images may come in batches up to ``batch_growth`` times as large, but never with more
    pixels than a batch of the last size. The learning rate is adapted to the batch size.
    """

    ranges: Progressive
    stages: int = 4  # EfficientNetV2, section 5.1
    adaptive: bool = True
    is_random: bool = False
    epochs_a_size: int = 8
    batch_growth: float = 1.0

    def stage(self, epoch: int, epochs: int, seed: int) -> int:
        """Return the stage, from 0, of an epoch, from 0, of ``epochs``."""
        if self.is_random:
            return self._random_stage(epoch, epochs, seed)
        if epochs < self.stages:
            return self.stages - 1 - (epochs - 1 - epoch) * self.stages // epochs
        return epoch * self.stages // epochs

    def _random_stage(self, epoch: int, epochs: int, seed: int) -> int:
        block, last_block = epoch // self.epochs_a_size, (epochs - 1) // self.epochs_a_size
        if block == last_block:
            return self.stages - 1
        return random.Random(f"{seed}/{block}").randrange(self.stages)

    def image_size(self, stage: int) -> int:
        """Return the height and width of images in pixels."""
        return round(self._between(self.ranges.image_size, stage))

    def regularizer(self, ends: tuple[float, float], stage: int) -> float:
        """Return the strength of a regularizer whose range is ``ends``, (first, last)."""
        return self._between(ends, stage) if self.adaptive else ends[1]

    def growth(self, stage: int) -> float:
        """Return the batch size relative to that of the last stage, 1 or more."""
        pixels = (self.ranges.image_size[1] / self.image_size(stage)) ** 2
        return max(1.0, min(self.batch_growth, pixels))

    def _between(self, ends: tuple[float, float], stage: int) -> float:
        """Interpolate from the first stage to the last: phi_0 + (phi_e - phi_0) * i / (M - 1)."""
        share = stage / (self.stages - 1) if self.stages > 1 else 1.0
        return ends[0] + (ends[1] - ends[0]) * share


def sizes_to_draw(ranges: Progressive) -> int:
    """Return how many sizes random resizing draws from: about 8 px apart, but at least four.

    EfficientNetV2's Table 13 does not say which; from 128 to 300 px there are 22.
    """
    first, last = ranges.image_size
    return max(Resizing.stages, (last - first) // _SIZE_STEP + 1)


def ranges_of(progressive: Mapping[str, Any]) -> Progressive:
    """Return the ranges in ``training["progressive"]`` of an architecture file.

    Raises:
        ValueError: a range is missing, unknown or not a pair of numbers.
    """
    try:
        return Progressive(**{name: _pair(ends) for name, ends in progressive.items()})
    except (TypeError, ValueError) as error:
        raise ValueError(f"progressive: got {dict(progressive)!r} ({error})") from error


def _pair(ends: Any) -> Any:
    first, last = ends
    return first, last
