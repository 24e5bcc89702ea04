"""Image sizes of the members of a family."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling.scaled import ImageSizes, base_sizes, scale, to_multiple

S = ImageSizes(300, 384)


@pytest.mark.parametrize(
    ("base", "ratio", "sizes"),
    [
        (S, 480 / 384, (384, 480)),  # M and L, public code
        (S, 2.0, (384, 480)),  # the cap
        (S, 1.0, (300, 384)),
        (S, 240 / 384, (192, 240)),  # V2-B1
        (S, 260 / 384, (208, 260)),  # V2-B2
        (S, 300 / 384, (240, 300)),  # V2-B3
        (ImageSizes(8, 8), 1.25, (8, 10)),  # digits
        (ImageSizes(32, 32), 1.25, (32, 40)),  # shapes
        (ImageSizes(32, 32), 1.0, (26, 32)),
        (ImageSizes(600, 600), 1.0, (384, 480)),
    ],
)
def test_published_sizes(base: ImageSizes, ratio: float, sizes: tuple[int, int]) -> None:
    assert scale(base, ratio) == ImageSizes(*sizes)


@given(size=st.integers(4, 700), ratios=st.tuples(st.floats(0.5, 1.3), st.floats(0.5, 1.3)))
def test_sizes_rise_with_the_ratio_and_stay_within_the_cap(
    size: int, ratios: tuple[float, float]
) -> None:
    """The other invariants are asserted within the rule."""
    base = ImageSizes(size, size)
    small, large = (scale(base, ratio) for ratio in sorted(ratios))
    assert small.train <= large.train
    assert small.eval <= large.eval <= 480


@given(size=st.integers(16, 700))
def test_training_is_about_a_fifth_under_inference(size: int) -> None:
    sizes = scale(ImageSizes(size, size), 1.25)
    assert abs(sizes.train - 0.8 * sizes.eval) <= 2
    assert base_sizes(sizes) == sizes or sizes.eval == 480


@given(pixels=st.floats(1, 700))
def test_sizes_are_even_and_multiples_of_4_from_64_on(pixels: float) -> None:
    size = to_multiple(pixels)
    assert size % (4 if size > 64 else 2) == 0
    assert abs(size - pixels) <= 2
