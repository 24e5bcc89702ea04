"""The memory that a worker needs, against what was measured, and the number of workers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from nas.cluster import Cluster, Machine
from nas.data.split import SearchData, Split
from nas.search.settings import SearchSettings
from nas.search.worker_memory import (
    _kept_bytes,
    _largest_points,
    worker_count,
    worker_memory,
)
from scaling.coefficient_grid import CoefficientGrid
from scaling.scaled import Base, ImageSizes
from search_space.architecture import Stage
from search_space.operators import OPERATORS
from search_space.space import Space
from search_space.space_file import write_space
from search_space.spaces import medium, small

GB = 10**9


def data(size: int, count: int = 1000, channels: int = 3) -> SearchData:
    """Return black images of a size, as many in the minival as in the training set."""
    split = Split(np.zeros((count, channels, size, size), np.uint8), np.zeros(count, np.int64))
    return SearchData("black", 10, split, split)


def settings(space: Space, size: int, batch_size: int, channels: int = 3) -> SearchSettings:
    """Return the settings of a search in a space."""
    return SearchSettings(
        data="black",
        data_fingerprint="",
        image_size=size,
        classes=10,
        in_channels=channels,
        space=write_space(space),
        sampler="random",
        seed=0,
        budget=1,
        max_failures=1,
        epochs=1,
        batch_size=batch_size,
        time_limit_s=1.0,
    )


@pytest.mark.parametrize(
    ("space", "size", "batch_size", "peak_gb"),  # the peaks in worker_memory's docstring
    [
        (small(8), 8, 64, 0.59),
        (small(32), 32, 64, 1.03),
        (small(64), 64, 128, 3.20),
        (medium(), 96, 32, 3.56),
    ],
)
def test_the_estimate_is_near_what_was_measured(
    space: Space, size: int, batch_size: int, peak_gb: float
) -> None:
    estimate = worker_memory(settings(space, size, batch_size), data(size))
    assert estimate / GB == pytest.approx(peak_gb, rel=0.3)


def test_what_a_forward_pass_keeps_is_counted_without_weights() -> None:
    network = nn.Sequential(nn.Linear(4, 8), nn.SiLU(), nn.Linear(8, 2))
    # The inputs of both layers, and what SiLU takes; its result is the second layer's input.
    assert _kept_bytes(network, torch.zeros(2, 4)) == (4 + 8 + 8) * 4


def test_the_estimate_leaves_torchs_threads_as_they_were(tiny_space: Space) -> None:
    before = torch.get_num_threads()
    worker_memory(settings(tiny_space, 8, 8), data(8))
    assert torch.get_num_threads() == before


def test_a_batch_has_no_more_images_than_there_are(tiny_space: Space) -> None:
    few = worker_memory(settings(tiny_space, 64, 10_000), data(64, count=4))
    assert few == worker_memory(settings(tiny_space, 64, 4), data(64, count=4))


def test_images_that_are_mapped_take_no_memory(tiny_space: Space, tmp_path: Path) -> None:
    of_arrays = data(64, count=50)
    mapped = np.memmap(tmp_path / "pixels", np.uint8, "w+", shape=(50, 3, 64, 64))
    split = Split(mapped, of_arrays.training.labels)
    of_files = replace(of_arrays, training=split, minival=split)
    search = settings(tiny_space, 64, 8)
    assert worker_memory(search, of_arrays) - worker_memory(search, of_files) == 2 * mapped.nbytes


def test_a_larger_network_to_start_from_counts(tiny_space: Space) -> None:
    search = settings(tiny_space, 64, 64)
    larger = replace(search, start_from=[medium().backbone.to_json()])
    assert worker_memory(larger, data(64)) > 1.5 * worker_memory(search, data(64))


def test_an_operator_of_the_users_own_is_left_to_the_workers(
    tiny_space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[object] = []

    def own(block: object) -> nn.Module:
        calls.append(block)
        raise KeyError(block)

    search = settings(tiny_space, 64, 64)
    estimate = worker_memory(search, data(64))
    for name in list(OPERATORS):
        monkeypatch.setitem(OPERATORS, name, own)
    assert worker_memory(search, data(64)) < estimate
    assert not calls


def test_the_largest_of_a_space_have_one_operator_each_and_the_most_of_all_else() -> None:
    networks = [small().decode(point) for point in _largest_points(small())]
    assert [{stage.operator for stage in each.stages} for each in networks] == [
        {"fused_mbconv"},
        {"mbconv"},
    ]
    last = Stage("mbconv", 5, 1, 6, 64, 3, 0.25)
    assert networks[1].stages[-1] == last
    assert [stage.layers for stage in networks[1].stages] == [2, 3, 3, 3]


def test_the_largest_of_a_grid_of_coefficients_grows_mostly_in_pixels() -> None:
    base = Base("base", small().backbone, ImageSizes(64, 64))
    (point,) = _largest_points(CoefficientGrid(base))
    assert point["beta"] == 1  # width costs its square in multiply-adds, and not in results


class Declared(Cluster):
    """A cluster whose machines declare what a test says."""

    def __init__(self, *machines: Machine, gpus: int = 0) -> None:
        cores = sum(machine.cores for machine in machines)
        super().__init__(gpus or cores, cores, gpus > 0)
        self._machines = list(machines)

    def machines(self) -> list[Machine]:
        return self._machines


@pytest.mark.parametrize(
    ("wanted", "machines", "count", "said"),
    [
        (32, [Machine(32, 64 * GB)], 21, "--workers: got 32, but each needs up to 3 GB of memory, "
         "of which 64 GB are available; running 21"),
        (None, [Machine(32, 64 * GB)], 21, "running 21 of 32 workers: each needs up to 3 GB of "
         "memory, of which 64 GB are available"),
        (20, [Machine(32, 64 * GB)], 20, None),
        (None, [Machine(8, 64 * GB)], 8, None),
        (9, [Machine(8, 64 * GB)], 8, "--workers: got 9, but there are 8 cores; running 8"),
        (2, [Machine(1, 64 * GB)], 1, "--workers: got 2, but there is 1 core; running 1"),
        # Memory of one machine is of no use to another.
        (6, [Machine(4, 5 * GB), Machine(4, 11 * GB)], 4, "--workers: got 6, but each needs up to "
         "3 GB of memory, of which 16 GB are available; running 4"),
        (32, [Machine(32, 0)], 32, None),  # not declared
    ],
)  # fmt: skip
def test_workers_are_as_many_as_cores_and_memory_hold(
    wanted: int | None, machines: list[Machine], count: int, said: str | None
) -> None:
    cluster = Declared(*machines)
    assert worker_count(wanted, cluster, 3 * GB) == (count, said)
    assert cluster.worker_memory == (3 * GB if machines[0].memory else None)


def test_where_the_memory_holds_no_worker_one_is_tried_without_reserving_it() -> None:
    cluster = Declared(Machine(4, 2 * GB))
    assert worker_count(None, cluster, 3 * GB) == (
        1,
        "running 1 of 4 workers: each needs up to 3 GB of memory, of which 2 GB are available",
    )
    assert cluster.worker_memory is None


def test_workers_on_gpus_are_not_limited_by_memory() -> None:
    cluster = Declared(Machine(16, GB), gpus=4)
    assert worker_count(None, cluster, None) == (4, None)
    assert worker_count(5, cluster, None)[1] == "--workers: got 5, but there are 4 GPUs; running 4"
    assert cluster.worker_memory is None
