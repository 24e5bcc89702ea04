"""The images of a row that trains, where its results go, and the recipes of its trainings."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.result_lines import ResultLines
from benchmarks.trained_ways import Outcome, Way, train_ways
from nas.data.images import Images, images, images_on_device
from nas.data.load import find_evaluation_split, load_search_data, load_test_data
from nas.data.split import histogram, statistics
from nas.devices import training_device
from nas.training.progressive import CROP_AREA, Resizing
from nas.training.recipes import Recipe, proxy
from reward.step_time.clocks import device_name
from scaling.regularization import Progressive

_EPOCHS_A_RANDOM_SIZE = 8 / 350  # of all epochs, in the paper


@dataclass(frozen=True)
class Setting:
    """The images of a row, and where its results go."""

    training: Images
    test: Images
    options: argparse.Namespace

    @classmethod
    def of(cls, options: argparse.Namespace) -> Setting:
        """Load the images of ``--data``; the test split where it has one, else the minival."""
        device = training_device()
        data = load_search_data(options.data)
        training, test = images_on_device(data, device)
        tested = "the minival"
        if find_evaluation_split(options.data, data.class_names) == "test":
            found = load_test_data(options.data, data.image_size, data.class_names, split="test")
            normal = data.statistics or statistics(histogram(data.training.pixels))
            test, tested = images(found.test, device, normal, data.classes), "the test split"
        print(
            f"{device_name(device)}; {Path(options.data).name}: {len(training)} images of "
            f"{training.size} px, {options.epochs} epochs; accuracy on {tested}, {len(test)}"
        )
        return cls(training, test, options)

    def train(self, ways: dict[str, Way], has_curves: bool = False) -> dict[str, list[Outcome]]:
        """Train all ways with all seeds, or read what ``--out`` has of them."""
        options = self.options
        seeds, lines = range(options.seeds), self.lines()
        return train_ways(ways, self.training, self.test, seeds, lines, has_curves)

    def lines(self) -> ResultLines:
        """Return the lines of ``--out``."""
        options = self.options
        settings = {
            name: value
            for name, value in vars(options).items()
            if name not in ("out", "seeds", "data")
        }
        header = {"data": Path(options.data).name, **settings}
        return ResultLines(options.out and options.out / f"{options.row}.jsonl", header)

    def recipe(self) -> Recipe:
        """Return the recipe of a search with random crops, which progressive learning needs."""
        options = self.options
        plain = proxy(options.epochs, options.batch_size)
        return replace(plain, crop_area=CROP_AREA, crop_padding=0.0, flip=options.flip)

    def resized(self, first_share: float, is_adaptive: bool, is_random: bool = False) -> Recipe:
        """Return the recipe with sizes from a share of the images' own; a share of 1 is fixed."""
        size = self.training.size
        ranges = Progressive(  # Table 6, EfficientNetV2-S
            image_size=(round(first_share * size), size),
            randaugment_magnitude=(5.0, 15.0),
            mixup_alpha=(0.0, 0.0),
            dropout=(0.1, 0.3),
        )
        resizing = Resizing(
            ranges,
            adaptive=is_adaptive,
            is_random=is_random,
            epochs_a_size=max(1, round(self.options.epochs * _EPOCHS_A_RANDOM_SIZE)),
        )
        return replace(self.recipe(), resizing=resizing)
