"""How strongly a member is regularized: progressive learning's ranges (EfficientNetV2, Table 6)."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from scaling.compound import between
from scaling.scaled import ImageSizes, to_multiple

SURVIVAL = 0.8  # of the last block, stochastic depth; section 4.1, for all sizes

# Table 6 by size, S, M, L: what each ends with. The starts are the same for all three.
_RANDAUGMENT = (15.0, 20.0, 25.0)
_MIXUP = (0.0, 0.2, 0.5)
_PROGRESSIVE_DROPOUT = (0.3, 0.4, 0.5)
# The same table trains M and L to 380 px, the published code to 384; from 128 px all.
_END_SHARE = (1.0, 380 / 384, 380 / 384)  # of the training size
_START_SHARE = (128 / 300, 128 / 380, 128 / 380)  # of the last size
_DROPOUT = (0.2, 0.3, 0.4)  # without progressive learning; published code


@dataclass(frozen=True)
class Progressive:
    """Ranges that progressive learning runs through, (first, last)."""

    image_size: tuple[int, int]
    randaugment_magnitude: tuple[float, float]
    mixup_alpha: tuple[float, float]
    dropout: tuple[float, float]


@dataclass(frozen=True)
class Regularization:
    """``dropout`` is for training at one size; ``survival`` is the last block's."""

    dropout: float
    survival: float
    progressive: Progressive

    def to_json(self) -> dict[str, Any]:
        """As JSON types."""
        data = asdict(self)
        data["progressive"] = {name: list(ends) for name, ends in data["progressive"].items()}
        return data


def regularization(
    sizes: ImageSizes,
    stride: int,
    parameters: int,
    named_parameters: tuple[int, int, int],
    dropout: float | None = None,
) -> Regularization:
    """Table 6's settings for a member with that many parameters.

    ``named_parameters`` are those of the family's own S, M and L, which get the table's rows; what
    is in between lies on a line over the logarithm of the parameters, what is smaller is as S and
    what is larger as L. ``stride`` is the network's: no size is under it, unless training's is, so
    that the last feature map stands for the image. ``dropout`` stands in for the size's own.

    Invariants: no setting's end falls as the parameters rise; sizes go up and end at the training
    size, or 1 % under it.
    """
    rank = size_rank(parameters, named_parameters)
    end = min(sizes.train, to_multiple(between(_END_SHARE, rank) * sizes.train))
    start = min(end, max(to_multiple(between(_START_SHARE, rank) * end), stride))
    return Regularization(
        dropout=round(between(_DROPOUT, rank), 3) if dropout is None else dropout,
        survival=SURVIVAL,
        progressive=Progressive(
            image_size=(start, end),
            randaugment_magnitude=(5.0, round(between(_RANDAUGMENT, rank), 2)),
            mixup_alpha=(0.0, round(between(_MIXUP, rank), 3)),
            dropout=(0.1, round(between(_PROGRESSIVE_DROPOUT, rank), 3)),
        ),
    )


def size_rank(parameters: int, named_parameters: tuple[int, int, int]) -> float:
    """Where S is 0, M 1 and L 2, by the logarithm of the parameters, kept within those."""
    small, medium, large = (math.log(count) for count in named_parameters)
    own = math.log(parameters)
    assert small < medium < large
    if own <= medium:
        return max(0.0, (own - small) / (medium - small))
    return 1 + min(1.0, (own - medium) / (large - medium))
