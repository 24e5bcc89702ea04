"""A space: its architectures, size, neighbours, and the checks of its choices."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_space.architecture import Architecture, Stage
from search_space.choices import InvalidSpace, StageChoices
from search_space.space import Space
from tests.search_space import strategies

BACKBONE = Architecture(
    (Stage("mbconv", 3, 2, 4, 8, 1, 0.25), Stage("fused_mbconv", 3, 1, 1, 16, 2)),
    stem_channels=8,
)
FIRST = StageChoices(("mbconv", "fused_mbconv"), (1, 2), (3,), (4, 6))
SECOND = StageChoices(("fused_mbconv",), (0, 2), (3, 5), (1, 4))
TINY = Space("tiny", BACKBONE, (FIRST, SECOND))


def test_size_is_what_counting_gives() -> None:
    grid = [TINY.at(i) for i in range(TINY.grid_size)]
    assert len({tuple(point.items()) for point in grid}) == TINY.grid_size == 8 * 8
    networks = {TINY.decode(point).architecture_id for point in grid}
    assert len(networks) == TINY.size == 8 * (4 + 1)


@given(strategies.spaces())
def test_size_is_what_counting_gives_in_any_space(space: Space) -> None:
    if space.grid_size <= 2000:
        points = (space.at(i) for i in range(space.grid_size))
        assert len({space.decode(point) for point in points}) == space.size


@given(strategies.spaces(), strategies.generators)
def test_points_and_architectures_convert_both_ways(space: Space, generator: random.Random) -> None:
    point = space.at(generator.randrange(space.grid_size))
    architecture = space.decode(point)
    assert list(point) == list(space.options())
    assert all(point[name] in options for name, options in space.options().items())
    assert space.decode(space.encode(architecture)) == architecture
    if all(layers for name, layers in point.items() if name.endswith("layers")):
        assert space.encode(architecture) == point


@given(strategies.spaces(), strategies.generators)
def test_samples_are_contained(space: Space, generator: random.Random) -> None:
    assert space.contains(space.sample(generator))


def test_a_sample_follows_from_its_generator() -> None:
    samples = [[TINY.sample(random.Random(seed)) for seed in range(20)] for _ in range(2)]
    assert samples[0] == samples[1]
    assert len(set(samples[0])) > 5


@given(strategies.spaces(), strategies.generators)
def test_neighbours_are_valid_different_and_mutual(space: Space, generator: random.Random) -> None:
    architecture = space.sample(generator)
    neighbours = list(space.neighbours(architecture))
    assert architecture not in neighbours
    assert len(set(neighbours)) == len(neighbours)
    for neighbour in neighbours[:20]:
        assert space.contains(neighbour)
        assert architecture in space.neighbours(neighbour)


def test_neighbours_change_one_choice() -> None:
    """Stage 1 can change operator, layers, expansion; stage 2 kernel, expansion, layers."""
    assert len(list(TINY.neighbours(BACKBONE))) == 3 + 3
    without = replace(BACKBONE, stages=BACKBONE.stages[:1])
    assert len(list(TINY.neighbours(without))) == 3 + 4


@given(strategies.spaces(), st.data())
def test_what_is_not_the_spaces_own_is_outside(space: Space, data: st.DataObject) -> None:
    inside = space.sample(data.draw(strategies.generators))
    i = data.draw(st.integers(0, len(inside.stages) - 1))
    change = data.draw(
        st.sampled_from([{"channels": 999}, {"stride": 3}, {"kernel": 9}, {"layers": 99},
                         {"expansion": 60}, {"operator": "another"}, {"se_ratio": 0.123}])
    )  # fmt: skip
    stages = list(inside.stages)
    stages[i] = replace(stages[i], **change)  # type: ignore[arg-type]
    outside = replace(inside, stages=tuple(stages))
    assert not space.contains(outside)
    with pytest.raises(ValueError, match=f"{outside.architecture_id} is not in "):
        space.encode(outside)


@pytest.mark.parametrize("name", ["stem_channels", "stem_stride", "head_channels"])
def test_stem_and_head_are_the_backbones(name: str) -> None:
    changed = replace(BACKBONE, **{name: 7})  # type: ignore[arg-type]
    assert not TINY.contains(changed)


def test_one_stage_more_or_less_is_outside() -> None:
    assert not TINY.contains(replace(BACKBONE, stages=(*BACKBONE.stages, BACKBONE.stages[1])))
    assert not TINY.contains(replace(BACKBONE, stages=BACKBONE.stages[1:]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layers": ()}, "stage 2: layers: got "),
        ({"layers": (2, 2)}, "stage 2: layers: got "),
        ({"layers": (0,)}, "stage 2: layers: got "),
        ({"layers": (2, -1)}, "stage 2: layers: got "),
        ({"layers": (2, 3.5)}, "stage 2: layers: got "),
        ({"kernel": (3, 4)}, "stage 2: kernel: got 4, must be odd"),
        ({"expansion": (1, 0)}, "stage 2: expansion: got 0, must be "),
        ({"operator": ("fused_mbconv", "")}, "stage 2: operator: got '', must be "),
        ({"se_ratio": (0, 0.0)}, "stage 2: se_ratio: got .*must be one or more different"),
        ({"se_ratio": (0, 1.5)}, "stage 2: se_ratio: got 1.5, must be from 0 to 1"),
        ({"channels": (16, 0)}, "stage 2: channels: got 0, must be a whole number from 1"),
        ({"activation": ("silu", "swish")}, "stage 2: activation: got 'swish', must be one of sil"),
    ],
)
def test_invalid_choices_are_told_in_one_line(change: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidSpace, match=f"^{message}") as raised:
        Space("wrong", BACKBONE, (FIRST, replace(SECOND, **change)))  # type: ignore[arg-type]
    assert "\n" not in str(raised.value)


def test_every_stage_has_its_choices() -> None:
    with pytest.raises(
        InvalidSpace, match=r"^stages: got choices for 1, must be the backbone's 2$"
    ):
        Space("wrong", BACKBONE, (FIRST,))


def test_a_stage_that_strides_stays() -> None:
    with pytest.raises(
        InvalidSpace,
        match=r"^stage 1: layers: got 0 at stride 2, must be 1 or more: only a stage of",
    ):
        Space("wrong", BACKBONE, (replace(FIRST, layers=(0, 1)), SECOND))


def test_one_stage_stays() -> None:
    backbone = replace(BACKBONE, stages=BACKBONE.stages[1:])
    with pytest.raises(
        InvalidSpace, match=r"^stages: got 0 layers in each, must have a stage without 0$"
    ):
        Space("wrong", backbone, (SECOND,))


def test_a_stage_that_may_be_left_out_is_told_apart_by_its_channels() -> None:
    """Otherwise two points of the space would be the same architecture."""
    backbone = replace(BACKBONE, stages=(*BACKBONE.stages, BACKBONE.stages[1]))
    with pytest.raises(
        InvalidSpace, match=r"^stage 2: layers: got 0, but another stage also has 16"
    ):
        Space("wrong", backbone, (FIRST, SECOND, replace(SECOND, layers=(2,))))


WIDE = Space(
    "wide",
    BACKBONE,
    (
        replace(FIRST, se_ratio=(0, 0.25), channels=(8, 16), activation=("silu", "relu")),
        replace(SECOND, channels=(24, 32), activation=("gelu",)),
    ),
)


def test_a_wider_space_by_hand() -> None:
    """Stage 1: 8 forms times 2 ratios, widths, activations. Stage 2: 4 times 2 widths, or none."""
    assert WIDE.size == (8 * 2 * 2 * 2) * (4 * 2 + 1)
    assert list(WIDE.options()) == [
        *(f"stage1.{name}" for name in ("operator", "layers", "kernel", "expansion")),
        *("stage1.se_ratio", "stage1.channels", "stage1.activation"),
        *(f"stage2.{name}" for name in ("operator", "layers", "kernel", "expansion")),
        *("stage2.channels", "stage2.activation"),
    ]
    stage = Stage("fused_mbconv", 3, 2, 4, 16, 2, 0.25, "relu")
    last = Stage("fused_mbconv", 5, 1, 1, 24, 2, 0.0, "gelu")
    network = replace(BACKBONE, stages=(stage, last))
    assert WIDE.contains(network)
    assert WIDE.decode(WIDE.encode(network)) == network
    # operator, layers, expansion, ratio, channels, activation; kernel, expansion, channels, none
    assert len(list(WIDE.neighbours(network))) == 6 + 4


def test_the_backbone_need_not_be_in_its_space() -> None:
    assert not WIDE.contains(BACKBONE)
    assert WIDE.point_of(BACKBONE) == {}
    with pytest.raises(ValueError, match="is not in wide"):
        WIDE.encode(BACKBONE)
    assert all(WIDE.contains(network) for network in map(WIDE.decode, map(WIDE.at, range(64))))


def test_what_a_stage_does_not_choose_is_the_backbones() -> None:
    backbone = replace(BACKBONE, stages=(replace(BACKBONE.stages[0], activation="relu"),))
    space = Space("relu", backbone, (replace(FIRST, expansion=(4,)),))
    stages = {space.decode(space.at(i)).stages[0] for i in range(space.size)}
    assert {(stage.channels, stage.stride, stage.activation) for stage in stages} == {
        (8, 2, "relu")
    }


def test_squeeze_and_excitation_follows_the_operator_where_it_is_no_choice() -> None:
    space = Space("ratios", BACKBONE, (FIRST, SECOND), {"fused_mbconv": 0.5})
    stages = {space.decode(space.at(i)).stages[0] for i in range(space.grid_size)}
    ratios = {(stage.operator, stage.se_ratio) for stage in stages}
    assert ratios == {("mbconv", 0.0), ("fused_mbconv", 0.5)}


def test_stages_whose_channels_overlap_cannot_be_left_out() -> None:
    first = replace(FIRST, channels=(8, 16))
    backbone = replace(BACKBONE, stages=(replace(BACKBONE.stages[0], stride=1), BACKBONE.stages[1]))
    with pytest.raises(
        InvalidSpace, match=r"^stage 2: layers: got 0, but another stage also has 16"
    ):
        Space("wrong", backbone, (first, SECOND))


def test_the_largest_network_is_within_the_bounds() -> None:
    with pytest.raises(InvalidSpace, match=r"^stages: the largest network: weights: got "):
        Space("large", BACKBONE, (replace(FIRST, channels=(8, 60_000)), SECOND))


@pytest.mark.parametrize("change", [{"se_ratio": 0.5}, {"activation": "relu"}, {}])
def test_any_network_is_a_space_of_its_own(change: dict[str, object]) -> None:
    stages = (BACKBONE.stages[0], replace(BACKBONE.stages[0], channels=16, **change))  # type: ignore[arg-type]
    network = replace(BACKBONE, stages=stages)
    space = Space.of_one("one", network)
    assert space.size == space.grid_size == 1
    assert space.decode(space.at(0)) == network


@pytest.mark.parametrize(
    ("se_ratio", "message"),
    [
        ({"mbconv": 2}, "stage 1: se_ratio: got 2, must be from 0 to 1"),
        ({"mbconv": 0.25, "mbconf": 0.25}, "se_ratio: got 'mbconf', must be one of "),
    ],
)
def test_an_invalid_se_ratio_is_told_in_one_line(se_ratio: dict[str, float], message: str) -> None:
    with pytest.raises(InvalidSpace, match=f"^{message}"):
        Space("wrong", BACKBONE, (FIRST, SECOND), se_ratio)
