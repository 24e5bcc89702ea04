"""Mixup: images and targets are blended alike."""

from __future__ import annotations

import pytest
import torch

from nas.training.augmentation import mixup


def test_images_and_targets_are_blended_alike_with_the_batch_reversed() -> None:
    torch.manual_seed(0)
    images, labels = torch.rand(6, 2, 4, 4), torch.tensor([0, 1, 2, 3, 4, 4])
    mixed, targets = mixup(images, labels, 1.0, classes=5)
    assert mixed.shape == images.shape
    assert targets.sum(1).tolist() == pytest.approx([1.0] * 6)
    for i in range(5):  # the pair (5, 0) of classes 4 and 0, and so on
        label, other = int(labels[i]), int(labels[5 - i])
        share = float(targets[i, label])
        assert 0.5 <= share <= 1
        assert float(targets[i, other]) == pytest.approx(1 - share, abs=1e-6)
        assert torch.allclose(mixed[i], share * images[i] + (1 - share) * images[5 - i], atol=1e-6)
    assert len({round(float(t.max()), 4) for t in targets}) > 3  # each image has its own share


def test_a_small_alpha_hardly_blends_and_a_large_one_blends_by_halves() -> None:
    torch.manual_seed(0)
    labels = torch.arange(400)
    shares = [
        mixup(torch.zeros(400, 1, 1, 1), labels, alpha, 400)[1].max(1).values
        for alpha in (0.05, 50.0)
    ]
    assert float(shares[0].mean()) > 0.95
    assert float(shares[1].mean()) < 0.6


def test_targets_of_several_classes_are_blended_as_they_are() -> None:
    torch.manual_seed(0)
    targets = torch.tensor([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]])
    _, mixed = mixup(torch.zeros(2, 1, 2, 2), targets, 0.5, classes=3)
    share = float(mixed[0, 0]) * 2
    assert mixed[0].tolist() == pytest.approx([share / 2, share / 2, 1 - share])
    assert mixed.sum(1).tolist() == pytest.approx([1.0, 1.0])
