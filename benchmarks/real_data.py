"""What the benchmarks on real images share: the searched network, and data with a test split."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from nas.data.images import Images, images
from nas.data.load import load_search_data, load_test_data
from nas.data.minival import hold_out
from nas.data.split import Split, histogram, statistics
from nas.replay.table import find_table
from nas.search.settings import SearchSettings
from results.candidate import Candidate
from results.ranking import ranked
from search_space.architecture import Architecture


@dataclass(frozen=True)
class Searched:
    """A search's best candidate by its own reward, the backbone of its space, and its settings."""

    winner: Candidate
    backbone: Architecture
    settings: SearchSettings


def searched(path: Path, argument: str = "--from") -> Searched:
    """Return the result of a search, by its directory or by a table that ``nas replay`` saved.

    Raises:
        UserError: ``path`` is neither.
    """
    table = find_table(path, argument)
    settings = SearchSettings.from_json(dict(table.settings))
    winner = ranked(table.candidates, settings.objective)[0][1]
    return Searched(winner, settings.grid.backbone, settings)


@dataclass(frozen=True)
class RealData:
    """Images to train on in full, to test on, and to tune with, all normalised alike.

    ``held_out`` is the data's validation split, which is not in ``training``, or without one a part
    of ``training`` that is not in ``tuning``.
    """

    training: Images
    test: Images
    tuning: Images
    held_out: Images
    has_validation_split: bool


def real_data(
    spec: str, image_size: int | None, device: torch.device, tune_images: int = 1
) -> RealData:
    """Return the images of ``--data``, of which ``tune_images`` are to tune with.

    Raises:
        UserError: the data cannot be read, or have no test split.
    """
    data = load_search_data(spec, image_size)
    has_split = bool(data.minival_split)
    whole = data.training if has_split else _joined(data.training, data.minival)
    normal = statistics(histogram(whole.pixels))
    test = load_test_data(spec, data.image_size, data.class_names, split="test").test
    count = len(data.training)
    part = hold_out(data.training.labels, min(tune_images, count))[1]
    training, tested, tuning, held_out = (
        images(split, device, normal, data.classes)
        for split in (whole, test, data.training.take(part), data.minival)
    )
    return RealData(training, tested, tuning, held_out, has_split)


def _joined(one: Split, other: Split) -> Split:
    pixels = np.concatenate([one.pixels, other.pixels])
    return Split(pixels, np.concatenate([one.labels, other.labels]))
