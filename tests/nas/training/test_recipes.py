"""The recipe of proxy training."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.training.recipes import STEPS_AN_EPOCH, epochs_a_validation, proxy, proxy_batch_size


@pytest.mark.parametrize(
    ("images", "batch_size"),
    [(8, 32), (512, 32), (1023, 32), (1024, 64), (1137, 64), (2047, 64), (2048, 128), (10**6, 128)],
)
def test_proxy_batch_size(images: int, batch_size: int) -> None:
    assert proxy_batch_size(images) == batch_size


@given(images=st.integers(1, 10**7))
def test_a_batch_above_32_leaves_enough_steps(images: int) -> None:
    size = proxy_batch_size(images)
    assert size == 32 or images // size >= STEPS_AN_EPOCH


def test_proxy_takes_epochs_and_batch_size() -> None:
    recipe = proxy(epochs=3, batch_size=7)
    assert (recipe.epochs, recipe.batch_size) == (3, 7)
    assert proxy().epochs == 10


@pytest.mark.parametrize(
    ("epochs", "steps", "every"),
    [
        (30, 3, 1),
        (350, 16, 1),
        (400, 1, 1),
        (401, 99, 2),
        (401, 100, 1),
        (3333, 3, 9),  # transfer on 2,000 images: 371 validations
    ],
)
def test_many_short_epochs_are_validated_about_400_times(
    epochs: int, steps: int, every: int
) -> None:
    assert epochs_a_validation(epochs, steps) == every
