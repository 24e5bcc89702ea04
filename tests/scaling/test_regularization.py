"""The ranges of progressive learning: EfficientNetV2, Table 6."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling.regularization import Progressive, regularization, size_rank
from scaling.scaled import ImageSizes

COUNTS = (21_458_488, 54_139_356, 118_515_272)
M_SIZES = ImageSizes(384, 480)


@pytest.mark.parametrize(
    ("sizes", "parameters", "row", "dropout"),
    [
        (ImageSizes(300, 384), COUNTS[0], ((128, 300), (5, 15), (0, 0), (0.1, 0.3)), 0.2),
        (M_SIZES, COUNTS[1], ((128, 380), (5, 20), (0, 0.2), (0.1, 0.4)), 0.3),
        (M_SIZES, COUNTS[2], ((128, 380), (5, 25), (0, 0.5), (0.1, 0.5)), 0.4),
        (M_SIZES, 171_000_000, ((128, 380), (5, 25), (0, 0.5), (0.1, 0.5)), 0.4),  # XL is as L
    ],
)
def test_table_6(
    sizes: ImageSizes,
    parameters: int,
    row: tuple[tuple[int, int], tuple[float, float], tuple[float, float], tuple[float, float]],
    dropout: float,
) -> None:
    settings = regularization(sizes, 32, parameters, COUNTS)
    assert settings.progressive == Progressive(*row)
    assert (settings.dropout, settings.survival) == (dropout, 0.8)


def test_in_between_lies_between() -> None:
    settings = regularization(M_SIZES, 32, 34_084_000, COUNTS)  # half-way from S to M, as a ratio
    assert settings.progressive.randaugment_magnitude[1] == pytest.approx(17.5, abs=0.01)
    assert settings.dropout == pytest.approx(0.25, abs=0.001)


@given(counts=st.tuples(st.integers(1, 10**9), st.integers(1, 10**9)))
def test_no_setting_falls_as_parameters_rise(counts: tuple[int, int]) -> None:
    few, many = (regularization(M_SIZES, 32, count, COUNTS) for count in sorted(counts))
    assert few.dropout <= many.dropout
    assert few.progressive.randaugment_magnitude <= many.progressive.randaugment_magnitude
    assert few.progressive.mixup_alpha <= many.progressive.mixup_alpha
    assert few.progressive.dropout <= many.progressive.dropout


@given(
    train=st.integers(4, 480), stride=st.sampled_from([1, 4, 8, 32]), count=st.integers(1, 10**9)
)
def test_sizes_go_up_and_end_at_the_training_size(train: int, stride: int, count: int) -> None:
    sizes = ImageSizes(train, train)
    first, last = regularization(sizes, stride, count, COUNTS).progressive.image_size
    assert min(stride, last) <= first <= last <= train
    assert last >= 0.95 * train - 2


def test_rank() -> None:
    assert [size_rank(count, COUNTS) for count in (1, *COUNTS, 10**9)] == [0, 0, 1, 2, 2]


def test_json() -> None:
    data = regularization(M_SIZES, 32, COUNTS[1], COUNTS).to_json()
    assert data["progressive"]["image_size"] == [128, 380]
    assert data["survival"] == 0.8
