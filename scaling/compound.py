"""EfficientNet's compound scaling: depth, width and resolution together (arXiv 1905.11946)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from scaling.scaled import check_grown
from search_space.architecture import Architecture, Stage
from search_space.transforms import Rounding, multiply, to_nearest_8

# The published multipliers of B0 to B8: beta^phi and alpha^phi, rounded by the authors. L2 follows,
# which is at no step of the rule.
WIDTHS = (1.0, 1.0, 1.1, 1.2, 1.4, 1.6, 1.8, 2.0, 2.2, 4.3)
DEPTHS = (1.0, 1.1, 1.2, 1.4, 1.8, 2.2, 2.6, 3.1, 3.6, 5.3)


@dataclass(frozen=True)
class Multipliers:
    """Factors on channels, on layers and on the side of the image; 1 leaves one as it is."""

    width: float = 1.0
    depth: float = 1.0
    resolution: float = 1.0


def compound(alpha: float, beta: float, gamma: float, phi: float) -> Multipliers:
    """Return depth alpha^phi, width beta^phi, resolution gamma^phi (EfficientNet, equation 3).

    With alpha * beta^2 * gamma^2 near 2, multiply-adds grow by a factor of about 2^phi. The paper
    uses 1.2, 1.1 and 1.15.

    Raises:
        ValueError: alpha, beta or gamma is below 1, or phi is below 0.
    """
    if min(alpha, beta, gamma) < 1 or phi < 0:
        raise ValueError(
            f"alpha, beta, gamma, phi: got {alpha}, {beta}, {gamma}, {phi}, "
            "must be 1 or more, and phi 0 or more"
        )
    return Multipliers(width=beta**phi, depth=alpha**phi, resolution=gamma**phi)


def at_step(step: float, sizes: tuple[int, ...]) -> Multipliers:
    """Return the multipliers that make B0 a B ``step``, interpolated linearly; 9 is L2.

    ``sizes`` are the image sizes of the family's B0, B1 and so on.
    """
    return Multipliers(
        width=between(WIDTHS, step),
        depth=between(DEPTHS, step),
        resolution=between(sizes, step) / sizes[0],
    )


def grow(
    base: Architecture, multipliers: Multipliers, rounding: Rounding = to_nearest_8
) -> Architecture:
    """Multiply the base's channels by width, rounded, and its layers by depth, rounded up.

    Stem and head widen as the stages do. ``rounding`` is to the nearest 8; EfficientNet (V1) limits
    how far it rounds down (:mod:`search_space.transforms`).

    Invariants: every stage is at least as deep and as wide as before. The number of stages, their
    operators, kernels, strides, expansions, squeeze ratios and activations, and the stem's stride
    stay the same.
    """
    grown = multiply(base, multipliers.width, multipliers.depth, rounding)
    grown = replace(
        grown,
        # Rounding alone could narrow a base whose channels are no multiples of 8.
        stages=tuple(map(_at_least_as_wide, grown.stages, base.stages)),
        stem_channels=max(grown.stem_channels, base.stem_channels),
        head_channels=max(grown.head_channels, base.head_channels),
    )
    check_grown(base, grown)
    return grown


def between(values: tuple[float, ...] | tuple[int, ...], step: float) -> float:
    """Interpolate linearly between the values at the whole steps 0, 1 and so on.

    A whole step gives its value exactly.
    """
    below = min(int(step), len(values) - 2)
    share = step - below
    if share == 0:
        return values[below]
    if share == 1:
        return values[below + 1]
    return values[below] + share * (values[below + 1] - values[below])


def _at_least_as_wide(stage: Stage, base_stage: Stage) -> Stage:
    return replace(stage, channels=max(stage.channels, base_stage.channels))
