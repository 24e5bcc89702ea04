"""What a training was asked for, as it stands in its run.json."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from nas.data.split import SearchData
from nas.errors import UserError
from nas.full_training.checkpoint import BEST, LAST
from nas.full_training.pretrained import Pretrained
from nas.search.run_directory import writer_lock
from nas.training.progressive import CROP_AREA, Resizing, ranges_of
from nas.training.recipes import PRESETS, Recipe
from nas.versions import versions
from results.architecture_file import ArchitectureFile, from_json
from results.atomic import write_text
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


_FILE = "run.json"


SCHEMA_VERSION = 1


@dataclass(frozen=True)
class TrainDirectory:
    """``path`` holds run.json, last.pt, best.pt, curve.csv and what else a training leaves."""

    path: Path

    @property
    def last(self) -> Path:
        """The checkpoint that training goes on from."""
        return self.path / LAST

    @property
    def best(self) -> Path:
        """The network of the epoch with the best minival accuracy."""
        return self.path / BEST

    def write_settings(self, settings: TrainSettings) -> None:
        """Begins the training: writes run.json, with which it can be gone on with.

        Raises:
            UserError: it cannot be written.
        """
        content = {
            "schema_version": SCHEMA_VERSION,
            "kind": "training",
            "settings": settings.to_json(),
            "versions": versions(),
        }
        try:
            write_text(self.path / _FILE, json.dumps(content, indent=2, allow_nan=False) + "\n")
        except OSError as error:
            raise UserError(
                f"--out: got {self.path}, must be writable ({error.strerror})"
            ) from error

    def read_settings(self) -> TrainSettings:
        """What run.json says.

        Raises:
            UserError: it is missing, torn, a search's, or a later release's.
        """
        try:
            content = json.loads((self.path / _FILE).read_text(encoding="utf-8"))
            if content["schema_version"] > SCHEMA_VERSION:
                raise UserError(f"--resume: {self.path} was made by a later release of this tool")
            return TrainSettings.from_json(content["settings"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"--resume: got {self.path}, must be the directory of a training, with a {_FILE} "
                "that nas train wrote"
            ) from error

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Held while a training writes; it goes with the process, however that ends."""
        with writer_lock(self.path, "training"):
            for torn in self.path.glob(".*.tmp"):  # left by a process that was killed
                torn.unlink(missing_ok=True)
            yield


def create(path: Path) -> TrainDirectory:
    """A new training's directory.

    Raises:
        UserError: the path is taken, or cannot be made.
    """
    try:
        if path.exists() and not (path.is_dir() and not any(path.iterdir())):
            raise UserError(
                f"--out: got {path}, which is there already, must be new or empty "
                f"(to go on with a training: --resume {path})"
            )
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--out: got {path}, must be writable ({error.strerror})") from error
    return TrainDirectory(path)
