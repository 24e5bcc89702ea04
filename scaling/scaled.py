"""The base and the result of scaling, their image sizes, and the invariants of every rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from search_space import bounds
from search_space.architecture import Architecture

INFERENCE_CAP = 480  # pixels; beyond it memory and training time grow too fast (V2, section 3.3)
TRAIN_SHARE = 0.8  # of the inference size (V2, section 5.1, and FixRes, arXiv 1906.06423)


@dataclass(frozen=True)
class ImageSizes:
    """The side of an image in pixels, in training and at inference.

    Raises:
        OutOfBounds: a side is none from 1 px to 16,384.
    """

    train: int
    eval: int

    def __post_init__(self) -> None:
        for name in ("train", "eval"):
            bounds.whole(f"image_size: {name}", getattr(self, name), bounds.MOST_IMAGE_SIZE)


@dataclass(frozen=True)
class Base:
    """The network that a family is scaled from: the family's B0, S or PHI0."""

    name: str
    architecture: Architecture
    sizes: ImageSizes


@dataclass(frozen=True)
class Scaled:
    """A network scaled from a base: a member of the base's family, or one by factors.

    ``place`` is where it lies on the family's scale (:mod:`scaling.families`). ``dropout`` is the
    published value if the family has one for the place, or else None; it then follows from the
    parameters (:mod:`scaling.regularization`). So does ``progressive_size``, the image size that
    progressive learning ends at. ``factors`` are those of width, depth and resolution if it was
    scaled by any of them, and not as a member of a family; ``place`` is then 0.
    """

    architecture: Architecture
    sizes: ImageSizes
    rule: str
    place: float
    parent: Base
    dropout: float | None = None
    progressive_size: int | None = None
    factors: Mapping[str, float] | None = None


def base_sizes(sizes: ImageSizes) -> ImageSizes:
    """Return the image sizes of a base as a member of its family.

    Inference is within the cap and training is below inference. A search trains and evaluates at
    one size; this becomes the inference size, and training takes about 20 % less.
    """
    inference = min(sizes.eval, INFERENCE_CAP)
    train = sizes.train if sizes.train < inference else _train_size(inference)
    return ImageSizes(train, inference)


def scale(sizes: ImageSizes, ratio: float) -> ImageSizes:
    """Multiply a base's image sizes by ``ratio``, with training about 20 % below inference.

    Both follow from the base's inference size, so that 8 px grow to 10 as 384 px grow to 480.
    Sizes are even, and multiples of 4 from 64 px on, as all published ones are.

    Invariants: inference never exceeds 480 px, and training never exceeds inference. A ratio of 1
    or more never shrinks the base's sizes (:func:`base_sizes`), and a ratio of 1 or less never
    enlarges them. A larger ratio never gives a smaller size.
    """
    base = base_sizes(sizes)
    if ratio == 1:
        return base
    clamp = max if ratio > 1 else min
    inference = min(INFERENCE_CAP, clamp(base.eval, to_multiple(sizes.eval * ratio)))
    train = min(inference, clamp(base.train, _train_size(inference)))
    assert train <= inference <= INFERENCE_CAP
    assert clamp(inference, base.eval) == inference
    assert clamp(train, base.train) == train
    return ImageSizes(train, inference)


def to_multiple(pixels: float) -> int:
    """Round to an even size of at least 2 px, and from 64 px on to a multiple of 4."""
    multiple = 4 if pixels >= 64 else 2
    return max(2, int(pixels / multiple + 0.5) * multiple)


def _train_size(inference: int) -> int:
    return min(inference, to_multiple(TRAIN_SHARE * inference))


def check_grown(base: Architecture, grown: Architecture) -> None:
    """Assert that each stage is the base's with as many layers and channels or more."""
    assert len(grown.stages) >= len(base.stages)
    for before, after in zip(base.stages, grown.stages, strict=False):
        assert replace(after, layers=before.layers, channels=before.channels) == before
        assert after.layers >= before.layers
        assert after.channels >= before.channels
    assert grown.stem_stride == base.stem_stride
    assert grown.stem_channels >= base.stem_channels
    assert grown.head_channels >= base.head_channels


def check_shrunk(base: Architecture, shrunk: Architecture) -> None:
    """Assert that each stage is the base's with as many layers and channels or fewer."""
    assert len(shrunk.stages) == len(base.stages)
    check_grown(shrunk, base)
