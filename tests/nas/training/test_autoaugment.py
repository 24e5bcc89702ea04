"""AutoAugment draws a part of ImageNet's policy for each image."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from nas.training import autoaugment as module
from nas.training.autoaugment import POLICY, autoaugment
from nas.training.distortions import Distortions, Operation
from nas.training.randaugment import NAMES

N = 40_000


def _images(channels: int = 3, n: int = 50, size: int = 16) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (n, channels, size, size), generator=generator, dtype=torch.uint8)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[list[Operation]]:
    """Return the operations that N images get in the first and in the second round."""
    chosen: list[NDArray[np.int64]] = []
    known: list[list[Operation]] = []

    class Spy(Distortions):
        def __init__(
            self, operations: list[Operation], channels: int, size: int, device: torch.device
        ) -> None:
            super().__init__(operations, channels, size, device)
            known.append(operations)

        def __call__(self, pixels: Tensor, positions: NDArray[np.int64]) -> Tensor:
            chosen.append(positions)
            return pixels

    monkeypatch.setattr(module, "Distortions", Spy)
    module._prepared.cache_clear()
    torch.manual_seed(0)
    autoaugment(_images(n=N, size=4))
    module._prepared.cache_clear()
    return [[known[0][position] for position in row] for row in chosen[0]]


def test_the_policy_has_25_parts_of_two_known_operations() -> None:
    assert len(POLICY) == 25
    for part in POLICY:
        assert len(part) == 2
        for name, probability, level in part:
            assert name in NAMES
            assert 0 <= probability <= 1
            assert 0 <= level <= 10


def test_each_operation_is_drawn_with_its_probability(drawn: list[list[Operation]]) -> None:
    for place in (0, 1):
        expected: defaultdict[str, float] = defaultdict(float)
        for part in POLICY:
            name, probability, _ = part[place]
            expected[name] += probability / 25
            expected["identity"] += (1 - probability) / 25
        shares = Counter(operation.name for operation in drawn[place])
        assert set(shares) == {name for name, share in expected.items() if share > 0}
        for name, share in expected.items():
            assert shares[name] / N == pytest.approx(share, abs=0.012)


def test_both_operations_of_an_image_are_of_one_part(drawn: list[list[Operation]]) -> None:
    pairs = {(first.name, second.name) for first, second in zip(*drawn, strict=True)}
    allowed = {
        (a, b)
        for first, second in POLICY
        for a in (first[0], "identity")
        for b in (second[0], "identity")
    }
    assert pairs <= allowed
    assert {("rotate", "translate_y"), ("equalize", "autocontrast")} <= pairs
    assert ("translate_y", "rotate") not in pairs


def test_values_are_those_of_the_published_levels(drawn: list[list[Operation]]) -> None:
    values: dict[str, set[float]] = {}
    for operation in [*drawn[0], *drawn[1]]:
        values.setdefault(operation.name, set()).add(round(operation.value, 6))
    assert values["shear_x"] == {-0.27, 0.27}
    assert values["translate_y"] == {-0.75, 0.75}  # 225 of 300 pixels
    assert values["rotate"] == {
        0.0,
        *(s * v for s in (-1, 1) for v in (6.0, 15.0, 21.0, 24.0, 27.0)),
    }
    assert values["posterize"] == {0, 2}
    assert values["solarize"] == {51, 76, 102, 204, 256}
    assert values["solarize_add"] == {33, 77}
    signs = [operation.value > 0 for operation in drawn[0] if operation.name == "shear_x"]
    assert np.mean(signs) == pytest.approx(0.5, abs=0.12)


@pytest.mark.parametrize("channels", [1, 3])
def test_shape_and_type_stay_and_a_seed_decides(channels: int) -> None:
    def run(seed: int) -> Tensor:
        torch.manual_seed(seed)
        return autoaugment(_images(channels))

    first = run(0)
    assert first.shape == (50, channels, 16, 16)
    assert first.dtype == torch.uint8
    assert torch.equal(first, run(0))
    assert not torch.equal(first, run(1))
    is_kept = (first == _images(channels)).all(3).all(2).all(1)
    assert 0 < int(is_kept.sum()) < 25
