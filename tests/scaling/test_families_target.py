"""Finding the largest member that does not exceed a target."""

from __future__ import annotations

import random

import pytest

from scaling.families import Family, OutOfReach, closest_under, family_of
from scaling.scaled import Base, ImageSizes, Scaled
from search_space.spaces import SPACES, small
from tests.scaling.networks import parameters


def _family(number: int, name: str = "efficientnetv2") -> Family:
    space = SPACES[name](224)
    architecture = space.sample(random.Random(number))
    return family_of(Base("winner", architecture, ImageSizes(224, 224)))


def _count(member: Scaled) -> int:
    return parameters(member.architecture)


@pytest.mark.parametrize("name", ["efficientnetv2", "efficientnet-b4"])
@pytest.mark.parametrize("number", range(5))
def test_no_member_on_a_fine_grid_is_closer(number: int, name: str) -> None:
    family = _family(number, name)
    low, high = (_count(family.member(place)) for place in family.range)
    grid = [_count(family.member(i / 64)) for i in range(64 * 8 + 1)]
    for share in (0.1, 0.4, 0.8):
        target = low + share * (high - low)
        found = _count(closest_under(family, _count, target))
        assert max(count for count in grid if count <= target) <= found <= target


@pytest.mark.parametrize("name", ["S", "M", "L"])
def test_a_members_own_count_finds_it(name: str) -> None:
    family = _family(1)
    member = family.member(family.places[name])
    assert closest_under(family, _count, _count(member)).architecture == member.architecture


def test_the_ends_are_reached_exactly_and_not_passed() -> None:
    family = family_of(Base("winner", small(8).backbone, ImageSizes(8, 8)))
    low, high = (_count(family.member(place)) for place in family.range)
    assert _count(closest_under(family, _count, low)) == low
    assert _count(closest_under(family, _count, high)) == high
    for target in (low - 1, high + 1):
        with pytest.raises(OutOfReach) as error:
            closest_under(family, _count, target)
        assert (error.value.low, error.value.high) == (low, high)


def test_a_slow_end_is_not_measured_without_need() -> None:
    family = _family(2)
    measured: list[float] = []

    def count(member: Scaled) -> int:
        measured.append(member.place)
        return _count(member)

    closest_under(family, count, 1.5 * _count(family.member(4)), halvings=7)
    assert len(measured) <= 7
    assert family.range[1] not in measured
