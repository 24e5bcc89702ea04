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
def test_samples_and_the_backbone_are_contained(space: Space, generator: random.Random) -> None:
    assert space.contains(space.backbone)
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
    i = data.draw(st.integers(0, len(space.backbone.stages) - 1))
    change = data.draw(
        st.sampled_from([{"channels": 999}, {"stride": 3}, {"kernel": 9}, {"layers": 99},
                         {"expansion": 99}, {"operator": "another"}, {"se_ratio": 0.123}])
    )  # fmt: skip
    stages = list(space.backbone.stages)
    stages[i] = replace(stages[i], **change)  # type: ignore[arg-type]
    outside = replace(space.backbone, stages=tuple(stages))
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
        ({"layers": (1, 3)}, "stage 2: layers: got .*must include the backbone's 2"),
        ({"kernel": (3, 4)}, "stage 2: kernel: got 4, must be odd"),
        ({"kernel": (5,)}, "stage 2: kernel: got .*must include the backbone's 3"),
        ({"expansion": (1, 0)}, "stage 2: expansion: got 0, must be "),
        ({"expansion": (4,)}, "stage 2: expansion: got .*must include the backbone's 1"),
        ({"operator": ("fused_mbconv", "")}, "stage 2: operator: got '', must be "),
        (
            {"operator": ("mbconv",)},
            "stage 2: operator: got .*must include the backbone's 'fused_mbconv'",
        ),
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


@pytest.mark.parametrize(
    ("se_ratio", "message"),
    [
        (
            {"mbconv": 0.5},
            "stage 1: se_ratio: got 0.5 for mbconv, must be the backbone's 0.25",
        ),
        ({"mbconv": 2}, "stage 1: se_ratio: got 2, must be from 0 to 1"),
        ({"mbconv": 0.25, "mbconf": 0.25}, "se_ratio: got 'mbconf', must be one of "),
    ],
)
def test_an_invalid_se_ratio_is_told_in_one_line(se_ratio: dict[str, float], message: str) -> None:
    with pytest.raises(InvalidSpace, match=f"^{message}"):
        Space("wrong", BACKBONE, (FIRST, SECOND), se_ratio)
