"""Learning-rate schedules over the progress of training."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.training.optimizers import learning_rate_factor, warmup_cosine, warmup_staircase

shares = st.floats(0, 1)
warmups = st.floats(0.01, 0.9)


@pytest.mark.parametrize(
    ("progress", "share"),
    [
        (0.0, 0.0),
        (0.05, 0.25),
        (0.1, 0.5),
        (0.2, 1.0),
        (0.4, 0.5 + math.sqrt(2) / 4),  # a quarter of the cosine
        (0.6, 0.5),
        (0.8, 0.5 - math.sqrt(2) / 4),
        (1.0, 0.0),
    ],
)
def test_warmup_of_a_fifth_then_cosine(progress: float, share: float) -> None:
    assert warmup_cosine(progress, 0.2) == pytest.approx(share, abs=1e-12)


def test_no_warmup_starts_at_the_peak() -> None:
    assert warmup_cosine(0, 0) == 1
    assert warmup_staircase(0, 0, 100) == 1


@given(progress=shares, warmup=warmups)
def test_the_share_is_from_0_to_1(progress: float, warmup: float) -> None:
    assert 0 <= warmup_cosine(progress, warmup) <= 1


@given(first=shares, second=shares, warmup=warmups)
def test_it_rises_to_the_end_of_warmup_and_falls_from_there(
    first: float, second: float, warmup: float
) -> None:
    earlier, later = sorted((first, second))
    rise = warmup_cosine(later, warmup) - warmup_cosine(earlier, warmup)
    if later <= warmup:
        assert rise >= 0
    if earlier >= warmup:
        assert rise <= 0


@pytest.mark.parametrize(
    ("epoch", "share"),
    [
        (0.0, 0.0),
        (2.5, 0.5),
        (4.99, 0.998),
        (5.0, 0.97**2),  # 5 / 2.4 = 2.08: the rate has fallen twice by the end of warm-up
        (7.1, 0.97**2),
        (7.3, 0.97**3),
        (24.1, 0.97**10),
        (349.9, 0.97**145),
    ],
)
def test_the_papers_350_epochs(epoch: float, share: float) -> None:
    """5 epochs of rise, x 0.97 every 2.4 epochs."""
    assert warmup_staircase(epoch / 350, 5 / 350, 350 / 2.4) == pytest.approx(share, rel=1e-9)


def test_decays_choose_the_staircase_and_none_the_cosine() -> None:
    assert learning_rate_factor(0.6, 0.2, None) == warmup_cosine(0.6, 0.2)
    assert learning_rate_factor(0.6, 0.2, 10) == 0.97**6
