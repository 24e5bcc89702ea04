"""Rows that read results: the user's own trainings (Figure 1), and timm's tables (Figure 3)."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go

from benchmarks.paper.row import PaperRow
from nas.errors import UserError
from nas.full_training.loggers import CURVE_FILE

# The trained weights of timm's results that are of ImageNet alone, without adversarial examples or
# an improved recipe: those of the papers.
_FAMILIES = {
    "EfficientNet": ("tf_efficientnet_b", "aa_in1k"),
    "EfficientNetV2": ("tf_efficientnetv2_", "in1k"),
    "ResNet-RS": ("resnetrs", "tf_in1k"),
    "NFNet": ("dm_nfnet_f", "dm_in1k"),
}
_REFERENCE = "tf_efficientnetv2_s"


@dataclass(frozen=True)
class Point:
    """A network of a figure: its time, in the figure's unit, and its accuracy in percent."""

    family: str
    name: str
    time: float
    accuracy: float


def _figure1_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("trainings", nargs="+", type=Path, help="directories of nas train")
    parser.add_argument("--html", type=Path, help="draw the figure to this file")


def _figure1(options: argparse.Namespace) -> None:
    points = [_of_training(directory) for directory in options.trainings]
    for point in sorted(points, key=lambda p: p.time):
        print(f"{point.name}: {point.accuracy:.1f} % after {point.time:.3g} h ({point.family})")
    _draw(points, options.html, "training time, hours")


def _of_training(directory: Path) -> Point:
    """Return the best epoch's accuracy and the hours of all epochs of a training."""
    try:
        curve = pd.read_csv(directory / CURVE_FILE)
        settings = json.loads((directory / "run.json").read_text(encoding="utf-8"))["settings"]
        accuracy, hours = 100 * curve["accuracy"].max(), curve["seconds"].sum() / 3600
        family = f"{curve['image_size'].min()} to {curve['image_size'].max()} px"
        name = f"{directory.name} ({settings['file']['name']})"
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise UserError(
            f"trainings: got {directory}, must be a directory of nas train ({error})"
        ) from error
    return Point(family, name, float(hours), float(accuracy))


def _figure3_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--steps", type=Path, required=True, help="timm's benchmark-train-*.csv (results/ there)"
    )
    parser.add_argument(
        "--accuracies",
        type=Path,
        required=True,
        help="timm's results-imagenet.csv (results/ there)",
    )
    parser.add_argument("--html", type=Path, help="draw the figure to this file")


def _figure3(options: argparse.Namespace) -> None:
    points = list(
        _of_timm(_read(options.steps, "--steps"), _read(options.accuracies, "--accuracies"))
    )
    for point in points:
        print(f"{point.family:15} {point.name:22} {point.accuracy:.1f} %  step x {point.time:.2f}")
    print(f"step: seconds an image in training, over {_REFERENCE}'s; n = {len(points)} networks")
    for family in _FAMILIES:
        if family != "EfficientNetV2":
            print(f"{family}: {_advantage(points, family)}")
    _draw(points, options.html, "training step, relative")


def _read(path: Path, option: str) -> pd.DataFrame:
    try:
        return pd.read_csv(path).set_index("model", drop=False)
    except (OSError, ValueError, LookupError) as error:
        raise UserError(f"{option}: got {path}, must be a table of timm's ({error})") from error


def _of_timm(steps: pd.DataFrame, accuracies: pd.DataFrame) -> Iterator[Point]:
    reference = float(steps.loc[_REFERENCE, "train_samples_per_sec"])  # type: ignore[arg-type]
    for family, (start, weights) in _FAMILIES.items():
        for model, rows in accuracies.groupby(level=0):
            name, _, tag = str(model).partition(".")
            if name.startswith(start) and tag == weights and name in steps.index:
                rate = float(steps.loc[name, "train_samples_per_sec"])  # type: ignore[arg-type]
                yield Point(family, name, reference / rate, float(rows["top1"].max()))


def _advantage(points: list[Point], family: str) -> str:
    """Return how much longer a family's steps are than V2's at the same accuracy, interpolated."""
    ours = sorted((p.accuracy, p.time) for p in points if p.family == "EfficientNetV2")
    ratios = []
    for point in points:
        between = [
            (low, high) for low, high in pairwise(ours) if low[0] <= point.accuracy <= high[0]
        ]
        if point.family == family and between:
            (a, s), (b, t) = between[0]
            share = (point.accuracy - a) / (b - a)
            ratios.append(point.time / (s * (t / s) ** share))
    if not ratios:
        return "no network within the accuracies of EfficientNetV2"
    return (
        f"x {min(ratios):.1f} to {max(ratios):.1f} of EfficientNetV2's step at the same accuracy, "
        f"n = {len(ratios)}"
    )


def _draw(points: list[Point], path: Path | None, title: str) -> None:
    if path is None:
        return
    figure = go.Figure()
    for family in dict.fromkeys(point.family for point in points):
        of_family = sorted((p for p in points if p.family == family), key=lambda p: p.time)
        figure.add_scatter(
            x=[point.time for point in of_family],
            y=[point.accuracy for point in of_family],
            text=[point.name for point in of_family],
            name=family,
            mode="lines+markers",
        )
    figure.update_layout(template="plotly_white", xaxis_title=title, yaxis_title="accuracy, %")
    figure.update_xaxes(type="log")
    figure.write_html(path)
    print(path)


ROWS = (
    PaperRow(
        "figure1",
        "accuracy against training time, of your own trainings",
        ("EfficientNetV2-S 83.9 %, M 85.1 %, L 85.7 % in 7.1, 13, 24 h on 32 TPU cores",),
        _figure1_options,
        _figure1,
    ),
    PaperRow(
        "figure3",
        "accuracy against training step, from timm's public tables",
        ("EfficientNetV2's steps are the shortest at each accuracy (TPUv3, drawn only)",),
        _figure3_options,
        _figure3,
    ),
)
