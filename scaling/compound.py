"""EfficientNet's compound rule: depth, width and resolution grow together (arXiv 1905.11946)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from scaling.scaled import check_grown
from search_space.architecture import Architecture, Stage
from search_space.transforms import Rounding, multiply, to_nearest_8


@dataclass(frozen=True)
class Multipliers:
    """Of channels, of layers and of the image size's side."""

    width: float
    depth: float
    resolution: float


# Width and depth of B0 to B7, as published: alpha^phi and beta^phi, rounded by hand.
WIDTHS = (1.0, 1.0, 1.1, 1.2, 1.4, 1.6, 1.8, 2.0)
DEPTHS = (1.0, 1.1, 1.2, 1.4, 1.8, 2.2, 2.6, 3.1)


def compound(alpha: float, beta: float, gamma: float, phi: float) -> Multipliers:
    """Depth alpha^phi, width beta^phi, resolution gamma^phi (EfficientNet, equation 3).

    With alpha * beta^2 * gamma^2 about 2, phi doubles the multiply-adds phi times. The paper's
    are 1.2, 1.1 and 1.15.

    Raises:
        ValueError: a base below 1, or phi below 0.
    """
    if min(alpha, beta, gamma) < 1 or phi < 0:
        raise ValueError(
            f"alpha, beta, gamma, phi: got {alpha}, {beta}, {gamma}, {phi}, "
            "must be 1 or more, and phi 0 or more"
        )
    return Multipliers(width=beta**phi, depth=alpha**phi, resolution=gamma**phi)


def at_step(step: float, sizes: tuple[int, ...]) -> Multipliers:
    """B0's multipliers of ``step``, 0 to 7 as in the names, on a line between two whole ones.

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
    """The base with channels times width, rounded, and layers times depth, rounded up.

    Stem and head widen as the stages do. ``rounding`` is to the nearest 8, in EfficientNet (V1)
    with a guard (:mod:`search_space.transforms`).

    Invariants: every stage is at least as deep and as wide as before; stages stay as many, and
    their operators, kernels, strides, expansions and squeeze ratios and the stem's stride the same.
    """
    grown = multiply(base, multipliers.width, multipliers.depth, rounding)
    stages = zip(grown.stages, base.stages, strict=True)
    grown = replace(
        grown,
        # Rounding alone could narrow a base whose channels are no multiples of 8.
        stages=tuple(_not_narrower(stage, own) for stage, own in stages),
        stem_channels=max(grown.stem_channels, base.stem_channels),
        head_channels=max(grown.head_channels, base.head_channels),
    )
    check_grown(base, grown)
    return grown


def between(values: tuple[float, ...] | tuple[int, ...], step: float) -> float:
    """The value at a place between the whole ones; a whole step gives the value itself."""
    below = min(int(step), len(values) - 2)
    share = step - below
    if share == 0:
        return values[below]
    if share == 1:
        return values[below + 1]
    return values[below] + share * (values[below + 1] - values[below])


def _not_narrower(stage: Stage, own: Stage) -> Stage:
    return replace(stage, channels=max(stage.channels, own.channels))
