"""Images on the device: normalised by the training set alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from nas.data.images import on_device
from nas.data.split import SearchData, Split

CPU = torch.device("cpu")


def _data(training: NDArray[np.int64], minival: NDArray[np.int64]) -> SearchData:
    return SearchData("some", 2, _split(training), _split(minival))


def _split(pixels: NDArray[np.int64]) -> Split:
    return Split(pixels.astype(np.uint8), np.arange(len(pixels)) % 2)


def test_batches_are_normalised_channel_by_channel() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (50, 3, 4, 4))
    pixels[:, 1] //= 4
    training, _ = on_device(_data(pixels, pixels[:2]), CPU)
    batch, labels = training.batch(slice(0, 50))
    assert batch.mean((0, 2, 3)).tolist() == pytest.approx([0, 0, 0], abs=1e-5)
    assert batch.std((0, 2, 3), correction=0).tolist() == pytest.approx([1, 1, 1], abs=1e-5)
    assert labels.tolist() == [0, 1] * 25


def test_the_minival_is_normalised_by_the_training_set() -> None:
    training = np.array([10, 30]).repeat(16).reshape(2, 1, 4, 4)  # mean 20, deviation 10
    _, minival = on_device(_data(training, np.full((3, 1, 4, 4), 60)), CPU)
    batch, _ = minival.batch(torch.tensor([2, 0]))
    assert set(batch.flatten().tolist()) == {4.0}


def test_a_constant_channel_gives_zeros_and_no_nan() -> None:
    training, _ = on_device(_data(np.full((2, 1, 4, 4), 7), np.full((1, 1, 4, 4), 7)), CPU)
    assert set(training.batch(slice(0, 2))[0].flatten().tolist()) == {0.0}


def test_read_only_arrays_are_copied() -> None:
    """Ray hands out arrays in shared memory."""
    pixels, labels = np.zeros((2, 1, 4, 4), np.uint8), np.array([0, 1])
    pixels.setflags(write=False)
    labels.setflags(write=False)
    split = Split(pixels, labels)
    training, minival = on_device(SearchData("some", 2, split, split), CPU)
    training.pixels.fill_(9)
    assert (len(training), training.size, training.device) == (2, 4, CPU)
    assert minival.pixels.max() == 0
    assert pixels.max() == 0
