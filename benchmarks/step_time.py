"""Measure how well the normalized step time S repeats, alone and beside another process.

python -m benchmarks.step_time           # ten networks, ten fresh processes each, twice: 30 minutes
python -m benchmarks.step_time --itself  # the backbone against itself, which should be 1: 2 minutes
python -m benchmarks.step_time --run RUN # a search's best candidates measured again: 3 minutes
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from statistics import median

from nas.bench.measure import MeasurementRequest, SizedArchitecture, measure_in_subprocess
from nas.run_directory import open_for_reading
from nas.search.settings import SearchSettings
from results.candidate import State
from results.ranking import normalized_step_time, ranked
from reward.step_time.allocator import ALLOCATOR_SETTINGS
from reward.step_time.clocks import processor_name
from reward.step_time.measurement import normalized, robust_deviation
from search_space.architecture import Architecture
from search_space.spaces import small
from search_space.task import Task

PIXELS, BATCH_SIZE = 32, 32
TASK = Task(12, 3)
APART = 0.05  # networks whose medians differ by at least this should never change their order
WITHIN = 0.03  # the repeated S should be within this share of the recorded one
NEIGHBOUR = """
import os
import torch
torch.set_num_threads(1)
from nas.training.recipes import proxy
from nas.training.step import training_step
from search_space.network import Network
from search_space.spaces import small
network = Network(small(32).backbone, 12, 3).to(memory_format=torch.channels_last)
step = training_step(network, proxy())
images = torch.randn(32, 3, 32, 32).contiguous(memory_format=torch.channels_last)
parent = os.getppid()
print("training", flush=True)
while os.getppid() == parent:
    step(images, torch.arange(32) % 12)
"""


def main() -> None:
    """Print n, the spread and the machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--itself", action="store_true", help="measure the backbone against itself")
    parser.add_argument(
        "--run", type=Path, help="measure the best candidates of this run of nas search again"
    )
    parser.add_argument("--networks", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument(
        "--time-cap", type=float, default=4.0, help="longest measurement in seconds"
    )
    parser.add_argument(
        "--neighbours",
        type=int,
        nargs="+",
        default=[0, 1],
        help="numbers of training processes to measure beside",
    )
    parser.add_argument(
        "--best", type=int, default=6, help="number of candidates of RUN to measure again"
    )
    parser.add_argument(
        "--anew", type=int, default=3, help="number of processes that measure each of them"
    )
    options = parser.parse_args()
    print(f"{processor_name()}, {os.cpu_count()} cores")
    if options.run:
        _against_a_search(options.run, options.best, options.anew)
        return
    if options.itself:
        backbone = [small(PIXELS).backbone]
        [itself] = _measured(backbone, options.repeats, options.time_cap)
        print(f"S of the backbone itself, n = {options.repeats} processes: {_spread(itself)}")
        return
    networks = _networks(options.networks)
    for neighbours in options.neighbours:
        with _neighbours(neighbours):
            measured = _measured(networks, options.repeats, options.time_cap)
        _print_spread(
            f"beside {neighbours} training processes" if neighbours else "alone", measured
        )


def _networks(count: int) -> list[Architecture]:
    """Return this many fixed random networks of ``small``."""
    space = small(PIXELS)
    generator = random.Random(0)
    return [space.sample(generator) for _ in range(count)]


def _measured(
    networks: Sequence[Architecture], repeats: int, cap_s: float
) -> list[tuple[float, ...]]:
    """Return S of each network in every repeat, each measured in a fresh process."""
    reference = SizedArchitecture(small(PIXELS).backbone, PIXELS)
    rounds = []
    for i in range(repeats):
        requests = (
            MeasurementRequest(
                SizedArchitecture(network, PIXELS), reference, TASK, BATCH_SIZE, cap_s
            )
            for network in networks
        )
        rounds.append(
            [normalized(measure_in_subprocess(request).step_time) for request in requests]
        )
        print(f"  round {i + 1} of {repeats}", file=sys.stderr)
    return list(zip(*rounds, strict=True))


def _spread(values: Sequence[float]) -> str:
    return f"{median(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def _print_spread(name: str, measured: Sequence[Sequence[float]]) -> None:
    deviations = [robust_deviation(values) for values in measured]
    middles = [median(values) for values in measured]
    pairs = [
        (a, b)
        for a, b in combinations(range(len(measured)), 2)
        if abs(middles[a] / middles[b] - 1) >= APART
    ]
    changed = sum(
        (x > y) != (middles[a] > middles[b])
        for a, b in pairs
        for x, y in zip(measured[a], measured[b], strict=True)
    )
    print(f"{name}: {len(measured)} networks, {len(measured[0])} processes each")
    print(f"  S               {min(middles):.3f} to {max(middles):.3f}")
    print(
        f"  robust CV of S  median {100 * median(deviations):.2f} %, "
        f"{100 * min(deviations):.2f} to {100 * max(deviations):.2f} %"
    )
    print(
        f"  order changed   {changed} of {len(pairs) * len(measured[0])} times, "
        f"over {len(pairs)} pairs whose medians are {100 * APART:.0f} % apart or more"
    )


def _against_a_search(path: Path, count: int, repeats: int) -> None:
    _, record = open_for_reading(path)
    with record:
        settings = SearchSettings.from_json(record.settings())
        candidates = record.candidates()
    reference = SizedArchitecture(settings.grid.backbone, settings.image_size)
    complete = [c for c in candidates if c.state is State.COMPLETE]
    if not complete:
        raise SystemExit(f"{path}: no candidate is complete")
    shares = [c.phases_s["step_time"] / sum(c.phases_s.values()) for c in complete]
    print(
        f"share of timing in an evaluation: median {100 * median(shares):.1f} %, "
        f"{100 * min(shares):.1f} to {100 * max(shares):.1f} % (n = {len(shares)})"
    )
    errors, steady = [], []
    for _, candidate in ranked(complete, settings.objective)[:count]:
        recorded = normalized_step_time(candidate)
        assert recorded is not None
        assert candidate.step_time is not None
        unsteady = candidate.step_time.unsteady
        image_size = candidate.image_size or settings.image_size
        sized = SizedArchitecture(candidate.architecture, image_size)
        request = MeasurementRequest(sized, reference, settings.task, settings.batch_size)
        again = [normalized(measure_in_subprocess(request).step_time) for _ in range(repeats)]
        errors.append(recorded / median(again) - 1)
        steady += [] if unsteady else errors[-1:]
        print(
            f"candidate {candidate.number}: S {recorded:.3f} in the search, "
            f"again {_spread(again)}, {100 * errors[-1]:+.1f} %"
            f"{f' (unsteady: {unsteady})' if unsteady else ''}",
            flush=True,
        )
    print(f"S in the search relative to S again (n = {repeats} each): {_within(errors)}")
    if len(steady) < len(errors):
        print(f"without those marked as unsteady: {_within(steady)}")


def _within(errors: Sequence[float]) -> str:
    if not errors:
        return "none"
    within = sum(abs(error) <= WITHIN for error in errors)
    return (
        f"median {100 * median(errors):+.1f} %, {100 * min(errors):+.1f} to "
        f"{100 * max(errors):+.1f} %, {within} of {len(errors)} within {100 * WITHIN:.0f} %"
    )


@contextmanager
def _neighbours(count: int) -> Iterator[None]:
    environment = {**os.environ, **ALLOCATOR_SETTINGS}
    started = [
        subprocess.Popen([sys.executable, "-c", NEIGHBOUR], env=environment, stdout=subprocess.PIPE)
        for _ in range(count)
    ]
    try:
        for process in started:
            assert process.stdout is not None
            process.stdout.readline()  # wait until it trains
        yield
        assert all(process.poll() is None for process in started), "the neighbour ended early"
    finally:
        for process in started:
            process.kill()
            process.wait()


if __name__ == "__main__":
    main()
