"""The settings of a full training, and the directory that holds them with the checkpoints."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from nas.data.options import DataOptions
from nas.data.split import SearchData
from nas.errors import UserError
from nas.full_training import checkpoint
from nas.full_training.checkpoint import BEST, LAST
from nas.full_training.loggers import write_curve
from nas.full_training.pretrained import Pretrained
from nas.full_training.progress import Saved
from nas.metrics.metric_function import ACCURACY as ACCURACY_FUNCTION
from nas.metrics.metric_function import MetricFunction
from nas.run_directory import remove_new, writer_lock
from nas.training.progressive import CROP_AREA, Resizing, ranges_of
from nas.training.recipe_options import RecipeOptions, find_recipe, make_recipe
from nas.training.recipes import Recipe
from nas.versions import versions
from results.architecture_file import ArchitectureFile, checked_training, from_json
from results.atomic import write_text
from reward.metric import ACCURACY
from scaling.regularization import Progressive
from search_space.bounds import (
    MOST_EPOCHS,
    MOST_IMAGE_SIZE,
    MOST_NUMBER,
    MOST_STRENGTH,
    read_json,
    real,
    text,
    whole,
)
from search_space.named import NotImported
from search_space.operators import OPERATORS, Operator

SCHEMA_VERSION = 1  # of run.json
FOR_SIZES = ("imagenet", "efficientnet", "imagenet21k", "transfer")
"""The recipes whose regularization follows the size of the network; others are taken as they are,
with the same light regularization for networks of all sizes."""

_FILE = "run.json"


@dataclass(frozen=True)
class TrainSettings:
    """Settings of a training, as stored in run.json: all that decides it except the images.

    ``architecture`` is the content of an architecture file, with the classes and channels of the
    data and the image sizes to train and to evaluate at. ``progressive`` are the ranges of
    progressive learning, or None; ``random_sizes``, ``adaptive``, ``sizes`` (their number) and
    ``batch_growth`` refine it. ``workers`` is the number of processes that the training was started
    with. ``micro_batch`` is the number of
    images that a process trains on at once, or None for its whole share of the batch. With
    ``is_compiled`` the network is compiled by ``torch.compile``. ``minival``,
    ``background`` and ``min_per_class`` are :class:`nas.data.options.DataOptions`. ``data_size`` is
    the size in pixels that training images are kept at; None stands for a training of an earlier
    release, which kept all images at the larger of the sizes to train and to evaluate at. With
    ``stream``, training images are decoded each time they are needed. ``preset`` is the recipe's
    name, ``recipe_options`` are :class:`~nas.training.recipe_options.RecipeOptions`.
    ``metric`` is the name of the metric that epochs are compared by; there are ``validate_every``
    epochs to a validation.
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
    is_compiled: bool = False
    random_sizes: bool = False
    adaptive: bool = True
    sizes: int = Resizing.stages
    batch_growth: float = 1.0
    minival: str = "auto"
    background: str = "grey"
    min_per_class: int | None = None
    data_size: int | None = None
    stream: bool = False
    recipe_options: Mapping[str, Any] = field(default_factory=dict)
    metric: str = ACCURACY
    validate_every: int = 1

    @property
    def data_options(self) -> DataOptions:
        """Which images of the data are taken, and how they are decoded."""
        return DataOptions(self.minival, self.background, self.min_per_class)

    @property
    def file(self) -> ArchitectureFile:
        """The architecture with its image sizes and task."""
        return from_json(dict(self.architecture))

    @property
    def loaded_sizes(self) -> tuple[int, int]:
        """The sizes in pixels that the training set and the minival are loaded at."""
        train_size, eval_size = self.file.train_size, self.file.eval_size
        if self.data_size is None:
            return max(train_size, eval_size), max(train_size, eval_size)
        return self.data_size, eval_size

    def recipe(self, images: int) -> Recipe:
        """Return the recipe for ``images`` training images, adapted to these settings.

        Raises:
            ValueError: a function of the user's own failed; the message is one line.
        """
        recipe = self._without_options(images)
        return RecipeOptions.from_json(self.recipe_options).applied(recipe)

    def _without_options(self, images: int) -> Recipe:
        recipe = make_recipe(self.preset, images, self.epochs, self.batch_size)
        recipe = replace(
            recipe,
            epochs=self.epochs,
            batch_size=self.batch_size,
            patience=self.patience,
            micro_batch=self.micro_batch,
            is_compiled=self.is_compiled,
        )
        if self.preset in FOR_SIZES:
            recipe = _regularized(recipe, self.file.training)
        if self.progressive is not None:
            crop_area = min(recipe.crop_area, CROP_AREA)
            resizing = Resizing(
                ranges_of(self.progressive),
                stages=self.sizes,
                adaptive=self.adaptive,
                is_random=self.random_sizes,
                batch_growth=self.batch_growth,
            )
            return replace(recipe, resizing=resizing, crop_area=crop_area)
        if self.file.train_size != self.loaded_sizes[0]:
            return replace(recipe, resizing=_at_one_size(recipe, self.file.train_size))
        return recipe

    def to_json(self) -> dict[str, Any]:
        """Return the settings as JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TrainSettings:
        """Return the settings that :meth:`to_json` gave.

        Raises:
            KeyError, TypeError: a field is unknown or missing.
            ValueError: a value is out of bounds, or the recipe is unknown.
        """
        settings = cls(**data)
        whole("epochs", settings.epochs, MOST_EPOCHS)
        whole("batch_size", settings.batch_size, MOST_NUMBER)
        if settings.data_size is not None:
            whole("data_size", settings.data_size, MOST_NUMBER)
        whole("validate_every", settings.validate_every, MOST_EPOCHS)
        whole("sizes", settings.sizes, MOST_IMAGE_SIZE)
        real("batch_growth", settings.batch_growth, MOST_STRENGTH, 1)
        checked_training({"progressive": settings.progressive})
        _ = settings.file, find_recipe(settings.preset)
        RecipeOptions.from_json(settings.recipe_options)
        text("metric", settings.metric)
        return settings


def _regularized(recipe: Recipe, training: Mapping[str, Any]) -> Recipe:
    """Replace the recipe's regularization, which is for EfficientNetV2-S, by the network's.

    ``training`` is the regularization in the network's architecture file. Without progressive
    learning all epochs have the strengths that it would end with, except the dropout, which has a
    published value for one size. A recipe without RandAugment stays without RandAugment and mixup.
    """
    recipe = replace(
        recipe,
        dropout=training.get("dropout", recipe.dropout),
        survival=training.get("survival", recipe.survival),
    )
    if "progressive" not in training or recipe.randaugment_magnitude == 0:
        return recipe
    ends = ranges_of(training["progressive"])
    return replace(
        recipe,
        randaugment_magnitude=ends.randaugment_magnitude[1],
        mixup_alpha=ends.mixup_alpha[1],
    )


def _at_one_size(recipe: Recipe, size: int) -> Resizing:
    """Return the schedule for training at a constant size, which is not the loaded images'."""
    magnitude, alpha = recipe.randaugment_magnitude, recipe.mixup_alpha
    ends = ((size, size), (magnitude, magnitude), (alpha, alpha), (recipe.dropout,) * 2)
    return Resizing(Progressive(*ends), stages=1)


@dataclass(frozen=True)
class Job:
    """A training that is ready to run, as every process of it receives it.

    ``operators`` are those of the network, of which some may be the user's own.
    """

    directory: TrainDirectory
    settings: TrainSettings
    data: SearchData
    recipe: Recipe
    pretrained: Pretrained | None
    operators: Mapping[str, Operator] = field(default_factory=lambda: dict(OPERATORS))
    metric: MetricFunction = ACCURACY_FUNCTION


@dataclass(frozen=True)
class TrainDirectory:
    """The directory of a training, with run.json, last.pt, best.pt, curve.csv and logs.

    ``is_new`` is whether it was created for the training by this process, ``was_there`` whether the
    folder was there before, empty.
    """

    path: Path
    is_new: bool = False
    was_there: bool = False

    @property
    def last(self) -> Path:
        """The checkpoint of the last epoch, which training is resumed from."""
        return self.path / LAST

    @property
    def best(self) -> Path:
        """The checkpoint of the epoch that is best by the metric on the minival."""
        return self.path / BEST

    def read_last(self) -> bytes | None:
        """Read the content of the last checkpoint, None before the first epoch has ended.

        Raises:
            UserError: the file cannot be read.
        """
        try:
            return self.last.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UserError(
                f"--resume: {self.last}: cannot be read ({error.strerror})", exit_code=1
            ) from error

    def save(self, saved: Saved) -> None:
        """Write the files of an epoch; those of one that was not validated hold its state alone.

        The best checkpoint is written first: if the process is killed in between, the epoch is
        trained again from the last checkpoint, with the same result.

        Raises:
            UserError: they cannot be written; the checkpoint before is kept.
        """
        try:
            if saved.best is not None:
                checkpoint.write(self.best, saved.best)
            checkpoint.write(self.last, saved.last)
            write_curve(self.path, saved.rows)
        except OSError as error:
            raise UserError(
                f"{self.path}: cannot be written ({error.strerror or error}); the last checkpoint "
                f"is kept; go on with: nas train --resume {self.path}",
                exit_code=1,
            ) from error

    def remove_unless_begun(self) -> None:
        """Remove a new training without an epoch, such as one that found no cluster, if possible.

        Then the same command can be given again once it is mended.
        """
        if not self.is_new or self.last.exists():
            return
        with suppress(OSError):
            remove_new(self.path, self.was_there)

    def write_settings(self, settings: TrainSettings) -> None:
        """Write run.json, which makes the training one that can be resumed.

        Raises:
            UserError: the file cannot be written.
        """
        content = {
            "schema_version": SCHEMA_VERSION,
            "kind": "training",
            "settings": settings.to_json(),
            "versions": versions(),
        }
        self._write(content, "--out")

    def change_settings(self, settings: TrainSettings) -> None:
        """Replace the settings in run.json, for example when the data was moved.

        Raises:
            UserError: the file cannot be written.
        """
        content = json.loads((self.path / _FILE).read_text(encoding="utf-8"))
        self._write({**content, "settings": settings.to_json()}, "--resume")

    def _write(self, content: Mapping[str, Any], option: str) -> None:
        try:
            write_text(self.path / _FILE, json.dumps(content, indent=2, allow_nan=False) + "\n")
        except OSError as error:
            raise UserError(
                f"{option}: got {self.path}, must be writable ({error.strerror})"
            ) from error

    def read_settings(self) -> TrainSettings:
        """Read the settings in run.json.

        Raises:
            UserError: the file is missing, truncated, a search's, or of a later release.
        """
        try:
            content = read_json(self.path / _FILE)
            if content["schema_version"] > SCHEMA_VERSION:
                raise UserError(f"--resume: {self.path} was made by a later release of this tool")
            return TrainSettings.from_json(content["settings"])
        except NotImported as error:
            raise UserError(f"--resume: {self.path}: {error}") from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"--resume: got {self.path}, must be the directory of a training, with a {_FILE} "
                "that nas train wrote"
            ) from error

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Lock the directory for this process while the context is open, or until the process ends.

        Raises:
            UserError: another training is running in the directory, or it is not writable.
        """
        with writer_lock(self.path, "training"):
            yield


def create(path: Path) -> TrainDirectory:
    """Create the directory of a new training.

    Raises:
        UserError: the path exists already, or cannot be created.
    """
    try:
        if path.exists() and not (path.is_dir() and not any(path.iterdir())):
            raise UserError(
                f"--out: got {path}, which exists already, must be new or empty "
                f"(to resume a training: --resume {path})"
            )
        was_there = path.is_dir()
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--out: got {path}, must be writable ({error.strerror})") from error
    return TrainDirectory(path, is_new=True, was_there=was_there)
