"""What scaling starts from and what it makes: a network with its image sizes, and how it came."""

from __future__ import annotations

from dataclasses import dataclass, replace

from search_space.architecture import Architecture, Stage


@dataclass(frozen=True)
class Base:
    """The network that a family is scaled from; the family's smallest name or its S."""

    name: str
    architecture: Architecture
    sizes: ImageSizes


@dataclass(frozen=True)
class Scaled:
    """A member of a family.

    ``place`` is the rule's coefficient on the family's scale, which counts EfficientNet's steps:
    B0 to B7 are 0 to 7. ``dropout`` is the published one where the family has it by place, and None
    where it follows from the parameters (:mod:`scaling.regularization`).
    """

    architecture: Architecture
    sizes: ImageSizes
    rule: str
    place: float
    parent: Base
    dropout: float | None = None


INFERENCE_CAP = 480  # pixels; EfficientNetV2, section 4: memory and training time grow too fast


TRAIN_SHARE = 0.8  # of the inference size; ibid., and FixRes (arXiv 1906.06423)


@dataclass(frozen=True)
class ImageSizes:
    """Pixels of an image's side, in training and at inference."""

    train: int
    eval: int


def of_base(own: ImageSizes) -> ImageSizes:
    """The base's own sizes as a member's: inference within the cap, training below inference.

    A search trains and evaluates at one size. That one is the inference size, and training is to be
    about 20 % under it.
    """
    inference = min(own.eval, INFERENCE_CAP)
    is_apart = own.train < inference
    return ImageSizes(own.train if is_apart else _train_size(inference), inference)


def scale(own: ImageSizes, ratio: float) -> ImageSizes:
    """The base's sizes times ``ratio``, training about 20 % under inference.

    Everything follows from the base's inference size, so 8 px grow to 10 as 384 px grow to 480.
    Sizes are even, from 64 px on multiples of 4, as all published ones are.

    Invariants: inference never passes 480 px; training never passes inference; a ratio of 1 or more
    never shrinks the base's sizes (:func:`of_base`), one of 1 or less never enlarges them; a larger
    ratio never gives a smaller size.
    """
    base = of_base(own)
    if ratio == 1:
        return base
    clamp = max if ratio > 1 else min
    inference = min(INFERENCE_CAP, clamp(base.eval, to_multiple(own.eval * ratio)))
    train = min(inference, clamp(base.train, _train_size(inference)))
    assert train <= inference <= INFERENCE_CAP
    assert clamp(inference, base.eval) == inference
    assert clamp(train, base.train) == train
    return ImageSizes(train, inference)


def to_multiple(pixels: float) -> int:
    """The nearest size that is used: even, from 64 px on a multiple of 4; at least 2."""
    multiple = 4 if pixels >= 64 else 2
    return max(2, int(pixels / multiple + 0.5) * multiple)


def _train_size(inference: int) -> int:
    return min(inference, to_multiple(TRAIN_SHARE * inference))


def check_grown(base: Architecture, grown: Architecture) -> None:
    """Every stage of the base is there, at least as deep and as wide; only those two changed."""
    assert len(grown.stages) >= len(base.stages)
    for own, stage in zip(base.stages, grown.stages, strict=False):
        _check_form(own, stage)
        assert stage.layers >= own.layers
        assert stage.channels >= own.channels
    assert grown.stem_stride == base.stem_stride
    assert grown.stem_channels >= base.stem_channels
    assert grown.head_channels >= base.head_channels


def check_shrunk(base: Architecture, shrunk: Architecture) -> None:
    """The other way round: as many stages, none deeper or wider."""
    assert len(shrunk.stages) == len(base.stages)
    check_grown(shrunk, base)


def _check_form(own: Stage, stage: Stage) -> None:
    assert replace(stage, layers=own.layers, channels=own.channels) == own
