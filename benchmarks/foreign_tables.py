"""Samplers on tables that others recorded, and their conversion for ``nas replay``.

python -m benchmarks.foreign_tables nas-bench-macro JSON [--out FOLDER] [--repeats 20]
python -m benchmarks.foreign_tables accel-nas-bench CSV [--training proxy] [--out FOLDER]

JSON is nas-bench-macro_cifar10.json of github.com/xiusu/NAS-Bench-Macro (arXiv 2103.11922,
Apache-2.0): 6,561 networks of eight layers, each the identity or one of two MBConv, trained on
CIFAR-10 with three seeds. CSV are the 117 networks of github.com/afzalxo/Accel-NASBench
(Apache-2.0), trained on ImageNet in full or by a proxy.

A table becomes TABLE.csv and TABLE.yaml in FOLDER, which ``nas replay`` reads:

nas replay TABLE.csv --space TABLE.yaml --import benchmarks.foreign_tables --cost multiply_adds

Then each sampler searches until its best network is as good as random search's best of ``--budget``
is expected to be. It prints the trainings that takes, with their 95 % interval.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import nn

from nas.imports import import_modules
from nas.replay.foreign import ForeignTable, read_foreign
from nas.replay.replay import Replay, Trace, cost
from nas.search.samplers.registry import SAMPLERS
from results.best_of import expected_best
from results.ranking import recorded_objective, reward
from reward.step_time.clocks import device_name
from search_space.architecture import Block
from search_space.modules import convolution, inverted_bottleneck

Row = dict[str, str | int | float]

MACRO_OPERATORS = ("identity", "mb3_k3", "mb6_k5")  # by the digit of a layer
MACRO_STAGES = ((64, 2), (64, 1), (128, 2), (128, 1), (128, 1), (256, 2), (256, 1), (256, 1))
ACCEL_LAYERS = (3, 3, 3, 3, 3, 4, 3)  # at most, by stage


def identity(block: Block) -> nn.Module:
    """Build nothing, or a 1x1 convolution where the shape changes, as NAS-Bench-Macro does.

    It is for counting parameters. A network with it would add its input to itself, as this library
    puts a residual connection around each layer that keeps the shape.
    """
    if block.is_residual:
        return nn.Identity()
    return nn.Sequential(*convolution(block.in_channels, block.out_channels, 1, block.stride))


def mb3_k3(block: Block) -> nn.Module:
    """Build MBConv with expansion 3 and kernel 3."""
    return inverted_bottleneck(replace(block, hidden_channels=3 * block.in_channels), 3)


def mb6_k5(block: Block) -> nn.Module:
    """Build MBConv with expansion 6 and kernel 5."""
    return inverted_bottleneck(replace(block, hidden_channels=6 * block.in_channels), 5)


def nas_bench_macro(path: Path) -> tuple[list[Row], dict[str, Any]]:
    """Return rows and space of NAS-Bench-Macro: each layer is a stage that chooses its operator.

    Layers cannot be left out as stages with 0 layers can, since several have one shape.
    """
    names = [f"benchmarks.foreign_tables:{name}" for name in MACRO_OPERATORS]
    stages = [
        {
            "operator": names[2], "kernel": 5, "stride": stride, "expansion": 6,
            "channels": channels, "layers": 1, "activation": "relu",
        }
        for channels, stride in MACRO_STAGES
    ]  # fmt: skip
    space = {
        "name": "nas-bench-macro",
        "backbone": {
            "stem_channels": 32,
            "stem_stride": 1,
            "head_channels": 1280,
            "stages": stages,
        },
        "choices": {"operator": names, "kernel": [5], "expansion": [6]},
        "stages": [{"layers": [1]} for _ in stages],
    }
    rows: list[Row] = [
        {
            **{f"stage{i}.operator": names[int(digit)] for i, digit in enumerate(digits, 1)},
            **{f"accuracy_{i}": seed / 100 for i, seed in enumerate(found["test_acc"], 1)},
            "parameters": found["params"],
            "multiply_adds": found["flops"],
        }
        for digits, found in json.loads(path.read_text()).items()
    ]
    return rows, space


def accel_nas_bench(path: Path, training: str) -> tuple[list[Row], dict[str, Any]]:
    """Return rows and space of Accel-NASBench's networks, by their full or proxy training.

    ``train_time_s`` is the mean over the seeds. The networks are EfficientNet-B0's in channels and
    strides.
    """
    networks: dict[tuple[str, ...], list[Mapping[str, str]]] = defaultdict(list)
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            if row["training"] == training:
                choices = tuple(value for name, value in row.items() if name.startswith("stage"))
                networks[choices].append(row)
    space = {
        "name": "accel-nas-bench",
        "backbone": "efficientnet-b0",
        "choices": {
            "operator": ["mbconv"],
            "kernel": [3, 5],
            "expansion": [1, 4, 6],
            "se_ratio": [0, 0.25],
        },
        "stages": [{"layers": list(range(1, most + 1))} for most in ACCEL_LAYERS],
    }
    return [_accel_row(seeds) for seeds in networks.values()], space


def _accel_row(seeds: list[Mapping[str, str]]) -> Row:
    first = seeds[0]
    row: Row = {}
    for i in range(1, len(ACCEL_LAYERS) + 1):
        for choice in ("kernel", "expansion", "layers"):
            row[f"stage{i}.{choice}"] = int(first[f"stage{i}_{choice}"])
        row[f"stage{i}.se_ratio"] = 0.25 if first[f"stage{i}_se"] == "True" else 0
    accuracies = {
        f"accuracy_{i}": float(seed["accuracy_top1"]) / 100 for i, seed in enumerate(seeds, 1)
    }
    return {
        **row,
        **accuracies,
        "parameters": round(1e6 * float(first["parameters_m"])),
        "multiply_adds": round(1e6 * float(first["multiply_adds_m"])),
        "train_time_s": fmean(float(seed["train_time_s"]) for seed in seeds),
    }


def write(folder: Path, rows: list[Row], space: Mapping[str, Any]) -> tuple[Path, Path]:
    """Write the table in CSV and the space in YAML, which JSON is, too; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    table, of_space = (folder / f"{space['name']}.{ending}" for ending in ("csv", "yaml"))
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    of_space.write_text(json.dumps(space, indent=2))
    return table, of_space


def main() -> None:
    """Convert a table, and print what each sampler needs on it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("table", choices=["nas-bench-macro", "accel-nas-bench"])
    parser.add_argument("file", type=Path)
    parser.add_argument("--training", choices=["full", "proxy"], default="full")
    parser.add_argument("--out", type=Path, metavar="FOLDER")
    parser.add_argument("--cost", default="multiply_adds", metavar="COLUMN")
    parser.add_argument("--repeats", type=int, default=20, metavar="N")
    parser.add_argument("--budget", type=int, default=500, metavar="N")
    parser.add_argument("--samplers", nargs="*", default=list(SAMPLERS), metavar="S")
    options = parser.parse_args()
    torch.set_num_threads(1)
    import_modules(("benchmarks.foreign_tables",))  # its operators; this one runs as __main__
    is_macro = options.table == "nas-bench-macro"
    rows, space = (
        nas_bench_macro(options.file)
        if is_macro
        else accel_nas_bench(options.file, options.training)
    )
    with TemporaryDirectory() as temporary:
        folder = options.out or Path(temporary)
        _replay(*write(folder, rows, space), options)


def _replay(path: Path, space: Path, options: argparse.Namespace) -> None:
    table = read_foreign(path, ForeignTable(str(space), options.cost))
    objective = recorded_objective(table.settings)
    rewards = [reward(candidate, objective) or 0.0 for candidate in table.candidates]
    budget = min(options.budget, len(rewards) // 2)
    target = expected_best(rewards, budget)
    print(f"{device_name(torch.device('cpu'))}, {os.cpu_count()} cores, {options.repeats} repeats")
    for note in table.notes:
        print(note)
    print(
        f"{len(rewards)} networks, random search's best of {budget} is {target:.4f} on average, "
        f"{sum(value >= target for value in rewards)} networks reach that, "
        f"the best {max(rewards):.4f}"
    )
    replay = Replay(table, objective)
    for sampler in options.samplers:
        began = time.monotonic()
        traces = [
            replay.run(sampler, seed, len(rewards), target=target)
            for seed in range(options.repeats)
        ]
        _print_line(sampler, traces, target, time.monotonic() - began)


def _print_line(sampler: str, traces: Iterable[Trace], target: float, seconds: float) -> None:
    every = list(traces)
    spent = cost(every, target)
    low, high = spent.interval or (math.nan, math.nan)
    candidates = sum(len(trace.epochs) for trace in every)
    print(
        f"{sampler:10} {spent.median:6.0f} trainings ({low:.0f} to {high:.0f}), n = {len(every)}, "
        f"{1000 * seconds / candidates:.0f} ms a proposal",
        flush=True,
    )


if __name__ == "__main__":
    main()
