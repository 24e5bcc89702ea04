"""RandAugment with kornia: ranges, randomness, and strengths as published."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from nas.training import augmentation as module
from nas.training.augmentation import randaugment


def _images(channels: int = 3, n: int = 20) -> Tensor:
    return torch.rand(n, channels, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("magnitude", [0.5, 5.0, 15.0, 25.0, 40.0])
def test_any_operation_keeps_shape_and_range(channels: int, magnitude: float) -> None:
    torch.manual_seed(1)
    images = _images(channels, 64)
    for _ in range(4):  # 64 parts: every operation many times
        distorted = randaugment(images, magnitude)
        assert distorted.shape == images.shape
        assert bool(((distorted >= 0) & (distorted <= 1)).all())


def test_torchs_generator_decides() -> None:
    def run(seed: int) -> Tensor:
        torch.manual_seed(seed)
        return randaugment(_images(), 10.0)

    assert torch.equal(run(0), run(0))
    assert not torch.equal(run(0), run(1))


def test_a_batch_has_several_policies() -> None:
    """Equal images become many kinds; one policy with its two signs would give few."""
    torch.manual_seed(0)
    same = _images(n=1).expand(32, -1, -1, -1).contiguous()
    kinds = torch.unique(randaugment(same, 10.0).flatten(1), dim=0)
    assert len(kinds) > 8


def test_a_batch_of_one() -> None:
    assert randaugment(_images(n=1), 10.0).shape == (1, 3, 16, 16)


@pytest.mark.parametrize(("magnitude", "pixels"), [(7.5, 4), (15.0, 8)])
def test_a_shift_is_as_strong_as_published(
    magnitude: float, pixels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By 100 of 300 pixels at magnitude 10, here of 16."""
    monkeypatch.setattr(module, "_POLICY", [[("translate_x", -1, 1)]])
    monkeypatch.setattr(module, "OPERATIONS", 1)
    module._policy.cache_clear()
    torch.manual_seed(0)
    images = _images()
    shifted = randaugment(images, magnitude)
    module._policy.cache_clear()
    gap = torch.zeros_like(images[..., :pixels])
    right = torch.cat([gap, images[..., :-pixels]], 3)
    left = torch.cat([images[..., pixels:], gap], 3)
    is_right = (shifted - right).abs().amax((1, 2, 3)) < 1e-4
    is_left = (shifted - left).abs().amax((1, 2, 3)) < 1e-4
    assert bool((is_right | is_left).all())
    assert 0 < int(is_right.sum()) < len(images)
