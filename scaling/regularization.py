"""Regularization that grows with the network, as ranges of progressive learning (V2, Table 6)."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from scaling.compound import between
from scaling.scaled import ImageSizes, to_multiple

SURVIVAL = 0.8  # probability of the last block in stochastic depth, for all sizes (section 5.1)

# Ends of the ranges in Table 6, for S, M and L. All three start with the same values.
_RANDAUGMENT = (15.0, 20.0, 25.0)
_MIXUP = (0.0, 0.2, 0.5)
_PROGRESSIVE_DROPOUT = (0.3, 0.4, 0.5)
# Table 6 trains M and L to 380 px, the published code to 384. All start at 128 px.
_END_SHARE = (1.0, 380 / 384, 380 / 384)  # of the training size
_START_SHARE = (128 / 300, 128 / 380, 128 / 380)  # of the last size
_DROPOUT = (0.2, 0.3, 0.4)  # without progressive learning; published code


@dataclass(frozen=True)
class Progressive:
    """The ranges of progressive learning, each as (first, last)."""

    image_size: tuple[int, int]
    randaugment_magnitude: tuple[float, float]
    mixup_alpha: tuple[float, float]
    dropout: tuple[float, float]


@dataclass(frozen=True)
class Regularization:
    """The regularization of a network.

    ``dropout`` is for training at one image size. ``survival`` is the last block's probability in
    stochastic depth.
    """

    dropout: float
    survival: float
    progressive: Progressive

    def to_json(self) -> dict[str, Any]:
        """Return the regularization as JSON types."""
        data = asdict(self)
        data["progressive"] = {name: list(ends) for name, ends in data["progressive"].items()}
        return data


def regularization(
    sizes: ImageSizes,
    stride: int,
    parameters: int,
    sml_parameters: tuple[int, int, int],
    dropout: float | None = None,
    progressive_size: int | None = None,
) -> Regularization:
    """Return the regularization of Table 6 for a network with this many parameters.

    ``sml_parameters`` are the parameters of the family's S, M and L, which get the table's rows. A
    network between them is interpolated over the logarithm of its parameters; a smaller one is
    treated as S and a larger one as L. ``stride`` is the network's. Training starts at this image
    size or above, unless the training size itself is smaller, so that the last feature map has a
    pixel. ``dropout`` overrides the one of the table, ``progressive_size`` the last size.

    Invariants: no range's end falls as the parameters rise. Image sizes rise and end at the
    training size, or 1 % below it, or at ``progressive_size``.
    """
    rank = size_rank(parameters, sml_parameters)
    end = progressive_size or to_multiple(between(_END_SHARE, rank) * sizes.train)
    end = min(sizes.train, end)
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


def size_rank(parameters: int, sml_parameters: tuple[int, int, int]) -> float:
    """Return the size on a scale where S is 0, M is 1 and L is 2, within these limits.

    The scale is linear in the logarithm of the parameters between two of the sizes.
    """
    small, medium, large = (math.log(count) for count in sml_parameters)
    size = math.log(parameters)
    assert small < medium < large
    if size <= medium:
        return max(0.0, (size - small) / (medium - small))
    return 1 + min(1.0, (size - medium) / (large - medium))
