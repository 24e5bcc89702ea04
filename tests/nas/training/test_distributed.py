"""Training of one network by several processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from nas.training.distributed import World, set_seed

ROOT = Path(__file__).parents[3]


def test_shares_make_up_every_batch() -> None:
    order = torch.randperm(50, generator=torch.Generator().manual_seed(0))
    shares = [World(rank, 3).shard(order, 16) for rank in range(3)]
    assert [batch_size for _, batch_size in shares] == [5, 5, 5]
    for batch in range(3):
        parts = torch.cat([share[5 * batch : 5 * batch + 5] for share, _ in shares])
        assert sorted(parts.tolist()) == sorted(order[16 * batch : 16 * batch + 15].tolist())
    assert {len(share) for share, _ in shares} == {15}


def test_one_process_takes_all_in_order() -> None:
    order = torch.arange(10)
    share, batch_size = World().shard(order, 4)
    assert (share.tolist(), batch_size) == (list(range(8)), 4)


def test_a_batch_smaller_than_the_processes() -> None:
    with pytest.raises(ValueError, match="got 2 for 3 processes"):
        World(0, 3).shard(torch.arange(10), 2)


def test_epochs_processes_and_seeds_have_generators_of_their_own() -> None:
    def drawn(seed: int, epoch: int, rank: int) -> float:
        set_seed(seed, epoch, rank)
        return float(torch.rand(()))

    cases = [(s, e, r) for s in (0, 1, 2**63 - 1) for e in (0, 1, 349) for r in (0, 1, 7)]
    assert len({drawn(*case) for case in cases}) == len(cases)
    assert drawn(1, 2, 3) == drawn(1, 2, 3)


def test_two_processes_train_as_one(tmp_path: Path) -> None:
    """The network has no batch normalisation, so the gradients are the same as in one process."""
    (one,) = _outcomes(tmp_path, 1)
    both = _outcomes(tmp_path, 2)
    assert both[0]["epochs"] == both[1]["epochs"]
    for (loss, accuracy, images), (both_loss, both_accuracy, both_images) in zip(
        one["epochs"], both[0]["epochs"], strict=True
    ):
        assert both_loss == pytest.approx(loss, rel=1e-5)
        assert (both_accuracy, both_images) == (accuracy, images)
    for name, weights in one["network"].items():
        if name != "seen":  # each process sees a share
            assert torch.allclose(both[0]["network"][name], weights, atol=1e-5), name
    for name, average in both[0]["average"].items():
        assert torch.equal(both[1]["average"][name], average), name
    for key in ("values", "effective_images"):
        assert both[0][key] == both[1][key], key
    assert both[0]["values"] == pytest.approx(one["values"], rel=1e-4)
    assert one["effective_images"][0] is None  # accuracy is a share, whose noise is known
    assert both[0]["effective_images"][1:] == pytest.approx(one["effective_images"][1:], rel=1e-2)
    assert [each["is_refused"] for each in (one, *both)] == [True] * 3


def _outcomes(folder: Path, size: int) -> list[dict[str, Any]]:
    files = [folder / f"{size}-{rank}.pt" for rank in range(size)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.nas.training.two_processes"]
    meeting = str(folder / f"meeting-{size}")
    processes = [
        subprocess.Popen(
            [*command, str(rank), str(size), meeting, str(files[rank])], cwd=ROOT, env=environment
        )
        for rank in range(size)
    ]
    assert [process.wait(timeout=300) for process in processes] == [0] * size
    return [torch.load(file, weights_only=True) for file in files]
