"""The paper's recipes, by name, for a training set of so many images (EfficientNetV2, section 4).

Every preset takes its own epochs and batch size, or others; the learning rate follows the batch,
and its course the share of training that is over, so that a shorter training runs through all of
it. A training set that is too small for the paper's batch gets the largest power of two that leaves
16 steps an epoch.

Two things are the network's and not the loop's: build it with the recipe's ``dropout`` and
``survival``, and with ``averaging_momentum(NORM_MOMENTUM, averaging_steps(images, recipe))`` as the
momentum of its batch normalisation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from nas.training.recipes import STEPS_AN_EPOCH, Recipe, proxy, proxy_batch_size

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
