"""The table, the CSV file and the page of ``benchmarks.real_images``, from its lines alone."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import plotly.graph_objects as go

from benchmarks.result_lines import found_in, read_lines
from nas.replay.plot import band
from results.atomic import write_text

SEARCHED = ("winner", "backbone")
# By Okabe and Ito, distinct to the colour-blind.
_COLOURS = (
    "0, 114, 178",
    "86, 86, 86",
    "230, 159, 0",
    "0, 158, 115",
    "204, 121, 167",
    "213, 94, 0",
)

Curve = list[tuple[float, float]]
"""Seconds of training and accuracy in [0, 1] after each epoch."""


@dataclass(frozen=True)
class Trained:
    """The trainings of one network: a curve for each seed, and what was measured of it."""

    name: str
    seeds: tuple[int, ...]
    curves: tuple[Curve, ...]
    step: Mapping[str, Any]
    learning_rate: float

    @property
    def ends(self) -> list[float]:
        """The accuracy of each seed after the last epoch."""
        return [curve[-1][1] for curve in self.curves]

    @property
    def mean_curve(self) -> Curve:
        """Mean time and mean accuracy over the seeds, epoch by epoch."""
        return [
            (fmean(time_s for time_s, _ in points), fmean(reached for _, reached in points))
            for points in zip(*self.curves, strict=True)
        ]


def report(lines: Path, page: Path, table: Path | None) -> None:
    """Print the comparison, and write the page and the CSV file.

    Raises:
        UserError: ``lines`` is no file of results.
    """
    header, results = read_lines(lines)
    networks = trained_networks(results)
    print(
        f"{header['data']}, {header['image_size']} px: {header['train_images']} training images, "
        f"{header['test_images']} test images, {header['epochs']} epochs; {header['device']}"
    )
    if not networks:
        print("no training has ended yet")
        return
    target = target_accuracy(networks)
    for network in networks:
        print(summary(network, target))
    if target is not None:
        print(verdict(networks, target))
    write_page(page, networks, target)
    if table is not None:
        write_csv(table, networks)


def trained_networks(results: list[dict[str, Any]]) -> list[Trained]:
    """Return the networks with a finished training, in the order of their first one."""
    names = dict.fromkeys(line["network"] for line in found_in(results, "training"))
    return [_trained(name, results) for name in names]


def _trained(name: str, results: list[dict[str, Any]]) -> Trained:
    trainings = found_in(results, "training", network=name)
    steps = found_in(results, "step", network=name)
    return Trained(
        name=name,
        seeds=tuple(line["seed"] for line in trainings),
        curves=tuple(
            [(point["time_s"], point["accuracy"]) for point in line["curve"]] for line in trainings
        ),
        step=steps[0] if steps else {},
        learning_rate=trainings[0]["learning_rate"],
    )


def best_hand_made(networks: Sequence[Trained]) -> Trained | None:
    """Return the hand-made network of the highest mean accuracy at its end."""
    hand_made = [network for network in networks if network.name not in SEARCHED]
    return max(hand_made, key=lambda network: fmean(network.ends), default=None)


def target_accuracy(networks: Sequence[Trained]) -> float | None:
    """Return the mean accuracy of the best hand-made network; None if none was trained."""
    best = best_hand_made(networks)
    return None if best is None else fmean(best.ends)


def time_to(curve: Curve, target: float) -> float | None:
    """Return the seconds until the curve first reaches an accuracy, between epochs linearly.

    None if it never does. Training begins at accuracy 0, which is below every target.
    """
    before = (0.0, 0.0)
    for point in curve:
        if point[1] >= target:
            share = (target - before[1]) / (point[1] - before[1])
            return before[0] + share * (point[0] - before[0])
        before = point
    return None


def summary(network: Trained, target: float | None) -> str:
    """Return a line on a network: accuracy, time, step, and the time to the target."""
    times = [curve[-1][0] for curve in network.curves]
    step = network.step.get("normalized_step_time")
    parts = [
        f"{network.name} (n = {len(times)} seeds): {_percent(network.ends)}",
        f"trained in {fmean(times):.0f} s ({min(times):.0f} to {max(times):.0f})",
        f"step {step:.2f} of the backbone's" if step else "step not measured",
        f"{network.step.get('parameters', 0):,} parameters",
        f"learning rate {network.learning_rate:g}",
    ]
    if target is not None:
        parts.append(_until(network, target))
    return ", ".join(parts)


def _until(network: Trained, target: float) -> str:
    """Return in words when the mean curve and those of the seeds reach the target."""
    mean = time_to(network.mean_curve, target)
    reached = [found for curve in network.curves if (found := time_to(curve, target)) is not None]
    of_seeds = f"{len(reached)} of {len(network.curves)} seeds"
    if reached:
        of_seeds += f" ({min(reached):.0f} to {max(reached):.0f} s)"
    shown = "never" if mean is None else f"in {mean:.0f} s"
    return f"reaches {100 * target:.1f} % {shown}, {of_seeds}"


def verdict(networks: Sequence[Trained], target: float) -> str:
    """Return in a sentence which share of the best hand-made network's time the winner takes."""
    best = best_hand_made(networks)
    winner = next((network for network in networks if network.name == "winner"), None)
    if best is None or winner is None:
        return "the winner has not been trained"
    needed, taken = (time_to(network.mean_curve, target) for network in (best, winner))
    if taken is None or needed is None:
        behind = 100 * (target - fmean(winner.ends))
        return (
            f"the winner does not reach {best.name}'s {100 * target:.1f} %: "
            f"it ends {behind:.1f} points below, and its time to that is {_end_share(winner, best)}"
        )
    is_reached = "is" if taken <= needed / 2 else "is not"
    return (
        f"the winner reaches {best.name}'s {100 * target:.1f} % in {taken / needed:.2f} of its "
        f"time: the aim of half {is_reached} reached"
    )


def _end_share(winner: Trained, best: Trained) -> str:
    """Return which share of the other's time the winner takes to the winner's own accuracy."""
    accuracy = fmean(winner.ends)
    taken, needed = (time_to(network.mean_curve, accuracy) for network in (winner, best))
    if taken is None or needed is None:
        return "not known"
    return f"{taken / needed:.2f} of {best.name}'s to the winner's own {100 * accuracy:.1f} %"


def _percent(values: Sequence[float]) -> str:
    spread = f" ± {100 * stdev(values):.1f}" if len(values) > 1 else ""
    return f"{100 * fmean(values):.1f}{spread} %"


def write_csv(path: Path, networks: Sequence[Trained]) -> None:
    """Write a row for each epoch: network, seed, epoch, seconds of training, accuracy."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["network", "seed", "epoch", "time_s", "accuracy"])
        for network in networks:
            for seed, curve in zip(network.seeds, network.curves, strict=True):
                for epoch, (time_s, accuracy) in enumerate(curve, 1):
                    rows.writerow([network.name, seed, epoch, f"{time_s:.2f}", f"{accuracy:.4f}"])


def write_page(path: Path, networks: Sequence[Trained], target: float | None) -> Path:
    """Plot mean accuracy against mean training time, in a band from the lowest to the highest seed.

    The page works offline.
    """
    figure = go.Figure(
        layout={
            "template": "plotly_white",
            "xaxis": {"title": {"text": "training time in s"}, "rangemode": "tozero"},
            "yaxis": {"title": {"text": "test accuracy"}, "tickformat": ".0%"},
            "legend": {"orientation": "h", "y": 1.08},
        }
    )
    for network, colour in zip(networks, _COLOURS, strict=False):
        figure.add_traces(_band(network, colour))
    if target is not None:
        figure.add_hline(target, line={"dash": "dot"}, annotation_text="best hand-made network")
    return write_text(path, figure.to_html(include_plotlyjs=True))


def _band(network: Trained, colour: str) -> list[Any]:
    x, mean = (list(values) for values in zip(*network.mean_curve, strict=True))
    reached = [[accuracy for _, accuracy in points] for points in zip(*network.curves, strict=True)]
    low, high = [min(values) for values in reached], [max(values) for values in reached]
    return band(f"{network.name} (n = {len(network.curves)})", x, low, mean, high, colour)
