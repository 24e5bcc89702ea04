"""The pseudo-random permutation."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.search.samplers.domain import permuted

seeds = st.integers(0, 2**31)


@given(count=st.integers(1, 300), seed=seeds)
def test_every_number_comes_exactly_once(count: int, seed: int) -> None:
    order = [permuted(i, count, seed) for i in range(count)]
    assert sorted(order) == list(range(count))


@given(count=st.integers(1, 10**30), seed=seeds, data=st.data())
def test_a_large_range_is_kept_to_and_two_numbers_never_meet(
    count: int, seed: int, data: st.DataObject
) -> None:
    first, second = (data.draw(st.integers(0, count - 1)) for _ in range(2))
    places = [permuted(i, count, seed) for i in (first, second)]
    assert all(0 <= place < count for place in places)
    assert (places[0] == places[1]) == (first == second)


def test_an_order_stays_as_it_was() -> None:
    """So a run of an earlier release is resumed with the same candidates."""
    assert [permuted(i, 10, seed=0) for i in range(10)] == [3, 6, 5, 8, 7, 9, 2, 1, 0, 4]


def test_seeds_give_different_orders() -> None:
    orders = {tuple(permuted(i, 50, seed) for i in range(50)) for seed in range(200)}
    assert len(orders) == 200


def test_an_order_is_not_the_natural_one() -> None:
    order = [permuted(i, 1000, seed=1) for i in range(1000)]
    steps = Counter((b - a) % 1000 for a, b in pairwise(order))
    assert steps.most_common(1)[0][1] < 12
    assert sum(i == place for i, place in enumerate(order)) < 8  # 1 on average


def test_each_place_gets_each_number_equally_often() -> None:
    """Chi-squared over 2000 seeds: 4 degrees of freedom, 23.5 at p = 0.0001."""
    for place in (0, 3):
        counts = Counter(permuted(place, 5, seed) for seed in range(2000))
        assert sum((counts[i] - 400) ** 2 / 400 for i in range(5)) < 23.5


@pytest.mark.parametrize(("index", "count"), [(-1, 5), (5, 5), (0, 0), (7, 5)])
def test_an_index_out_of_range_is_refused(index: int, count: int) -> None:
    with pytest.raises(ValueError, match=f"index: got {index}, must be from 0 to {count - 1}"):
        permuted(index, count, seed=0)
