"""Batches that are read ahead of training, on the CPU; tests/pretend_cuda has those of a GPU."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence

import pytest
import torch
from torch import Tensor

from nas.data.read_ahead import gather_from, read_ahead

CPU = torch.device("cpu")


def _read(
    pixels: Tensor, parts: Sequence[Tensor], device: torch.device, **options: int
) -> Generator[Tensor, None, None]:
    return read_ahead(gather_from(pixels), pixels.shape[1:], parts, device, **options)


@pytest.mark.parametrize("readers", [1, 2, 4])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 9])
def test_reading_ahead_gives_every_batch_in_order(count: int, readers: int) -> None:
    pixels = torch.arange(40, dtype=torch.uint8).view(40, 1, 1, 1)
    parts = [torch.tensor([3 * i, 39 - i]) for i in range(count)]
    batches = list(_read(pixels, parts, CPU, ahead=3, readers=readers))
    assert [batch.flatten().tolist() for batch in batches] == [part.tolist() for part in parts]


def test_reading_ahead_may_be_left_early_and_raises_what_reading_raises() -> None:
    pixels = torch.zeros(4, 1, 1, 1, dtype=torch.uint8)
    batches = _read(pixels, [torch.tensor([0])] * 50, CPU)
    next(batches)
    batches.close()
    assert not [thread for thread in threading.enumerate() if "read-ahead" in thread.name]
    with pytest.raises(IndexError):
        list(_read(pixels, [torch.tensor([9])], CPU))


@pytest.mark.gpu
def test_on_a_gpu_that_is_behind_no_batch_is_overwritten() -> None:
    """The pretend device copies at once, so that only a real one can show this."""
    device = torch.device("cuda")
    pixels = torch.randint(256, (3000, 3, 32, 32), dtype=torch.uint8)
    parts = torch.split(torch.randperm(len(pixels)), 100)
    sums = torch.zeros(len(parts), 100, dtype=torch.int64, device=device)
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for i, batch in enumerate(_read(pixels, parts, device)):
            torch.cuda._sleep(20_000_000)  # type: ignore[no-untyped-call]  # some 10 ms
            sums[i] = batch.sum((1, 2, 3))
    finally:
        torch.cuda.set_sync_debug_mode("default")
    expected = pixels.sum((1, 2, 3))
    assert torch.equal(sums.cpu(), torch.stack([expected[part] for part in parts]))
