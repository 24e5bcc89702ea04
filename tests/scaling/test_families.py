"""Published families are reproduced; any other network is the S of its own family."""

from __future__ import annotations

from itertools import pairwise

import pytest

from scaling.families import by_compound, family_of
from scaling.scaled import Base, ImageSizes
from search_space.published import PUBLISHED, published
from search_space.spaces import small
from tests.scaling.networks import parameters, sampled


def _base(name: str) -> Base:
    network = published(name)
    return Base(name, network.architecture, ImageSizes(network.train_size, network.eval_size))


B_NAMES = [name for name in PUBLISHED if "-b" in name]


@pytest.mark.parametrize("name", B_NAMES)
@pytest.mark.parametrize("start", [0, 3])
def test_the_b_families_are_exactly_the_published(name: str, start: int) -> None:
    """Architecture, sizes and dropout are as published, from B0 and from another member."""
    family_name, _, size = name.rpartition("-")
    family = family_of(_base(f"{family_name}-b{start}"))
    member, aim = family.member(family.places[size.upper()]), published(name)
    assert member.architecture == aim.architecture
    assert member.sizes == ImageSizes(aim.train_size, aim.eval_size)
    assert member.dropout == aim.dropout
    assert member.parent.name == f"{family_name}-b0"


def test_a_family_has_its_own_names() -> None:
    assert list(family_of(_base("efficientnet-b4")).places) == [f"B{i}" for i in range(8)]
    assert list(family_of(_base("efficientnetv2-b3")).places) == [f"B{i}" for i in range(4)]
    names = ["B0", "B1", "B2", "B3", "S", "M", "L", "XL"]
    assert list(family_of(_base("efficientnetv2-l")).places) == names


@pytest.mark.parametrize("name", ["efficientnetv2-s", "efficientnetv2-m", "efficientnetv2-xl"])
def test_v2_s_to_xl_are_scaled_from_v2_s(name: str) -> None:
    family = family_of(_base(name))
    assert family.base == _base("efficientnetv2-s")
    assert family.member(family.places["S"]).architecture == family.base.architecture


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("S", (300, 384)),
        ("M", (384, 480)),
        ("L", (384, 480)),
        ("XL", (384, 480)),
        ("B3", (240, 300)),
    ],
)
def test_sizes_from_s(name: str, sizes: tuple[int, int]) -> None:
    """Sizes are the public code's, except for XL, whose 512 px exceed the paper's cap."""
    family = family_of(_base("efficientnetv2-s"))
    assert family.member(family.places[name]).sizes == ImageSizes(*sizes)


def test_a_searched_network_is_its_familys_s() -> None:
    base = Base("winner", small(8).backbone, ImageSizes(8, 8))
    family = family_of(base)
    members = {name: family.member(place) for name, place in family.places.items()}
    assert members["S"].architecture == base.architecture
    assert members["M"].sizes == ImageSizes(8, 10)
    assert members["XL"].sizes == ImageSizes(8, 10)
    assert members["M"].rule == "non-uniform"
    assert members["B2"].rule == "shrink"


def test_a_published_layout_under_another_name_is_a_searched_network() -> None:
    """The backbone of the space efficientnet-b4 may win a search and is then a searched network."""
    base = Base("candidate 3", published("efficientnet-b4").architecture, ImageSizes(128, 128))
    assert family_of(base).base == base


def test_fitted_coefficients() -> None:
    """EfficientNet's 1.2, 1.1 and 1.15 give B2 at phi 1; its 260 px were chosen by hand."""
    member = by_compound(_base("efficientnet-b0"), 1.2, 1.1, 1.15, phi=1)
    assert [s.layers for s in member.architecture.stages] == [2, 3, 3, 4, 4, 5, 2]
    assert member.sizes == ImageSizes(256, 256)
    assert by_compound(_base("efficientnet-b0"), 1.2, 1.1, 1.15, phi=0).sizes.eval == 224


def test_every_familys_members_are_in_order() -> None:
    for architecture in sampled(250):
        family = family_of(Base("winner", architecture, ImageSizes(32, 32)))
        members = [family.member(place) for place in sorted(family.places.values())]
        for few, many in pairwise(members):
            assert parameters(few.architecture) <= parameters(many.architecture)
            assert few.sizes.train <= many.sizes.train
            assert few.sizes.eval <= many.sizes.eval
        grown = [parameters(member.architecture) for member in members[4:]]
        assert all(few < many for few, many in pairwise(grown))
