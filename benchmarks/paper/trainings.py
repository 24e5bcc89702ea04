"""Rows that train: image size against augmentation, progressive learning, and its regularization.

Tables 5, 10, 12 and 13 and Figure 6. By default they train small networks on `shapes`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path

import plotly.graph_objects as go

from benchmarks.hand_made import hand_made, mobilenetv2, of_parameters
from benchmarks.paper.options import add_training_options, listed, network_of_name
from benchmarks.paper.row import PaperRow
from benchmarks.paper.setting import Setting
from benchmarks.progressive import WIDE
from benchmarks.result_lines import ResultLines
from benchmarks.trained_ways import KIND, Outcome, Way, in_percent, mean_s, summary
from nas.errors import UserError
from reward.complexity import count_parameters
from search_space.architecture import Architecture
from search_space.spaces import small
from search_space.task import Task

DATA = "shapes:size=48,n=1024,classes=24"
_SMALL_DATA = "shapes:size=32,n=1024,classes=24"


_Networks = dict[str, Architecture]

_FIRST_SHARE = 128 / 300  # Table 6, EfficientNetV2-S


def _table5_options(parser: argparse.ArgumentParser) -> None:
    add_training_options(parser, 20, DATA)
    parser.add_argument("--arch", help="a network of ours; by default a small one of fused blocks")
    parser.add_argument("--sizes", type=listed(int), default=(20, 31, 48), help="pixels")
    parser.add_argument("--magnitudes", type=listed(float), default=(5.0, 10.0, 15.0))


def _table5(options: argparse.Namespace) -> None:
    setting = Setting.of(options)
    network = _network(options.arch)
    recipe = setting.recipe()
    ways = {
        f"{size} px, magnitude {magnitude:g}": Way(
            network, replace(recipe, randaugment_magnitude=magnitude), size
        )
        for magnitude, size in product(options.magnitudes, options.sizes)
    }
    found = setting.train(ways)
    print(f"n = {options.seeds} seeds; {'magnitude':>9}", *(f"{s:>12} px" for s in options.sizes))
    for magnitude in options.magnitudes:
        cells = [in_percent(found[f"{s} px, magnitude {magnitude:g}"]) for s in options.sizes]
        print(f"{magnitude:>22g}", *(f"{cell:>15}" for cell in cells))


def _network(name: str | None) -> Architecture:
    return network_of_name(name, "--arch") if name else WIDE


def _table13_options(parser: argparse.ArgumentParser) -> None:
    add_training_options(parser, 24, DATA)
    parser.add_argument("--arch", help="a network of ours; by default a small one of fused blocks")


def _table13(options: argparse.Namespace) -> None:
    setting = Setting.of(options)
    network = _network(options.arch)
    ways = {"one size": Way(network, setting.resized(1.0, is_adaptive=False))}
    for (order, is_random), (strength, is_adaptive) in product(
        (("progressive", False), ("random", True)), (("constant", False), ("adaptive", True))
    ):
        recipe = setting.resized(_FIRST_SHARE, is_adaptive, is_random)
        ways[f"{order} sizes, {strength} regularization"] = Way(network, recipe)
    _print_ways(setting.train(ways))


def _print_ways(found: dict[str, list[Outcome]]) -> None:
    base = mean_s(next(iter(found.values())))
    for name, outcomes in found.items():
        print(
            f"{name}: {summary(outcomes)}, {mean_s(outcomes) / base:.2f} of the first's time, "
            f"n = {len(outcomes)} seeds"
        )


def _figure6(options: argparse.Namespace) -> None:
    setting = Setting.of(options)
    network = _network(options.arch)
    ways = {
        name: Way(network, setting.resized(_FIRST_SHARE, is_adaptive))
        for name, is_adaptive in (("constant", False), ("adaptive", True))
    }
    _print_ways(setting.train(ways, has_curves=True))
    if options.out is not None:
        _draw_curves(setting.lines(), options.out / "figure6.html")
    else:
        print("--out DIR draws the curves")


def _draw_curves(lines: ResultLines, path: Path) -> None:
    """Draw the accuracy over epochs, a line a seed."""
    figure = go.Figure()
    colours = {"constant": "#888888", "adaptive": "#c2410c"}
    for line in lines.find(KIND):
        figure.add_scatter(
            x=[point["epoch"] for point in line["curve"]],
            y=[100 * point["accuracy"] for point in line["curve"]],
            name=f"{line['way']} regularization",
            legendgroup=line["way"],
            showlegend=line["seed"] == 0,
            line={"color": colours[line["way"]]},
        )
    figure.update_layout(
        template="plotly_white", xaxis_title="epoch", yaxis_title="accuracy of the average, %"
    )
    figure.write_html(path)
    print(path)


def _table12_options(parser: argparse.ArgumentParser) -> None:
    add_training_options(parser, 24, _SMALL_DATA)
    parser.add_argument(
        "--networks",
        type=listed(str),
        help="published names, or functions such as torchvision.models:resnet50; "
        "by default a small ResNet and a small network of MBConv",
    )


def _table12(options: argparse.Namespace) -> None:
    setting = Setting.of(options)
    for name, network in _networks(options, setting, _resnet_and_mbconv).items():
        ways = {
            f"{name}, one size": Way(network, setting.resized(1.0, is_adaptive=False)),
            f"{name}, progressive": Way(network, setting.resized(_FIRST_SHARE, is_adaptive=True)),
        }
        _print_ways(setting.train(ways))


def _table10(options: argparse.Namespace) -> None:
    setting = Setting.of(options)
    ways = {
        name: Way(network, setting.resized(_FIRST_SHARE, is_adaptive=True))
        for name, network in _networks(options, setting, _v1_and_v2).items()
    }
    _print_ways(setting.train(ways))


def _networks(
    options: argparse.Namespace,
    setting: Setting,
    defaults: Callable[[Task], dict[str, Architecture]],
) -> dict[str, Architecture]:
    if options.networks:
        return {name: network_of_name(name) for name in options.networks}
    return defaults(Task(setting.training.classes, setting.training.pixels.shape[1]))


def _resnet_and_mbconv(task: Task) -> _Networks:
    backbone = small(32).backbone
    made = hand_made(backbone, count_parameters(backbone, task), task)
    return {"resnet": made["resnet"], "mbconv": backbone}


def _v1_and_v2(task: Task) -> _Networks:
    """Return V1's and V2's patterns of as many parameters as the backbone of ``small`` has."""
    backbone = small(32).backbone
    parameters = count_parameters(backbone, task)
    v1 = mobilenetv2(backbone)
    stages = tuple(replace(stage, se_ratio=0.25, activation="silu") for stage in v1.stages)
    try:
        v1 = of_parameters(replace(v1, stages=stages), parameters, task)
        return {"V1": v1, "V2": hand_made(backbone, parameters, task)["efficientnetv2"]}
    except ValueError as error:
        raise UserError(f"--data: {error}") from error


ROWS = (
    PaperRow(
        "table5",
        "small images want weak augmentation, large ones strong",
        (
            "RandAugment 5:  128 px 78.3 ± 0.16 %, 192 px 81.2 ± 0.06 %, 300 px 82.5 ± 0.05 %",
            "RandAugment 10: 78.0 ± 0.08 %, 81.6 ± 0.08 %, 82.7 ± 0.08 %",
            "RandAugment 15: 77.7 ± 0.15 %, 81.5 ± 0.05 %, 83.2 ± 0.09 %; n = 3",
        ),
        _table5_options,
        _table5,
    ),
    PaperRow(
        "table10",
        "V1 and V2 by one progressive recipe",
        (
            "EfficientNet-B7 85.0 %, 54 h; EfficientNetV2-M 85.1 %, 13 h, 17 % fewer parameters, "
            "37 % fewer multiply-adds, x 3.1 at inference",
        ),
        _table12_options,
        _table10,
    ),
    PaperRow(
        "table12",
        "progressive learning for other networks",
        (
            "ResNet-50 at 224 px 78.1 to 78.4 % in 0.71 of the time; at 380 px 80.0 to 80.3 %, "
            "0.41; ResNet-152 82.4 to 82.9 %, 0.46",
            "EfficientNet-B4 82.9 to 83.1 %, 0.45; B5 83.7 to 84.0 %, 0.35",
        ),
        _table12_options,
        _table12,
    ),
    PaperRow(
        "table13",
        "adaptive regularization, with progressive and with random image sizes",
        (
            "progressive 84.3 ± 0.14 %, adaptive 85.1 ± 0.07 %; random 83.5 ± 0.11 %, adaptive "
            "84.2 ± 0.10 %; n = 3",
        ),
        _table13_options,
        _table13,
    ),
    PaperRow(
        "figure6",
        "learning curves of progressive learning, with and without adaptive regularization",
        ("with adaptive regularization a training converges sooner, and ends higher",),
        _table13_options,
        _figure6,
    ),
)
