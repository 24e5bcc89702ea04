"""Published families are reproduced; any other network is the S of its own family."""

from __future__ import annotations

from itertools import pairwise

import pytest

from scaling.compound import Multipliers
from scaling.families import by_compound, by_factors, family_of
from scaling.scaled import Base, ImageSizes
from search_space.published import PUBLISHED, published
from search_space.spaces import small
from search_space.transforms import to_nearest_8_guarded
from tests.scaling.networks import parameters, sampled


def _base(name: str) -> Base:
    network = published(name)
    return Base(name, network.architecture, ImageSizes(network.train_size, network.eval_size))


B_NAMES = [name for name in PUBLISHED if "-b" in name or name == "efficientnet-l2"]


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


@pytest.mark.parametrize("size", "SML")
def test_the_edgetpu_family_is_exactly_the_published(size: str) -> None:
    family, aim = (
        family_of(_base("efficientnet-edgetpu-l")),
        published(f"efficientnet-edgetpu-{size.lower()}"),
    )
    member = family.member(family.places[size])
    assert member.architecture == aim.architecture
    assert member.sizes == ImageSizes(aim.train_size, aim.eval_size)
    assert (member.dropout, member.parent.name) == (aim.dropout, "efficientnet-edgetpu-s")


def test_a_family_has_its_own_names() -> None:
    names = [*(f"B{i}" for i in range(9)), "L2"]
    assert list(family_of(_base("efficientnet-b4")).places) == names
    assert list(family_of(_base("efficientnet-l2")).places) == names
    assert list(family_of(_base("efficientnet-edgetpu-m")).places) == ["S", "M", "L"]
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


def test_width_depth_or_resolution_alone() -> None:
    """Each factor changes its own dimension; 1.3 times 224 px is 291.2."""
    base = _base("efficientnet-b0")
    stages = base.architecture.stages
    wide = by_factors(base, Multipliers(width=2.0), to_nearest_8_guarded)
    deep = by_factors(base, Multipliers(depth=1.5))
    fine = by_factors(base, Multipliers(resolution=1.3))
    assert [s.channels for s in wide.architecture.stages] == [2 * s.channels for s in stages]
    assert (wide.architecture.stem_channels, wide.architecture.head_channels) == (64, 2560)
    assert [s.layers for s in wide.architecture.stages] == [s.layers for s in stages]
    assert [s.layers for s in deep.architecture.stages] == [2, 3, 3, 5, 5, 6, 2]
    assert [s.channels for s in deep.architecture.stages] == [s.channels for s in stages]
    assert wide.sizes == deep.sizes == base.sizes
    assert fine.architecture == base.architecture
    assert fine.sizes == ImageSizes(292, 292)
    assert [one.rule for one in (wide, deep, fine)] == ["width", "depth", "resolution"]


def test_factors_together_and_below_one() -> None:
    """B2 is B0 by 1.1 and 1.2, at 260 of 224 px; a resolution of 4 exceeds the cap of 480 px."""
    base = _base("efficientnet-b0")
    b2 = by_factors(base, Multipliers(1.1, 1.2, 260 / 224), to_nearest_8_guarded)
    assert (b2.architecture, b2.sizes) == (
        published("efficientnet-b2").architecture,
        ImageSizes(260, 260),
    )
    assert b2.rule == "factors"
    assert b2.factors == {"width": 1.1, "depth": 1.2, "resolution": 260 / 224}
    small_one = by_factors(base, Multipliers(0.5, 0.5, 0.5))
    assert [s.layers for s in small_one.architecture.stages] == [1, 1, 1, 2, 2, 2, 1]
    assert parameters(small_one.architecture) < parameters(base.architecture)
    assert by_factors(base, Multipliers(resolution=4.0)).sizes == ImageSizes(896, 896)


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
