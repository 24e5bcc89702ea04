"""Training settings: a Recipe, and the search's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Literal

from nas.training.progressive import Resizing


@dataclass(frozen=True)
class Recipe:
    """All that decides a training but the network, the data and the seed."""

    epochs: int
    batch_size: int
    learning_rate: float  # at its peak
    weight_decay: float  # on convolution and classifier kernels only
    warmup: float  # share of the steps with a rising learning rate
    label_smoothing: float
    dropout: float
    survival: float  # of the last block, stochastic depth
    crop_padding: float  # share of the image size that a random crop may shift by
    optimizer: Literal["adamw", "rmsprop"] = "adamw"
    decays: float | None = None  # how often the learning rate falls by 3 %; None: a cosine
    crop_area: float = 1.0  # the least share of an image that a random resized crop shows
    flip: bool = False  # left to right, every other image; not where it changes the class
    cutout: float = 0.0  # side of the square that is left out, share of the image size
    randaugment_magnitude: float = 0.0  # 0 (none) to 30
    mixup_alpha: float = 0.0
    micro_batch: int | None = None  # images at once, where a batch is too large for the device
    patience: int | None = None  # epochs without a better accuracy before training ends
    resizing: Resizing | None = None


STEPS_AN_EPOCH = 16


def proxy_batch_size(images: int) -> int:
    """32, 64 or 128: the largest that leaves 16 steps an epoch.

    Ten epochs of fewer steps stay under-trained, and small batches cost time: on digits' 1,137
    images 64 takes 0.65 of the time of 32, at the same accuracy.
    """
    return next((size for size in (128, 64) if images >= size * STEPS_AN_EPOCH), 32)


def proxy(epochs: int = 10, batch_size: int = 32) -> Recipe:
    """The search's own: AdamW, one cosine cycle, light regularization.

    Ten epochs are far from overfitting, so strong regularization would only rank networks by how
    fast they learn under it. A network of ``small`` takes 2 to 5 s on the digits, where it reaches
    98 to 99.7 %, and 10 to 34 s on ``shapes``, where it reaches 71 to 93 % (one core).
    """
    return Recipe(
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=8e-3,
        weight_decay=0.02,
        warmup=0.15,
        label_smoothing=0.1,
        dropout=0.0,
        survival=1.0,
        crop_padding=0.125,
    )


_BATCH_SIZE, _LEARNING_RATE = 4096, 0.256


_EPOCHS, _EPOCHS_A_DECAY = 350, 2.4


def imagenet(images: int, epochs: int | None = None, batch_size: int | None = None) -> Recipe:
    """ImageNet from the start: 350 epochs of RMSProp at 0.256 for a batch of 4096.

    What it costs: EfficientNetV2-S reads 1.28 million images 350 times, 255 hours at 300 px on an
    RTX 3090 by timm's 488 images/s. What to expect: 83.9 % on ImageNet for S, 85.1 % for M, 85.7 %
    for L (the paper, with progressive learning).

    The regularization is for the size of S; M and L take more (``scaling.regularization``), which
    ``nas train`` sees to.
    """
    batch_size = batch_size or _batch_size(images)
    epochs = epochs or _EPOCHS
    return Recipe(
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=_LEARNING_RATE * batch_size / _BATCH_SIZE,
        weight_decay=1e-5,
        warmup=min(5 / epochs, 0.15),
        label_smoothing=0.1,
        dropout=0.2,
        survival=0.8,
        crop_padding=0.0,
        optimizer="rmsprop",
        decays=_EPOCHS / _EPOCHS_A_DECAY,
        crop_area=0.08,
        flip=True,
        randaugment_magnitude=15.0,
    )


def imagenet21k(images: int, epochs: int | None = None, batch_size: int | None = None) -> Recipe:
    """ImageNet-21k: 60 epochs (30 for the largest networks) with a cosine; then fine-tune.

    An image of k classes has the target 1/k for each, which the data brings along
    (``Images.targets``). What it costs: 13 million images 60 times, 440 hours for EfficientNetV2-S
    at 300 px on an RTX 3090 by timm's 488 images/s. What to expect: after fine-tuning on ImageNet,
    15 epochs with a cosine, 84.9 % for S, 86.2 % for M, 86.8 % for L (the paper).
    """
    return replace(imagenet(images, epochs or 60, batch_size), decays=None)


def transfer(images: int, epochs: int | None = None, batch_size: int | None = None) -> Recipe:
    """From trained weights to a small set: 10,000 steps of 512 images at 0.001 with a cosine.

    To whole epochs: as many as come closest to 10,000 steps. No weight decay; crops, flips and a
    square cut out, a quarter of the side as on CIFAR-100 (arXiv 1708.04552). What it costs: 5.1
    million images, 3 hours for EfficientNetV2-S at 300 px on an RTX 3090 by timm's 488 images/s.
    What to expect from S trained on ImageNet: 98.7 % on CIFAR-10, 91.5 % on CIFAR-100, 97.9 % on
    Flowers, 93.8 % on Cars (the paper).
    """
    batch_size = min(batch_size or 512, images)
    return Recipe(
        epochs=epochs or max(1, round(10_000 / (images // batch_size))),
        batch_size=batch_size,
        learning_rate=0.001 * batch_size / 512,
        weight_decay=0.0,
        warmup=0.0,
        label_smoothing=0.1,
        dropout=0.2,
        survival=0.8,
        crop_padding=0.125,
        optimizer="rmsprop",
        flip=True,
        cutout=0.25,
    )


def search(images: int, epochs: int | None = None, batch_size: int | None = None) -> Recipe:
    """The search's own, :func:`nas.training.recipes.proxy`: ten epochs that rank networks."""
    return proxy(epochs or 10, batch_size or proxy_batch_size(images))


PRESETS: dict[str, Callable[[int, int | None, int | None], Recipe]] = {
    "imagenet": imagenet,
    "imagenet21k": imagenet21k,
    "transfer": transfer,
    "proxy": search,
}


def _batch_size(images: int) -> int:
    """The paper's, or the largest power of two that leaves 16 steps an epoch."""
    most = max(1, images // STEPS_AN_EPOCH)
    return min(_BATCH_SIZE, 1 << (most.bit_length() - 1))


@dataclass(frozen=True)
class TrainingStage:
    """The settings that may change between epochs. ``dropout`` None is as the network was built;
    ``rate`` multiplies the learning rate."""

    number: int
    image_size: int
    batch_size: int
    rate: float
    dropout: float | None
    randaugment_magnitude: float
    mixup_alpha: float


def stages(recipe: Recipe, images: int, image_size: int, seed: int) -> list[TrainingStage]:
    """The stage of every epoch, for a training set of so many images of that size."""
    return [_stage(recipe, epoch, images, image_size, seed) for epoch in range(recipe.epochs)]


def steps(of: list[TrainingStage], images: int) -> int:
    """Training steps in epochs of these stages; a last batch that is not full is left out."""
    return sum(images // stage.batch_size for stage in of)


def last_of_one_size(of: list[TrainingStage]) -> list[TrainingStage]:
    """The epochs at the end that are all of the last stage.

    What is averaged over steps, weights and batch normalisation's statistics, has to forget the
    sizes before within these.
    """
    return list(takewhile(lambda stage: stage.number == of[-1].number, reversed(of)))


def _stage(recipe: Recipe, epoch: int, images: int, image_size: int, seed: int) -> TrainingStage:
    resizing = recipe.resizing
    if resizing is None:
        batch_size = min(recipe.batch_size, images)
        regularizers = (recipe.randaugment_magnitude, recipe.mixup_alpha)
        return TrainingStage(0, image_size, batch_size, 1.0, None, *regularizers)
    number = resizing.stage(epoch, recipe.epochs, seed)
    ranges = resizing.ranges
    batch_size = int(recipe.batch_size * resizing.growth(number))
    growth = batch_size / recipe.batch_size
    return TrainingStage(
        number=number,
        image_size=resizing.image_size(number),
        batch_size=min(batch_size, images),
        # Linear for RMSProp (arXiv 1706.02677), the root for Adam (arXiv 2205.10287).
        rate=growth if recipe.optimizer == "rmsprop" else growth**0.5,
        dropout=resizing.regularizer(ranges.dropout, number),
        randaugment_magnitude=resizing.regularizer(ranges.randaugment_magnitude, number),
        mixup_alpha=resizing.regularizer(ranges.mixup_alpha, number),
    )
