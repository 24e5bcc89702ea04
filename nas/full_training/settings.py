"""What a training was asked for, as it stands in its run.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from nas.data.split import SearchData
from nas.full_training.directory import TrainDirectory
from nas.full_training.pretrained import Pretrained
from nas.training.presets import PRESETS
from nas.training.progressive import CROP_AREA, Resizing, ranges_of
from nas.training.recipes import Recipe
from results.architecture_file import ArchitectureFile, from_json
from scaling.regularization import Progressive

LIGHT = "proxy"  # the preset whose regularization is its own, whatever the network's size


@dataclass(frozen=True)
class TrainSettings:
    """All that decides a training but the images themselves.

    ``architecture`` is an architecture file's content: the data's classes and channels, and the
    sizes to train and to evaluate at. ``progressive`` are progressive learning's ranges, or None;
    ``random_sizes`` and ``batch_growth`` are how it goes through them.
    ``workers`` is how many processes it began with, ``micro_batch`` the images that each trains on
    at once, where that is not its whole share of a batch.
    """

    architecture: Mapping[str, Any]
    data: str
    data_fingerprint: str
    preset: str
    epochs: int
    batch_size: int
    seed: int
    progressive: Mapping[str, Any] | None = None
    patience: int | None = None
    pretrained: str | None = None
    workers: int = 1
    micro_batch: int | None = None
    random_sizes: bool = False
    batch_growth: float = 1.0

    @property
    def file(self) -> ArchitectureFile:
        """The architecture with its sizes and task."""
        return from_json(dict(self.architecture))

    @property
    def image_size(self) -> int:
        """The pixels that images are loaded at: those of evaluation, or of training if larger."""
        return max(self.file.train_size, self.file.eval_size)

    def recipe(self, images: int) -> Recipe:
        """The preset for a training set of so many images, at this network's sizes."""
        recipe = PRESETS[self.preset](images, self.epochs, self.batch_size)
        recipe = replace(recipe, patience=self.patience, micro_batch=self.micro_batch)
        if self.preset != LIGHT:
            recipe = _regularized(recipe, self.file.training)
        if self.progressive is not None:
            crop_area = min(recipe.crop_area, CROP_AREA)
            resizing = Resizing(
                ranges_of(self.progressive),
                is_random=self.random_sizes,
                batch_growth=self.batch_growth,
            )
            return replace(recipe, resizing=resizing, crop_area=crop_area)
        if self.file.train_size < self.image_size:
            return replace(recipe, resizing=_one_size(recipe, self.file.train_size))
        return recipe

    def to_json(self) -> dict[str, Any]:
        """As JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TrainSettings:
        """What :meth:`to_json` gave; TypeError for anything else."""
        return cls(**data)


def _regularized(recipe: Recipe, own: Mapping[str, Any]) -> Recipe:
    """The recipe, made for EfficientNetV2-S, with the strengths that are the network's own.

    Without progressive learning all epochs have those that it would end with, but for the dropout,
    which is as published for one size. A recipe without RandAugment has no use for a stronger one.
    """
    recipe = replace(
        recipe,
        dropout=own.get("dropout", recipe.dropout),
        survival=own.get("survival", recipe.survival),
    )
    if "progressive" not in own or recipe.randaugment_magnitude == 0:
        return recipe
    ends = ranges_of(own["progressive"])
    return replace(
        recipe,
        randaugment_magnitude=ends.randaugment_magnitude[1],
        mixup_alpha=ends.mixup_alpha[1],
    )


def _one_size(recipe: Recipe, size: int) -> Resizing:
    """Training under the size of evaluation: all epochs at one size and one strength."""
    magnitude, alpha = recipe.randaugment_magnitude, recipe.mixup_alpha
    ends = ((size, size), (magnitude, magnitude), (alpha, alpha), (recipe.dropout,) * 2)
    return Resizing(Progressive(*ends), stages=1)


@dataclass(frozen=True)
class Job:
    """What every process of a training is handed."""

    directory: TrainDirectory
    settings: TrainSettings
    data: SearchData
    recipe: Recipe
    pretrained: Pretrained | None
