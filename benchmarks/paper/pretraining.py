"""The row on transfer (section 5.3, Table 8): pretrained weights against new ones, few images.

A network is trained on the first half of the classes of ``--data``. Its weights, but for the
classifier's, then begin a training on ``--images`` images of the other half, and of ``--other``;
the same network with new weights trains on the same images. Both learning rates are chosen among
three on a fifth of these images that is held out, with a seed of its own. The test split of each
is read once, at the end.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from benchmarks.paper.options import add_training_options, network_of_name
from benchmarks.paper.row import PaperRow
from benchmarks.real_data import real_data
from benchmarks.result_lines import ResultLines
from benchmarks.timed_training import Source, built, network_of
from benchmarks.trained_ways import Outcome, Way, summary, train_ways
from nas.data.images import Images
from nas.data.minival import hold_out
from nas.devices import training_device
from nas.errors import UserError
from nas.training.loop import Training
from nas.training.recipes import Recipe, proxy
from reward.step_time.clocks import device_name
from search_space.architecture import Architecture
from search_space.spaces import small
from search_space.task import Task

RATES = (8e-3, 2.5e-3, 8e-4)  # the proxy's, and two that are gentler with what was learnt
_TUNING_SEED = 100
_HELD_OUT = 0.2


def _options(parser: argparse.ArgumentParser) -> None:
    add_training_options(parser, 12, "digits")
    parser.add_argument("--other", help="further data to transfer to, of as many channels")
    parser.add_argument("--image-size", type=int, help="default: that of --data")
    parser.add_argument("--images", type=int, default=500, help="to transfer with")
    parser.add_argument("--arch", help="a network of ours; default: the backbone of small")


def _table8(options: argparse.Namespace) -> None:
    device = training_device()
    data = real_data(options.data, options.image_size, device)
    half = data.training.classes // 2
    source = small(data.training.size).backbone
    if options.arch:
        source = network_of_name(options.arch, "--arch")
    first = of_classes(data.training, range(half))
    targets = {"the other classes": _pair(data.training, data.test, range(half, 2 * half))}
    if options.other:
        other = real_data(options.other, data.training.size, device)
        targets[Path(options.other).name] = other.training, other.test
    print(
        f"{device_name(device)}; pretrained on {len(first)} images of {half} classes, "
        f"{first.size} px, {options.epochs} epochs"
    )
    settings = {
        name: value
        for name, value in vars(options).items()
        if name not in ("data", "other", "out", "seeds")
    }
    header = {"data": Path(options.data).name, "rates": RATES, **settings}
    lines = ResultLines(options.out and options.out / "table8.jsonl", header)
    pretrained = _Pretrained(source, first, options)
    for name, (training, test) in targets.items():
        _compare(name, some(training, options.images), test, pretrained, lines)


class _Pretrained:
    """The network trained on the first classes, once a seed, when it is first asked for."""

    def __init__(self, source: Architecture, images: Images, options: argparse.Namespace) -> None:
        self.source, self.options = source, options
        self._images = images
        self._weights: dict[int, dict[str, torch.Tensor]] = {}

    def recipe(self, learning_rate: float) -> Recipe:
        """Return the recipe of a search with this peak learning rate."""
        plain = proxy(self.options.epochs, self.options.batch_size)
        return replace(plain, learning_rate=learning_rate, flip=self.options.flip)

    def weights(self, seed: int) -> dict[str, torch.Tensor]:
        """Return the averaged weights."""
        if seed not in self._weights:
            recipe = self.recipe(RATES[0])
            network = built(self.source, self._images, recipe, seed)
            one = self._images.part(np.zeros(1, dtype=np.int64))
            run = Training(network, self._images, one, recipe, seed)
            for _ in run.epochs():
                pass
            self._weights[seed] = run.ema.state_dict()
        return self._weights[seed]

    def begun(self, seed: int) -> Callable[[Task], nn.Module]:
        """Return what builds the network with these weights, and a new classifier."""

        def build(task: Task) -> nn.Module:
            network = network_of(self.source, task, self.recipe(RATES[0]))
            own = network.state_dict()
            kept = {k: v for k, v in self.weights(seed).items() if v.shape == own[k].shape}
            if len(kept) == len(own):  # as many classes: the classifier is new all the same
                kept = {k: v for k, v in kept.items() if not k.startswith("classifier.")}
            network.load_state_dict(kept, strict=False)
            return network

        return build


def _compare(
    name: str, training: Images, test: Images, pretrained: _Pretrained, lines: ResultLines
) -> None:
    sources: dict[str, Callable[[int], Source]] = {
        "pretrained": pretrained.begun,
        "from scratch": lambda seed: pretrained.source,
    }
    seeds = range(pretrained.options.seeds)
    for way, source_of in sources.items():
        label = f"{name}, {way}"
        rate = _best_rate(label, source_of(_TUNING_SEED), training, pretrained, lines)
        found: list[Outcome] = []
        for seed in seeds:
            ways = {label: Way(source_of(seed), pretrained.recipe(rate))}
            found += train_ways(ways, training, test, [seed], lines)[label]
        print(
            f"{label} (rate {rate:g}, n = {len(seeds)} seeds): {summary(found)}, "
            f"{len(training)} images"
        )


def _best_rate(
    label: str, source: Source, training: Images, pretrained: _Pretrained, lines: ResultLines
) -> float:
    """Return the rate that is best on a part of the training images that is held out."""
    count = round(_HELD_OUT * len(training))
    rest, part = (
        training.part(positions) for positions in hold_out(training.labels.cpu().numpy(), count)
    )
    ways = {f"{label}, tuned at {rate:g}": Way(source, pretrained.recipe(rate)) for rate in RATES}
    found = train_ways(ways, rest, part, [_TUNING_SEED], lines)
    best = max(found, key=lambda way: found[way][0].accuracy)
    return RATES[list(ways).index(best)]


def _pair(training: Images, test: Images, classes: range) -> tuple[Images, Images]:
    return of_classes(training, classes), of_classes(test, classes)


def of_classes(found: Images, classes: range) -> Images:
    """Return the images of these classes, numbered from 0."""
    labels = found.labels.cpu().numpy()
    part = found.part(np.flatnonzero((labels >= classes.start) & (labels < classes.stop)))
    return replace(part, labels=part.labels - classes.start, classes=len(classes))


def some(found: Images, count: int) -> Images:
    """Return so many images, with each class's share.

    Raises:
        UserError: there are fewer.
    """
    if count > len(found):
        raise UserError(f"--images: got {count}, must be {len(found)} or less")
    if count == len(found):
        return found
    return found.part(hold_out(found.labels.cpu().numpy(), count)[1])


ROWS = (
    PaperRow(
        "table8",
        "transfer: fine-tuned weights against new ones",
        (
            "EfficientNetV2-S from ImageNet: CIFAR-10 98.7 %, CIFAR-100 91.5 %, Flowers 97.9 %, "
            "Cars 93.8 %, n = 5",
        ),
        _options,
        _table8,
    ),
)
