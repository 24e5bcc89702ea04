"""Image sizes that change over a training, and the regularization that follows them."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scaling.regularization import Progressive

# Random crops of 0.35 of the area and more show things at scales up to 1.7 apart, so that what is
# learnt at one image size is of use at the next. Without any, progressive learning from 48 to 96 px
# came to 69 and 76 % on 240 images of `shapes`, whose things are all of about one scale, where
# training at 96 px came to 79 and 84 % (two seeds of 120 epochs).
CROP_AREA = 0.35


@dataclass(frozen=True)
class Resizing:
    """Progressive learning (EfficientNetV2, Algorithm 1), or random sizes (Mix & Match).

    ``stages`` sizes lie evenly between the ends of ``ranges.image_size``, and if ``adaptive`` every
    regularizer likewise between its own; otherwise each stays at its last value, for all sizes.
    Progressive learning takes the sizes in turn, for equally many epochs each; with fewer epochs
    than stages it leaves some out, but not the last. Random resizing
    takes one at random every ``epochs_a_size`` epochs (Table 13; arXiv 1908.08986), and ends with
    the last, so that what is averaged over steps belongs to the size of evaluation.

    Smaller images may come in batches up to ``batch_growth`` times as large, never of more pixels
    than a batch of the last size; the learning rate follows the batch.
    """

    ranges: Progressive
    stages: int = 4  # EfficientNetV2, section 4.2
    adaptive: bool = True
    is_random: bool = False
    epochs_a_size: int = 8
    batch_growth: float = 1.0

    def stage(self, epoch: int, epochs: int, seed: int) -> int:
        """The stage, from 0, of an epoch, from 0, of ``epochs``."""
        if not self.is_random and epochs < self.stages:
            return self.stages - 1 - (epochs - 1 - epoch) * self.stages // epochs
        if not self.is_random:
            return epoch * self.stages // epochs
        block, last = epoch // self.epochs_a_size, (epochs - 1) // self.epochs_a_size
        if block == last:
            return self.stages - 1
        return random.Random(f"{seed}/{block}").randrange(self.stages)

    def image_size(self, stage: int) -> int:
        """Height and width in pixels."""
        return round(self._between(self.ranges.image_size, stage))

    def regularizer(self, ends: tuple[float, float], stage: int) -> float:
        """A regularizer's strength, which runs between ``ends``."""
        return self._between(ends, stage) if self.adaptive else ends[1]

    def growth(self, stage: int) -> float:
        """How much larger the batch is than at the last size, 1 or more."""
        pixels = (self.ranges.image_size[1] / self.image_size(stage)) ** 2
        return max(1.0, min(self.batch_growth, pixels))

    def _between(self, ends: tuple[float, float], stage: int) -> float:
        """Linear from the first stage to the last: phi_0 + (phi_e - phi_0) * i / (M - 1)."""
        share = stage / (self.stages - 1) if self.stages > 1 else 1.0
        return ends[0] + (ends[1] - ends[0]) * share


def ranges_of(progressive: Mapping[str, Any]) -> Progressive:
    """The ranges that an architecture file holds under ``training["progressive"]``.

    Raises:
        ValueError: a range that is missing, unknown or no pair of numbers.
    """
    try:
        return Progressive(**{name: _pair(ends) for name, ends in progressive.items()})
    except (TypeError, ValueError) as error:
        raise ValueError(f"progressive: got {dict(progressive)!r} ({error})") from error


def _pair(ends: Any) -> Any:
    first, last = ends
    return first, last
