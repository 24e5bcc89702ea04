"""The memory that a worker of a search needs on a CPU, and how many workers there is room for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from nas.data.cache.directory import in_units
from nas.data.split import SearchData
from nas.devices import one_thread
from nas.search.settings import SearchSettings
from search_space.architecture import Architecture
from search_space.choices import Option
from search_space.network import Network
from search_space.operators import OPERATORS, mbconv
from search_space.space import Grid, Point, Space
from search_space.task import Task

if TYPE_CHECKING:
    from nas.cluster import Cluster  # with Ray, which not every search needs

_BASE_BYTES = 650_000_000  # Python, torch, and Ray, before the first training step
_OVERHEAD = 1.5  # a network's share of oneDNN's buffers and of gaps in the heap
_COPIES_OF_WEIGHTS = 5  # weights, gradients, AdamW's two moments, the average
_SMALL = 64  # pixels, at which two images take milliseconds
_FEWEST_IMAGES = 2  # that batch normalisation of one pixel accepts


def worker_memory(settings: SearchSettings, data: SearchData) -> int:
    """Estimate the bytes that a worker on a CPU needs at most, the images included.

    A training step keeps the results of most layers for its backward pass: 1.7 GB for the largest
    network of the space ``small`` at 64 px and a batch of 128. The heap of a worker never shrinks,
    for the sake of step times (``ALLOCATOR_SETTINGS``), so the largest network decides:

        650 MB + images + 1.5 * (results kept + 5 * weights)

    Networks with an operator of the user's own are left out.

    The estimate against the highest resident memory of a worker that trained, among others, the
    largest networks (AMD EPYC, torch 2.13):

    ======  ======  =====  ========  ========
    space   pixels  batch  estimate  measured
    ======  ======  =====  ========  ========
    small        8     64   0.76 GB   0.59 GB
    small       32     64   0.99 GB   1.03 GB
    small       64    128   3.25 GB   3.20 GB
    medium      96     32   3.72 GB   3.56 GB
    ======  ======  =====  ========  ========
    """
    batch = min(settings.batch_size, len(data.training))
    with one_thread():
        sizes = (
            _training_bytes(architecture, size, settings.task, batch)
            for architecture, size in _largest(settings)
            if _is_of_our_operators(architecture)
        )
        step = max(sizes, default=0)
    return _BASE_BYTES + _copied_bytes(data) + int(_OVERHEAD * step)


def worker_count(
    wanted: int | None, cluster: Cluster, needed: int | None
) -> tuple[int, str | None]:
    """Return how many workers to run, and why they are fewer than wanted, in one line.

    By default there is one for each GPU, share of a GPU, or core. Each needs so many bytes of
    memory, which Ray then reserves for it; None, or a cluster that declares no memory, does not
    limit them.
    """
    count, why = cluster.capacity, cluster.room()
    if wanted is not None and wanted <= count:
        count, why = wanted, ""
    if needed is not None:
        count, why = _within_memory(count, why, cluster, needed)
    if wanted is not None and count < wanted:
        return count, f"--workers: got {wanted}, but {why}; running {count}"
    if wanted is None and count < cluster.capacity:
        return count, f"running {count} of {cluster.capacity} workers: {why}"
    return count, None


def _within_memory(count: int, why: str, cluster: Cluster, needed: int) -> tuple[int, str]:
    """Reserve memory for the workers; return how many it holds, at least 1, and why no more."""
    machines = cluster.machines()
    declared = sum(machine.memory for machine in machines)
    if not declared:
        return count, why
    room = sum(min(machine.cores, machine.memory // needed) for machine in machines)
    cluster.worker_memory = needed if room else None  # where none fits, one is tried
    if room >= count:
        return count, why
    units = in_units(needed), in_units(declared)
    return max(1, room), "each needs up to {} of memory, of which {} are available".format(*units)


def _copied_bytes(data: SearchData) -> int:
    """Return the bytes of images that each worker has a copy of: those that are not mapped."""
    pixels = (data.training.pixels, data.minival.pixels)
    return sum(each.nbytes for each in pixels if not isinstance(each, np.memmap))


def _largest(settings: SearchSettings) -> Iterator[tuple[Architecture, int]]:
    """Yield the networks of which one needs the most memory, and their image sizes in pixels.

    They are the backbone, those to start from, and the largest of the grid.
    """
    grid = settings.grid
    size = settings.image_size if settings.comparison is None else settings.data_size
    for architecture in (grid.backbone, *settings.starts):
        yield architecture, size
    for point in _largest_points(grid):
        yield grid.decode(point), grid.image_size(point) or size


def _is_of_our_operators(architecture: Architecture) -> bool:
    """Return whether a network can be built here without fear.

    An operator of the user's own is left to the workers: it could end this process.
    """
    ours = mbconv.__module__.partition(".")[0]
    return all(
        stage.operator in OPERATORS
        and OPERATORS[stage.operator].__module__.partition(".")[0] == ours
        for stage in architecture.stages
    )


def _largest_points(grid: Grid) -> list[Point]:
    """Return the points that keep the most results or weights.

    Of a space they are, for each operator, the one with it in all stages, and with the most layers
    and the largest kernels and expansions.
    """
    options = grid.options()
    if not isinstance(grid, Space):
        points = (grid.at(i) for i in range(grid.grid_size))
        return [max(points, key=_growth)]
    operators = {operator for choices in grid.choices for operator in choices.operator}
    return [
        {
            name: operator if operator in values else max(values, key=_costliness)
            for name, values in options.items()
        }
        for operator in sorted(operators)
    ]


def _costliness(option: Option) -> tuple[bool, Any]:
    """Return what orders options by memory: a ReLU keeps less than any other activation."""
    return not str(option).startswith("relu"), option


def _growth(point: Point) -> float:
    """Return the factor of a point of coefficients on the results of a network's layers."""
    alpha, beta, gamma = (float(point[name]) for name in ("alpha", "beta", "gamma"))
    return alpha * beta * gamma**2


def _training_bytes(architecture: Architecture, size: int, task: Task, batch: int) -> int:
    """Return the bytes of the weights in all their forms, and of what a training step keeps.

    A network that cannot be built counts as 0 bytes: its evaluation will say why.
    """
    # On meta nothing is computed, which not all operators allow. Its first use takes a second.
    for device in ("cpu",) if size <= _SMALL else ("meta", "cpu"):
        with suppress(Exception), torch.device(device):
            network = Network(architecture, task.classes, task.in_channels)
            images = torch.zeros(_FEWEST_IMAGES, task.in_channels, size, size)
            weights = sum(weight.nbytes for weight in network.parameters())
            return _COPIES_OF_WEIGHTS * weights + batch * _kept_bytes(network, images)
    return 0


def _kept_bytes(network: nn.Module, images: Tensor) -> int:
    """Return the bytes that the forward pass of one image keeps for the backward pass."""
    weights = {_storage_id(each) for each in (*network.parameters(), *network.buffers())}
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[_storage_id(tensor)] = tensor.untyped_storage()
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        network.train()(images)
    return sum(each.nbytes() for key, each in kept.items() if key not in weights) // len(images)


def _storage_id(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)
