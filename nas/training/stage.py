"""What each epoch of a training is trained with."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile

from nas.training.recipes import Recipe


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
