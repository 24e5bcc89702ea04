"""A training that is ready to run, or to go on."""

from __future__ import annotations

from dataclasses import dataclass

from nas.data.split import SearchData
from nas.full_training.directory import TrainDirectory
from nas.full_training.pretrained import Pretrained
from nas.full_training.settings import TrainSettings
from nas.training.recipes import Recipe


@dataclass(frozen=True)
class Job:
    """What every process of a training is handed."""

    directory: TrainDirectory
    settings: TrainSettings
    data: SearchData
    recipe: Recipe
    pretrained: Pretrained | None
