"""Compare a search's winner with hand-made networks, each trained in full on real images.

python -m benchmarks.real_images --from RUN --data PATH --out DIR [--image-size 32] [--epochs 12]
    [--batch-size 64] [--recipe proxy] [--flip] [--seeds 3] [--rates 0.004,0.008,0.016]
    [--tune-images 3000] [--tune-epochs 5] [--networks winner,backbone,...] [--csv FILE]
python -m benchmarks.real_images --out DIR --report [--csv FILE]

The winner of RUN, a search's directory or a table of ``nas replay --save-table``, the backbone of
its space, and three hand-made networks with the winner's parameters (benchmarks/hand_made.py) are
trained by one recipe. All are tuned alike: each tries the same learning rates, once each for a few
epochs on a part of the training set, and takes the one with the highest accuracy on held-out
images. These are the data's validation split, or a fifth of the training set, which the full
trainings then learn from too.

The accuracy is that on the test split, after each epoch for the curve; nothing is chosen by it.
The time is that of training alone, of the process on one thread of a CPU. Beside it stands the
step time relative to the backbone's, measured in turn as ``nas bench`` does.

Each result is a line that is added to DIR/trainings.jsonl. Started again, the command goes on with
what is missing: all networks with the first seed, then with the next. DIR/curves.html shows the
accuracy against the training time.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.cpu_protocol import follow, one_line_errors
from benchmarks.hand_made import PATTERNS, of_parameters
from benchmarks.real_data import Searched, real_data, searched
from benchmarks.real_images_report import report
from benchmarks.result_lines import ResultLines
from benchmarks.timed_training import curve
from nas.bench.measure import MeasurementRequest, SizedArchitecture, measure_in_subprocess
from nas.devices import training_device
from nas.errors import UserError
from nas.training.recipe_options import RecipeOptions, make_recipe
from nas.training.recipes import PRESETS, Recipe
from reward.complexity import count_parameters
from reward.step_time.clocks import device_name
from reward.step_time.measurement import normalized, normalized_interval
from search_space.architecture import Architecture
from search_space.task import Task

LINES = "trainings.jsonl"


def main(arguments: Sequence[str] | None = None) -> None:
    """Train what is missing; print the table with n, spread and machine, and write the page."""
    options = _parser().parse_args(arguments)
    follow("benchmarks.real_images")
    with one_line_errors():
        if not options.report:
            _check(options)
            Campaign(options).run()
        report(options.out / LINES, options.out / "curves.html", options.csv)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--from", dest="run", type=Path, help="a search, or its saved table")
    parser.add_argument("--data", help="as of nas search; it must have a test split")
    parser.add_argument("--out", type=Path, required=True, help="directory of the results")
    parser.add_argument("--image-size", type=int, help="default: that of the search")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--recipe", choices=sorted(PRESETS), default="proxy")
    parser.add_argument("--flip", action="store_true", default=None, help="mirror half the images")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rates", type=_numbers, default=(4e-3, 8e-3, 16e-3))
    parser.add_argument("--tune-images", type=int, default=3000)
    parser.add_argument("--tune-epochs", type=int, default=5)
    parser.add_argument("--networks", type=_names, default=NETWORKS)
    parser.add_argument(
        "--step-cap", type=float, default=20.0, help="time steps for so many seconds at most"
    )
    parser.add_argument("--report", action="store_true", help="only report what is in --out")
    parser.add_argument("--csv", type=Path, help="write network, seed, epoch, time, accuracy")
    return parser


NETWORKS = ("winner", "backbone", *PATTERNS)


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split(","))


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _check(options: argparse.Namespace) -> None:
    """Check the options that argparse cannot.

    Raises:
        UserError: one is missing, or out of its bounds.
    """
    for name, value in (("--from", options.run), ("--data", options.data)):
        if value is None:
            raise UserError(f"{name}: got nothing, must be given unless --report is")
    for name in ("epochs", "batch_size", "seeds", "tune_images", "tune_epochs"):
        if getattr(options, name) < 1:
            option = f"--{name.replace('_', '-')}"
            raise UserError(f"{option}: got {getattr(options, name)}, must be 1 or more")
    for name in options.networks:
        if name not in NETWORKS:
            raise UserError(f"--networks: got {name!r}, must be of {', '.join(NETWORKS)}")
    if min(options.rates) <= 0:
        raise UserError(f"--rates: got {min(options.rates):g}, must be above 0")


class Campaign:
    """All trainings of a comparison; those that are in the file already are not repeated."""

    def __init__(self, options: argparse.Namespace) -> None:
        found = searched(options.run)
        size = options.image_size or found.settings.image_size
        self._options, self._device = options, training_device()
        self._data = real_data(options.data, size, self._device, options.tune_images)
        training = self._data.training
        self._size, self._task = training.size, Task(training.classes, training.pixels.shape[1])
        self._networks = _networks(found, self._task, options.networks)
        self._backbone = found.backbone
        self._lines = ResultLines(options.out / LINES, self._header(found))

    def run(self) -> None:
        """Measure the steps, choose the learning rates, and train with one seed after another."""
        print(f"{device_name(self._device)}; {len(self._data.training)} images", flush=True)
        options, lines = self._options, self._lines
        for name, architecture in self._networks.items():
            if not lines.find("step", network=name):
                lines.add("step", {"network": name, **self._step(architecture)})
        for name, rate in product(self._networks, options.rates):
            if not lines.find("rate", network=name, learning_rate=rate):
                lines.add("rate", self._tried(name, rate))
        for seed, name in product(range(options.seeds), self._networks):
            if not lines.find("training", network=name, seed=seed):
                lines.add("training", self._trained(name, seed))

    def _header(self, found: Searched) -> dict[str, Any]:
        """Return all that the results depend on, for a file that holds results of one kind."""
        winner = found.winner
        names = ("epochs", "batch_size", "recipe", "flip", "tune_images", "tune_epochs")
        return {
            "data": Path(self._options.data).name,
            "image_size": self._size,
            "train_images": len(self._data.training),
            "test_images": len(self._data.test),
            "held_out": "validation split" if self._data.has_validation_split else "training set",
            "search": {"candidates": found.settings.budget, "winner": winner.number},
            "winner": winner.architecture.to_json(),
            "device": device_name(self._device),
            **{name: getattr(self._options, name) for name in names},
        }

    def _step(self, architecture: Architecture) -> dict[str, Any]:
        """Measure a training step in turn with the backbone's."""
        network, reference = (
            SizedArchitecture(one, self._size) for one in (architecture, self._backbone)
        )
        measured = measure_in_subprocess(
            MeasurementRequest(
                network, reference, self._task, self._options.batch_size, self._options.step_cap
            )
        )
        return {
            "parameters": measured.parameters,
            "multiply_adds": measured.multiply_adds,
            "normalized_step_time": normalized(measured.step_time),
            "normalized_step_time_ci": normalized_interval(measured.step_time),
            "architecture": architecture.to_json(),
        }

    def _tried(self, name: str, rate: float) -> dict[str, Any]:
        """Train a network briefly at a learning rate, and validate it on the held-out images."""
        tuning, options = self._data.tuning, self._options
        recipe = self._recipe(len(tuning), options.tune_epochs, rate)
        points = list(
            curve(self._networks[name], recipe, tuning, self._data.held_out, 0, recipe.epochs)
        )
        return {"network": name, "learning_rate": rate, "accuracy": points[-1].accuracy}

    def _trained(self, name: str, seed: int) -> dict[str, Any]:
        """Train a network in full, and test it after each epoch."""
        training, rate = self._data.training, self._best_rate(name)
        recipe = self._recipe(len(training), self._options.epochs, rate)
        points = curve(self._networks[name], recipe, training, self._data.test, seed)
        curve_json = [asdict(point) for point in points]
        return {"network": name, "seed": seed, "learning_rate": rate, "curve": curve_json}

    def _best_rate(self, name: str) -> float:
        tried = self._lines.find("rate", network=name)
        return float(max(tried, key=lambda line: line["accuracy"])["learning_rate"])

    def _recipe(self, count: int, epochs: int, rate: float) -> Recipe:
        options = RecipeOptions(flip=self._options.flip, lr=rate)
        batch_size = self._options.batch_size
        return make_recipe(self._options.recipe, count, epochs, batch_size, options)


def _networks(found: Searched, task: Task, names: tuple[str, ...]) -> dict[str, Architecture]:
    """Return the networks by name, in the order of the names."""
    winner, backbone = found.winner.architecture, found.backbone
    parameters = count_parameters(winner, task)
    given = {"winner": winner, "backbone": backbone}
    return {
        name: given[name]
        if name in given
        else of_parameters(PATTERNS[name](backbone), parameters, task)
        for name in names
    }


if __name__ == "__main__":
    main()
