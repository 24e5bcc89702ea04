"""Networks drawn over the whole range of a space."""

from __future__ import annotations

import random

import pytest

from nas.proxy.draw import draw
from nas.search.samplers.domain import ParameterCount
from search_space.space import Space
from search_space.spaces import small
from search_space.task import Task

COUNT = ParameterCount(Task(10, 3))
SPACE = small(32)


def test_each_part_of_the_space_by_size_gives_one_network() -> None:
    drawn = draw(SPACE, 10, 0, COUNT)
    generator = random.Random(1)
    sizes = sorted(COUNT(SPACE.sample(generator)) for _ in range(300))
    places = sorted(sum(size < COUNT(network) for size in sizes) / 300 for network in drawn)
    assert len({n.architecture_id for n in drawn}) == 10
    # One of each tenth of the space's distribution, up to the noise of both samples.
    assert all(abs(place - (i + 0.5) / 10) < 0.16 for i, place in enumerate(places))


def test_the_seed_decides_and_further_ones_are_new() -> None:
    first = draw(SPACE, 6, 3, COUNT)
    assert draw(SPACE, 6, 3, COUNT) == first
    assert draw(SPACE, 6, 4, COUNT) != first
    further = draw(SPACE, 4, 3, COUNT, known=first)
    ids = [network.architecture_id for network in (*first, *further)]
    assert len(set(ids)) == 10


def test_a_limit_on_parameters_is_kept() -> None:
    limit = sorted(COUNT(network) for network in draw(SPACE, 20, 0, COUNT))[5]
    limited = draw(SPACE, 8, 0, COUNT, most=limit)
    assert len(limited) == 8
    assert all(COUNT(network) <= limit for network in limited)
    assert draw(SPACE, 8, 0, COUNT, most=1) == []


def test_a_small_space_gives_all_that_it_has(tiny_space: Space) -> None:
    drawn = draw(tiny_space, 10_000, 0, ParameterCount(Task(4, 1)))
    assert len(drawn) == pytest.approx(tiny_space.size, abs=0)
    assert len({network.architecture_id for network in drawn}) == len(drawn)
