"""RandAugment draws two operations for each image, with replacement, and their signs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from nas.training import randaugment as module
from nas.training.distortions import Distortions
from nas.training.randaugment import NAMES, operations, randaugment


def _images(channels: int = 3, n: int = 20, size: int = 16) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (n, channels, size, size), generator=generator, dtype=torch.uint8)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("magnitude", [0.5, 5.0, 15.0, 30.0])
def test_shape_and_type_stay(channels: int, magnitude: float) -> None:
    torch.manual_seed(1)
    for n in (1, 2, 64):
        distorted = randaugment(_images(channels, n), magnitude)
        assert distorted.shape == (n, channels, 16, 16)
        assert distorted.dtype == torch.uint8


def test_a_seed_decides() -> None:
    def run(seed: int) -> Tensor:
        torch.manual_seed(seed)
        return randaugment(_images(), 10.0)

    assert torch.equal(run(0), run(0))
    assert not torch.equal(run(0), run(1))


def _drawn(channels: int, n: int, monkeypatch: pytest.MonkeyPatch) -> NDArray[np.int64]:
    """Return the operations that n images get, as positions (2, n)."""
    seen: list[NDArray[np.int64]] = []

    def spy(self: Distortions, pixels: Tensor, chosen: NDArray[np.int64]) -> Tensor:
        seen.append(chosen)
        return pixels

    monkeypatch.setattr(Distortions, "__call__", spy)
    torch.manual_seed(0)
    randaugment(_images(channels, n, size=2), 10.0)
    return seen[0]


@pytest.mark.parametrize(("channels", "count"), [(3, 16), (1, 15)])
def test_each_image_draws_both_operations_alike_and_independently(
    channels: int, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    n = 32_000
    chosen = _drawn(channels, n, monkeypatch)
    names = [operation.name for operation in operations(10.0, channels)]
    assert len(set(names)) == count
    first, second = np.array(names)[chosen]
    for drawn in (first, second):
        shares = np.unique(drawn, return_counts=True)[1] / n
        assert len(shares) == count
        assert np.abs(shares - 1 / count).max() < 5 * (1 / count / n) ** 0.5
    # With replacement: as often the same operation twice as any other pair.
    assert np.mean(first == second) == pytest.approx(1 / count, abs=0.006)
    assert len(np.unique(np.char.add(first, second))) == count**2


def test_signs_are_drawn_for_each_image_and_operation(monkeypatch: pytest.MonkeyPatch) -> None:
    n = 32_000
    chosen = _drawn(3, n, monkeypatch)
    values = np.array([operation.value for operation in operations(10.0, 3)])
    drawn = np.array([operation.name for operation in operations(10.0, 3)])[chosen]
    for name in ("rotate", "shear_x", "shear_y", "translate_x", "translate_y"):
        signs = np.sign(values[chosen][drawn == name])
        assert set(signs) == {-1.0, 1.0}
        assert abs(signs.mean()) < 0.1
    others = [name for name in NAMES if name.split("_")[0] not in {"rotate", "shear", "translate"}]
    assert (values[chosen][np.isin(drawn, others)] >= 0).all()


def test_equal_images_of_a_batch_become_different() -> None:
    torch.manual_seed(0)
    same = _images(n=1).expand(64, -1, -1, -1).contiguous()
    kinds = torch.unique(randaugment(same, 10.0).flatten(1), dim=0)
    assert len(kinds) > 40


def test_both_directions_and_both_rounds_are_applied(monkeypatch: pytest.MonkeyPatch) -> None:
    """With shifts by a quarter alone, an image moves by a half to either side, or stays."""
    monkeypatch.setattr(module, "NAMES", ("translate_x",))
    module._prepared.cache_clear()
    torch.manual_seed(0)
    images = torch.zeros(200, 1, 16, 16, dtype=torch.uint8)
    gaps = (randaugment(images, 7.5) == 128).any(2).squeeze(1)  # (N, W)
    module._prepared.cache_clear()
    left, right = gaps[:, 7], gaps[:, 8]
    assert not bool((left & right).any())
    assert int(left.sum()) == pytest.approx(50, abs=20)
    assert int(right.sum()) == pytest.approx(50, abs=20)
    assert bool((gaps[:, 3] ^ gaps[:, 12])[~left & ~right].all())  # there and back


def test_the_strength_follows_the_magnitude() -> None:
    by_magnitude = [{o.name: abs(o.value) for o in operations(m, 3)} for m in (5.0, 10.0, 20.0)]
    for name in ("rotate", "shear_x", "translate_y", "cutout", "color", "solarize_add"):
        weak, middle, strong = (values[name] for values in by_magnitude)
        assert weak < middle < strong
