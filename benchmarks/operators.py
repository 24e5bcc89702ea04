"""Count the operators that the host starts in a training step on a GPU, for every preset.

python -m benchmarks.operators

It needs no GPU: it counts on the pretend device of the tests, compiled with g++. A replay of a CUDA
graph is one operator of the host, whatever is in it. On a GPU, one operator over many tensors is a
few launches where the pretend device counts one for each tensor, so that there are fewer yet.
"""

from __future__ import annotations

from tests.pretend_cuda.device import Counts, counts

# isort: split
# The device comes before torch.
import argparse
from dataclasses import replace

import torch

from nas.training.loop import Training
from nas.training.recipes import PRESETS, Recipe
from reward.step_time.clocks import to_channels_last
from search_space.network import Network
from search_space.spaces import small
from tests.nas.training.networks import noise
from tests.pretend_cuda.graphs import PretendGraph

CUDA = torch.device("cuda")
IMAGES, BATCH_SIZE, IMAGE_SIZE, CLASSES = 64, 8, 32, 4


class CountedGraph(PretendGraph):
    """A graph that counts its operators and replays."""

    operators = 0
    all_replays = 0

    def replay(self) -> None:
        """Replay, and count."""
        before = counts().operators
        super().replay()
        CountedGraph.operators += counts().operators - before
        CountedGraph.all_replays += 1


def main() -> None:
    """Print a line for each preset, and one for mixup."""
    argparse.ArgumentParser(description=__doc__.partition("\n")[0]).parse_args()
    torch.cuda.CUDAGraph = CountedGraph  # type: ignore[assignment, misc]
    recipes = {name: make(IMAGES, 2, BATCH_SIZE) for name, make in PRESETS.items()}
    recipes["proxy with mixup"] = replace(recipes["proxy"], mixup_alpha=0.2)
    print(f"small's backbone at {IMAGE_SIZE} px, a step of the second epoch")
    print(f"{'preset':20}{'by the host':>12}{'in graphs':>11}{'waits':>7}")
    for name, recipe in recipes.items():
        counted, in_graphs, replays = _step(recipe)
        by_host = counted.operators - in_graphs + replays
        print(f"{name:20}{by_host:12}{in_graphs:11}{counted.waits:7}", flush=True)


def _step(recipe: Recipe) -> tuple[Counts, int, int]:
    """Return the counts of a late step: all, the operators in graphs, and the graphs' replays."""
    seen: list[tuple[Counts, int, int]] = []
    images = noise(IMAGES, IMAGE_SIZE, CUDA, CLASSES)
    torch.manual_seed(0)
    network = Network(small(IMAGE_SIZE).backbone, CLASSES, 3, dropout=0.0, survival=1.0)
    training = Training(
        to_channels_last(network, CUDA),
        images,
        images,
        recipe,
        seed=0,
        on_step=lambda step, count: seen.append(
            (counts(), CountedGraph.operators, CountedGraph.all_replays)
        ),
    )
    list(training.epochs())
    before, after = seen[-3:-1]
    return after[0] - before[0], after[1] - before[1], after[2] - before[2]


if __name__ == "__main__":
    main()
