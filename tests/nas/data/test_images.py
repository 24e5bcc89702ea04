"""Images on the device, normalised by the training set, and images made square."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from nas.data.images import images, images_on_device, square
from nas.data.split import SearchData, Split, Statistics, histogram, statistics

CPU = torch.device("cpu")
STATISTICS = Statistics((1.0, 2.0, 3.0), (10.0, 20.0, 30.0))


def _data(training: NDArray[np.int64], minival: NDArray[np.int64]) -> SearchData:
    return SearchData("some", 2, _split(training), _split(minival))


def _split(pixels: NDArray[np.int64]) -> Split:
    return Split(pixels.astype(np.uint8), np.arange(len(pixels)) % 2)


def test_batches_are_normalised_channel_by_channel() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (50, 3, 4, 4))
    pixels[:, 1] //= 4
    training, _ = images_on_device(_data(pixels, pixels[:2]), CPU)
    batch, labels = training.batch(slice(0, 50))
    assert batch.mean((0, 2, 3)).tolist() == pytest.approx([0, 0, 0], abs=1e-5)
    assert batch.std((0, 2, 3), correction=0).tolist() == pytest.approx([1, 1, 1], abs=1e-5)
    assert labels.tolist() == [0, 1] * 25


def test_the_minival_is_normalised_by_the_training_set() -> None:
    training = np.array([10, 30]).repeat(16).reshape(2, 1, 4, 4)  # mean 20, deviation 10
    _, minival = images_on_device(_data(training, np.full((3, 1, 4, 4), 60)), CPU)
    batch, _ = minival.batch(torch.tensor([2, 0]))
    assert set(batch.flatten().tolist()) == {4.0}


def test_a_constant_channel_gives_zeros_and_no_nan() -> None:
    training, _ = images_on_device(_data(np.full((2, 1, 4, 4), 7), np.full((1, 1, 4, 4), 7)), CPU)
    assert set(training.batch(slice(0, 2))[0].flatten().tolist()) == {0.0}


def test_read_only_arrays_are_copied() -> None:
    """Arrays that Ray keeps in shared memory are read-only."""
    pixels, labels = np.zeros((2, 1, 4, 4), np.uint8), np.array([0, 1])
    pixels.setflags(write=False)
    labels.setflags(write=False)
    split = Split(pixels, labels)
    training, minival = images_on_device(SearchData("some", 2, split, split), CPU)
    training.pixels.fill_(9)
    assert (len(training), training.size, training.device) == (2, 4, CPU)
    assert minival.pixels.max() == 0
    assert pixels.max() == 0


def _mapped(tmp_path: Path, pixels: NDArray[np.int64]) -> NDArray[np.uint8]:
    pixels.astype(np.uint8).tofile(tmp_path / "pixels")
    return np.memmap(tmp_path / "pixels", np.uint8, "r", shape=pixels.shape)


def test_a_memory_map_is_not_copied(tmp_path: Path) -> None:
    mapped = _mapped(tmp_path, np.random.default_rng(0).integers(0, 256, (10, 3, 4, 4)))
    split = Split(mapped, np.arange(10))
    training, _ = images_on_device(SearchData("some", 10, split, split), CPU)
    assert training.pixels.data_ptr() == mapped.ctypes.data
    copied = images(Split(np.array(mapped), split.labels), CPU, STATISTICS, 10)
    order = torch.tensor([7, 0, 7, 3])
    pixels, labels = images(split, CPU, STATISTICS, 10).batch(order)
    assert torch.equal(pixels, copied.batch(order)[0])
    assert labels.tolist() == [7, 0, 7, 3]


@pytest.mark.parametrize("count", [0, 1, 6, 10])
def test_batches_follow_the_order(tmp_path: Path, count: int) -> None:
    mapped = _mapped(tmp_path, np.random.default_rng(0).integers(0, 256, (10, 3, 4, 4)))
    some = images(Split(mapped, np.arange(10)), CPU, STATISTICS, 10)
    order = torch.randperm(10)[:count]
    batches = list(some.batches(order, 4)) if count else []
    assert [len(labels) for _, labels in batches] == [4] * (count // 4) + [count % 4] * (
        count % 4 > 0
    )
    for (pixels, labels), part in zip(batches, torch.split(order, 4), strict=False):
        assert torch.equal(labels, part)
        assert pixels.dtype == torch.uint8
        assert torch.equal(some.normalised(pixels), some.batch(part)[0])


def test_several_labels_are_targets_of_sum_1() -> None:
    labels = np.array([[1, -1, -1], [0, 2, -1], [3, 1, 0]])
    split = Split(np.zeros((3, 1, 4, 4), np.uint8), labels)
    data = SearchData("some", 4, split, split)
    assert data.is_multi_label
    training, _ = images_on_device(data, CPU)
    third = 1 / 3
    expected = [[0, 1, 0, 0], [0.5, 0, 0.5, 0], [third, third, 0, third]]
    targets = training.batch(torch.tensor([0, 1, 2]))[1]
    assert targets.dtype == torch.float32
    assert targets.numpy() == pytest.approx(np.array(expected))
    assert training.targets(slice(1, 2)).tolist() == [[0.5, 0, 0.5, 0]]


def test_statistics_are_exact_over_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nas.data.split.PIXELS_AT_ONCE", 100)
    pixels = np.random.default_rng(0).integers(0, 256, (50, 3, 4, 4)).astype(np.uint8)
    computed = statistics(histogram(pixels))
    assert computed.mean == pytest.approx(pixels.mean((0, 2, 3)).tolist())
    assert computed.std == pytest.approx(pixels.std((0, 2, 3)).tolist())


@pytest.mark.parametrize(("height", "width"), [(4, 8), (8, 4), (4, 7), (7, 4), (4, 4)])
def test_square_cuts_the_middle(height: int, width: int) -> None:
    rows, columns = np.mgrid[:height, :width]
    image = (10 * rows + columns).astype(np.uint8)[None, None]
    cut = square(image, 4)[0, 0]
    top, left = (height - 4) // 2, (width - 4) // 2
    expected = 10 * np.arange(top, top + 4)[:, None] + np.arange(left, left + 4)
    assert np.array_equal(cut, expected)


def test_square_keeps_the_mean_of_patterns_finer_than_a_pixel() -> None:
    checks = ((np.indices((64, 64)).sum(0) % 2) * 255).astype(np.uint8)[None, None]
    shrunk = square(checks, 8)
    assert shrunk.shape == (1, 1, 8, 8)
    assert np.abs(shrunk.astype(float) - 127.5).max() < 2  # without antialiasing: 0 or 255


@pytest.mark.parametrize("size", [3, 8, 20])
def test_square_keeps_flat_images_flat(size: int) -> None:
    greys = np.arange(0, 256, 51, dtype=np.uint8)
    pixels = np.broadcast_to(greys[:, None, None, None], (6, 3, 8, 11))
    resized = square(pixels, size)
    assert resized.dtype == np.uint8
    assert resized.shape == (6, 3, size, size)
    assert np.array_equal(resized.max((1, 2, 3)), greys)
    assert np.array_equal(resized.min((1, 2, 3)), greys)


def test_square_keeps_the_order_over_chunks() -> None:
    """Images are resized 1,024 at a time."""
    numbers = np.arange(2100)
    pixels = np.zeros((2100, 2, 4, 4), np.uint8)
    pixels[:, 0], pixels[:, 1] = (part[:, None, None] for part in divmod(numbers, 256))
    resized = square(pixels, 2).astype(int)
    assert np.array_equal(256 * resized[:, 0, 0, 0] + resized[:, 1, 0, 0], numbers)


def test_square_does_not_change_its_argument() -> None:
    pixels = np.arange(64, dtype=np.uint8).reshape(1, 1, 8, 8)
    pixels.setflags(write=False)
    square(pixels, 4)
    assert np.array_equal(pixels.ravel(), np.arange(64))
