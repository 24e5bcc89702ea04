"""Training recipes: the presets by name, and the settings of every epoch that follow from one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Literal, get_args

from nas.training.progressive import CROP_AREA, Resizing

Optimizer = Literal["adamw", "rmsprop"]
OPTIMIZERS: tuple[Optimizer, ...] = get_args(Optimizer)

STEPS_AN_EPOCH = 16  # the fewest that a default batch size leaves

# EfficientNetV2, section 5.1: the learning rate is for this batch size, and falls every 2.4 epochs.
_IMAGENET_BATCH_SIZE, _IMAGENET_LEARNING_RATE = 4096, 0.256
_IMAGENET_EPOCHS, _IMAGENET_EPOCHS_A_DECAY = 350, 2.4

_LONG_EPOCH, _MOST_VALIDATIONS = 100, 400  # steps; more validations only of such epochs


@dataclass(frozen=True)
class Recipe:
    """The settings of a training: all that decides it except the network, the data and the seed."""

    epochs: int
    batch_size: int
    learning_rate: float  # at the peak of the schedule
    weight_decay: float  # of convolution and classifier kernels only
    warmup: float  # share of the steps in which the learning rate rises
    label_smoothing: float
    dropout: float
    survival: float  # stochastic depth's survival probability of the last block
    crop_padding: float  # largest shift of a random crop, as a share of the image size
    optimizer: Optimizer = "adamw"
    decays: float | None = None  # how often the rate falls by 3 %, 0 for never; None: a cosine
    crop_area: float = 1.0  # least share of the image's area in a random resized crop
    flip: bool = False  # mirror half of the images; only where that keeps the class
    cutout: float = 0.0  # side of the square that is cut out, as a share of the image size
    randaugment_magnitude: float = 0.0  # 0 (no RandAugment) to 30
    autoaugment: bool = False  # ImageNet's policy, in stages without RandAugment
    mixup_alpha: float = 0.0
    micro_batch: int | None = None  # images at once, where a batch does not fit into memory
    is_compiled: bool = False  # by torch.compile; other numbers are those of the eager network
    patience: int | None = None  # end after this many epochs without a better accuracy
    resizing: Resizing | None = None  # None: one image size


def proxy(epochs: int = 10, batch_size: int = 32) -> Recipe:
    """Return the recipe of candidates in a search: AdamW, one cosine cycle, light regularization.

    Ten epochs are far from overfitting. Strong regularization would only rank candidates by how
    fast they learn in spite of it.

    Cost and accuracy on one core: a network of the space ``small`` takes 2 to 5 s on ``digits`` and
    reaches 98 to 99.7 %; on ``shapes`` it takes 10 to 34 s and reaches 71 to 93 %.
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


def proxy_batch_size(images: int) -> int:
    """Return 128, 64 or 32: the largest that leaves 16 steps an epoch, or else 32.

    With fewer steps, ten epochs would under-train a candidate; smaller batches would take longer
    (docs/training.md).
    """
    return next((size for size in (128, 64) if images >= size * STEPS_AN_EPOCH), 32)


def imagenet(images: int, epochs: int | None = None, batch_size: int | None = None) -> Recipe:
    """Return the recipe for ImageNet from scratch: 350 epochs of RMSProp (EfficientNetV2, 5.1).

    The learning rate is 0.256 for a batch of 4096. The regularization is that of EfficientNetV2-S;
    ``nas train`` strengthens it for M and L (``scaling.regularization``).

    Cost: EfficientNetV2-S sees 1.28 million images 350 times, which takes 255 hours at 300 px on an
    RTX 3090 (at timm's 488 images/s). Accuracy in the paper, with progressive learning: 83.9 % for
    S, 85.1 % for M, 85.7 % for L.
    """
    batch_size = batch_size or _imagenet_batch_size(images)
    epochs = epochs or _IMAGENET_EPOCHS
    return Recipe(
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=_IMAGENET_LEARNING_RATE * batch_size / _IMAGENET_BATCH_SIZE,
        weight_decay=1e-5,
        warmup=min(5 / epochs, 0.15),
        label_smoothing=0.1,
        dropout=0.2,
        survival=0.8,
        crop_padding=0.0,
        optimizer="rmsprop",
        decays=_IMAGENET_EPOCHS / _IMAGENET_EPOCHS_A_DECAY,
        crop_area=0.08,
        flip=True,
        randaugment_magnitude=15.0,
    )


def _imagenet_batch_size(images: int) -> int:
    """Return the paper's batch size, or the largest power of two that leaves 16 steps an epoch."""
    largest = max(1, images // STEPS_AN_EPOCH)
    return min(_IMAGENET_BATCH_SIZE, 1 << (largest.bit_length() - 1))


def efficientnet(images: int, epochs: int | None = None, batch_size: int | None = None) -> Recipe:
    """Return EfficientNet's recipe for ImageNet (arXiv 1905.11946, section 5.2), with AutoAugment.

    Apart from AutoAugment instead of RandAugment it is :func:`imagenet`. The dropout is
    EfficientNet-B0's; ``nas train`` takes that of a published network, up to 0.5 for B7.

    Cost: EfficientNet-B0 sees 1.28 million images of 224 px 350 times. Accuracy in the paper:
    77.1 % for B0, 82.9 % for B4, 84.3 % for B7.
    """
    recipe = imagenet(images, epochs, batch_size)
    return replace(recipe, randaugment_magnitude=0.0, autoaugment=True)


def imagenet21k(images: int, epochs: int | None = None, batch_size: int | None = None) -> Recipe:
    """Return the recipe for pretraining on ImageNet-21k: 60 epochs with a cosine schedule.

    The paper takes 30 epochs for its largest networks. For an image of k classes the data give each
    class the target 1/k (``Images.targets``).

    Cost: 13 million images 60 times, which takes EfficientNetV2-S 440 hours at 300 px on an RTX
    3090 (at timm's 488 images/s). Accuracy in the paper after 15 epochs of fine-tuning on ImageNet
    with a cosine: 84.9 % for S, 86.2 % for M, 86.8 % for L.
    """
    return replace(imagenet(images, epochs or 60, batch_size), decays=None)


def transfer(images: int, epochs: int | None = None, batch_size: int | None = None) -> Recipe:
    """Return the recipe for fine-tuning on a small data set: 10,000 steps of 512 images.

    The number of epochs is the one that comes closest to 10,000 steps. The peak learning rate is
    0.001, with a cosine schedule and no weight decay. Images are cropped and flipped, and a square
    of a quarter of their side is cut out, as on CIFAR-100 (arXiv 1708.04552).

    Cost: 5.1 million images, which takes EfficientNetV2-S 3 hours at 300 px on an RTX 3090 (at
    timm's 488 images/s). Accuracy in the paper, with S trained on ImageNet: 98.7 % on CIFAR-10,
    91.5 % on CIFAR-100, 97.9 % on Flowers, 93.8 % on Cars.
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


def imagenet21k_automl(
    images: int, epochs: int | None = None, batch_size: int | None = None
) -> Recipe:
    """Return the recipe for ImageNet-21k of EfficientNetV2's public code (google/automl).

    It has no RandAugment, mixup, dropout, stochastic depth, or label smoothing; images are cropped,
    to 5 % of their area and more, and flipped. The learning rate is 0.128 for a batch of 4096, half
    of :func:`imagenet21k`'s, with a warm-up of one epoch and a cosine. ``nas train`` trains and
    evaluates at 224 px (:data:`IMAGE_SIZES`).

    Cost: 13 million images 60 times, which takes EfficientNetV2-S about 250 hours at 224 px on an
    RTX 3090, by timm's 488 images/s at 300 px. Accuracy: as :func:`imagenet21k`, whose figures were
    reached by this code.
    """
    recipe = imagenet21k(images, epochs, batch_size)
    return replace(
        recipe,
        learning_rate=recipe.learning_rate / 2,
        warmup=min(1 / recipe.epochs, 0.15),
        label_smoothing=0.0,
        dropout=0.0,
        survival=1.0,
        crop_area=0.05,
        randaugment_magnitude=0.0,
    )


def transfer_automl(
    images: int, epochs: int | None = None, batch_size: int | None = None
) -> Recipe:
    """Return the recipe for fine-tuning of EfficientNetV2's public code (google/automl).

    It differs from the paper's, :func:`transfer`: the learning rate stays at 0.001 after a warm-up
    of one epoch, weight decay is 1e-5, there is no dropout, images are flipped and not cropped, and
    a square of half their side is cut out. There it is filled with noise, here with the mean. Its
    averages (0.9996) are ours within 22,500 steps, in which both still warm up.

    Cost and accuracy: as :func:`transfer`; 15 epochs where those are more than 10,000 steps.
    """
    recipe = transfer(images, epochs, batch_size)
    epochs = epochs or max(15, recipe.epochs)
    return replace(
        recipe,
        epochs=epochs,
        weight_decay=1e-5,
        warmup=min(1 / epochs, 0.15),
        decays=0.0,
        dropout=0.0,
        crop_padding=0.0,
        cutout=0.5,
    )


def proxy_preset(images: int, epochs: int | None = None, batch_size: int | None = None) -> Recipe:
    """Return :func:`proxy` as a preset: ten epochs, with a batch size that suits the data."""
    return proxy(epochs or 10, batch_size or proxy_batch_size(images))


def photos(images: int, epochs: int | None = None, batch_size: int | None = None) -> Recipe:
    """Return :func:`proxy_preset` for photographs: images are flipped, and cropped by scale.

    A crop has from 0.35 to 1 of the image's area, as in progressive learning, instead of a shift.
    Not for images whose mirror image is another class, such as digits.
    """
    recipe = proxy_preset(images, epochs, batch_size)
    return replace(recipe, crop_padding=0.0, crop_area=CROP_AREA, flip=True)


PRESETS: dict[str, Callable[[int, int | None, int | None], Recipe]] = {
    "imagenet": imagenet,
    "efficientnet": efficientnet,
    "imagenet21k": imagenet21k,
    "imagenet21k-automl": imagenet21k_automl,
    "transfer": transfer,
    "transfer-automl": transfer_automl,
    "proxy": proxy_preset,
    "photos": photos,
}
"""The function that makes each preset from the number of images, epochs and batch size."""

IMAGE_SIZES = {"imagenet21k-automl": 224}
"""The sizes in pixels of presets that have one, to train and to evaluate at."""

SHORT = ("proxy", "photos")
"""The presets for the candidates of a search, of ten epochs."""


@dataclass(frozen=True)
class TrainingStage:
    """The settings of an epoch that may differ from those of the epoch before.

    ``learning_rate_scale`` is a factor of the learning rate, for a batch size other than the
    recipe's. ``dropout`` is None where the network keeps the rate that it was built with.
    """

    number: int
    image_size: int
    batch_size: int
    learning_rate_scale: float
    dropout: float | None
    randaugment_magnitude: float
    mixup_alpha: float


def epochs_a_validation(epochs: int, steps_an_epoch: int) -> int:
    """Return how many epochs a full training has for each validation.

    It is 1, unless there are more than 400 epochs of fewer than 100 steps, such as the 3,333 epochs
    of 3 steps that :func:`transfer` has on 2,000 images: then there are about 400 validations.
    """
    if steps_an_epoch >= _LONG_EPOCH:
        return 1
    return -(-epochs // _MOST_VALIDATIONS)


def epoch_stages(recipe: Recipe, images: int, image_size: int, seed: int) -> list[TrainingStage]:
    """Return the stage of every epoch, for ``images`` training images of ``image_size`` pixels."""
    return [_stage(recipe, epoch, images, image_size, seed) for epoch in range(recipe.epochs)]


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
        # Linear for RMSProp (arXiv 1706.02677), the square root for Adam (arXiv 2205.10287).
        learning_rate_scale=growth if recipe.optimizer == "rmsprop" else growth**0.5,
        dropout=resizing.regularizer(ranges.dropout, number),
        randaugment_magnitude=resizing.regularizer(ranges.randaugment_magnitude, number),
        mixup_alpha=resizing.regularizer(ranges.mixup_alpha, number),
    )


def count_steps(stages: list[TrainingStage], images: int) -> int:
    """Return the number of training steps in the epochs of these stages.

    A last batch that is not full is skipped in every epoch.
    """
    return sum(images // stage.batch_size for stage in stages)


def steps_in_stage(stages: list[TrainingStage], epoch: int, images: int) -> int:
    """Return the number of steps since the stage of an epoch began, before that epoch.

    Averages warm up from there, since batch statistics depend on the image size.
    """
    number = stages[epoch].number
    before = takewhile(lambda stage: stage.number == number, reversed(stages[:epoch]))
    return count_steps(list(before), images)
