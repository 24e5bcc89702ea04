"""How many candidates train on one GPU, and what Ray reserves for each."""

from __future__ import annotations

import pytest
import torch

from nas.cluster import Cluster, assigned_device
from nas.search.sharing import Probe, at_once
from tests.nas.conftest import Refusal

GB = 10**9


@pytest.mark.parametrize(
    ("free_gb", "worker_gb", "busy", "sharers"),
    [
        (80, 2, 0.09, 8),  # small at 32 px on an H100
        (80, 2, 0.24, 4),
        (80, 2, 0.5, 2),
        (80, 2, 0.66, 2),
        (80, 2, 0.7, 1),
        (80, 2, 1.0, 1),
        (16, 5, 0.1, 2),  # 14.4 GB hold two
        (16, 15, 0.1, 1),
        (8, 9, 0.1, 1),  # not even one fits: micro-batches may
        (80, 2, None, 4),  # memory alone
        (16, 5, None, 2),
        (80, 2, 0.0, 8),
    ],
)
def test_the_number_follows_from_memory_and_busy_share(
    free_gb: float, worker_gb: float, busy: float | None, sharers: int
) -> None:
    found = Probe(int(free_gb * GB), int(worker_gb * GB), busy)
    assert found.sharers == sharers


def test_the_reason_is_said() -> None:
    assert str(Probe(80 * GB, 2 * GB, 0.24)) == (
        "its memory holds 36, and the backbone's step keeps it busy for 24 %"
    )
    assert "not known" in str(Probe(80 * GB, 2 * GB, None))


@pytest.mark.parametrize("per_gpu", range(1, 9))
def test_the_shares_of_a_gpu_fill_it_and_no_more(per_gpu: int) -> None:
    cluster = Cluster(2, 64, True, per_gpu=per_gpu)
    assert cluster.capacity == 2 * per_gpu
    assert 1 - 0.001 < per_gpu * cluster.gpu_share <= 1
    assert cluster.gpu_share == round(cluster.gpu_share, 4), "in Ray's steps"


def test_each_worker_needs_a_core_too() -> None:
    cluster = Cluster(1, 3, True, per_gpu=8)
    assert cluster.capacity == 3
    assert cluster.lacks_cores
    says = "there is 1 GPU, for 8 workers each, which need a core each, and there are 3 cores"
    assert cluster.room() == says
    assert not Cluster(1, 8, True, per_gpu=8).lacks_cores
    assert Cluster(4, 4, False).gpu_share == 0


@pytest.mark.parametrize(
    ("per_gpu", "workers", "gpus", "sharers"),
    [(4, 8, 2, 4), (4, 2, 2, 1), (4, 3, 2, 2), (1, 2, 2, 1)],
)
def test_fewer_workers_are_spread_over_all_gpus(
    per_gpu: int, workers: int, gpus: int, sharers: int
) -> None:
    assert at_once(per_gpu, workers, gpus) == sharers


def test_a_worker_without_a_gpu_of_ray_trains_on_the_cpu_whatever_its_machine_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[int] = []
    monkeypatch.setattr("nas.cluster.ray.get_gpu_ids", lambda: given)
    monkeypatch.setattr("nas.cluster.training_device", lambda: torch.device("cuda"))
    assert assigned_device() == torch.device("cpu")
    given.append(0)
    assert assigned_device() == torch.device("cuda")


@pytest.mark.parametrize("value", ["0", "9", "most"])
def test_a_number_that_cannot_be_is_refused(refusal: Refusal, value: str) -> None:
    message = refusal("search", "--per-gpu", value)
    assert message.startswith(
        f"--per-gpu: got '{value}', must be a whole number, from 1 to 8, or auto"
    )


def test_one_process_shares_with_nobody(refusal: Refusal) -> None:
    message = refusal("search", "--in-process", "--per-gpu", "auto")
    assert message == "--per-gpu: got auto, must be 1 with --in-process"
