"""Images on a GPU: which are copied to it, and batches that no step waits for."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from nas.data.images import images_on_device
from nas.data.load import load_training_data
from nas.data.read_ahead import copied, gather_from, read_ahead
from nas.data.split import SearchData, Split, Statistics
from tests.nas.data.pictures import class_folders
from tests.pretend_cuda.device import Counts, counts, memory_limit

GPU = torch.device("cuda", 0)
MIB = 2**20
STATISTICS = Statistics((1.0, 2.0, 3.0), (10.0, 20.0, 30.0))


def _pixels(count: int, size: int = 32) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (count, 3, size, size), np.uint8)


def _data(training: NDArray[np.uint8], minival: NDArray[np.uint8]) -> SearchData:
    return SearchData("some", 3, _split(training), _split(minival), statistics=STATISTICS)


def _split(pixels: NDArray[np.uint8]) -> Split:
    return Split(pixels, np.arange(len(pixels)) % 3)


def _mapped(path: Path, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    pixels.tofile(path)
    return np.memmap(path, np.uint8, "r", shape=pixels.shape)


def _read(
    pixels: Tensor, parts: Sequence[Tensor], device: torch.device, **options: int
) -> Generator[Tensor, None, None]:
    return read_ahead(gather_from(pixels), pixels.shape[1:], parts, device, **options)


@pytest.mark.parametrize("is_mapped", [False, True])
@pytest.mark.parametrize(
    ("limit", "sharers", "stays"),
    [
        (32 * MIB, 1, False),  # both splits take 5.9 MiB, less than a quarter
        (16 * MIB, 1, True),
        (32 * MIB, 2, True),
        (64 * MIB, 2, False),
    ],
)
def test_images_stay_on_the_host_if_both_splits_take_too_much_of_a_workers_share(
    tmp_path: Path, is_mapped: bool, limit: int, sharers: int, stays: bool
) -> None:
    training, minival = _pixels(1000), _pixels(1000)
    if is_mapped:
        training, minival = _mapped(tmp_path / "a", training), _mapped(tmp_path / "b", minival)
    with memory_limit(limit):
        placed = images_on_device(_data(training, minival), GPU, sharers)
    assert [each.is_on_device for each in placed] == [not stays, not stays]
    assert ("stay in the host's memory" in placed[0].note) == stays
    if stays:  # not even copied within the host
        assert [each.pixels.data_ptr() for each in placed] == [
            training.ctypes.data,
            minival.ctypes.data,
        ]


def test_memory_that_others_use_is_not_counted_on() -> None:
    used = torch.empty(24 * MIB, dtype=torch.uint8, device=GPU)
    with memory_limit(36 * MIB):
        training, _ = images_on_device(_data(_pixels(1000), _pixels(100)), GPU)
    assert not training.is_on_device
    del used


@pytest.mark.parametrize("limit", [8 * MIB, 512 * MIB])
@pytest.mark.parametrize("count", [1000, 130, 64])
def test_no_batch_waits_for_the_gpu(limit: int, count: int) -> None:
    pixels = _pixels(1000)
    data = _data(pixels, pixels[:10])
    with memory_limit(limit):
        training, _ = images_on_device(data, GPU)
        assert training.is_on_device == (limit > 100 * MIB)
        order = torch.randperm(1000)[:count]
        before = counts()
        batches = [(got.clone(), labels) for got, labels in training.batches(order, 64)]
        assert counts() - before == Counts((counts() - before).operators, 0, 0, 0)
    expected = pixels[order.numpy()]
    assert np.array_equal(torch.cat([batch for batch, _ in batches]).cpu().numpy(), expected)
    assert torch.cat([labels for _, labels in batches]).tolist() == (order % 3).tolist()
    assert all(batch.is_cuda and labels.is_cuda for batch, labels in batches)


def test_targets_of_several_labels_do_not_wait_for_the_gpu() -> None:
    labels = np.array([[0, 2], [1, -1], [2, -1], [0, 1]])
    split = Split(_pixels(4), labels)
    training, _ = images_on_device(SearchData("some", 3, split, split), GPU)
    before = counts()
    targets = [targets for _, targets in training.batches(torch.tensor([1, 0, 3, 2]), 2)]
    assert (counts() - before).waits == 0
    expected = [[0, 1, 0], [0.5, 0, 0.5], [0.5, 0.5, 0], [0, 0, 1]]
    assert torch.cat(targets).cpu().tolist() == expected


def test_pinned_buffers_are_few_and_each_is_copied_before_it_is_filled_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made, awaited = [], []
    empty, synchronize = torch.empty, torch.cuda.Event.synchronize

    def counted(*args: object, **kwargs: object) -> torch.Tensor:
        if kwargs.get("pin_memory"):
            made.append(args)
        return empty(*args, **kwargs)  # type: ignore[call-overload, no-any-return]

    def noted(event: torch.cuda.Event) -> None:
        awaited.append(event)
        synchronize(event)

    monkeypatch.setattr(torch, "empty", counted)
    monkeypatch.setattr(torch.cuda.Event, "synchronize", noted)
    pixels = torch.from_numpy(_pixels(64))
    parts = torch.split(torch.randperm(64), 4)
    read = list(_read(pixels, parts, GPU, ahead=3, readers=2))
    assert len(made) == 3
    assert len(awaited) == len(set(map(id, awaited))) == len(parts) - 3
    assert torch.equal(torch.cat(read).cpu(), pixels[torch.cat(parts)])


def test_at_most_two_batches_are_on_the_gpu() -> None:
    pixels = torch.from_numpy(_pixels(512))
    parts = torch.split(torch.arange(512), 64)
    batch_bytes = pixels[:64].nbytes
    base = torch.cuda.memory_allocated()
    most = 0
    for batch in _read(pixels, parts, GPU):
        most = max(most, torch.cuda.memory_allocated() - base)
        del batch
    assert batch_bytes <= most <= 2 * batch_bytes


def test_a_tensor_that_is_on_the_gpu_is_not_copied() -> None:
    tensor = copied(torch.arange(3), GPU)
    assert copied(tensor, GPU) is tensor


def test_streamed_batches_do_not_wait_for_the_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAS_CACHE_DIR", str(tmp_path / "cache"))
    folder = str(class_folders(tmp_path / "pets", count=20))
    cached, streamed = (load_training_data(folder, 8, is_streamed=way) for way in (False, True))
    kept, _ = images_on_device(cached, GPU)
    training, minival = images_on_device(streamed, GPU)
    assert minival.is_on_device
    order = torch.randperm(len(kept))
    before = counts()
    batches = list(training.batches(order, 10))
    assert (counts() - before).waits == 0
    for (pixels, labels), (others, other_labels) in zip(
        kept.batches(order, 10), batches, strict=True
    ):
        assert others.is_cuda
        assert torch.equal(pixels.cpu(), others.cpu())
        assert labels.tolist() == other_labels.tolist()
