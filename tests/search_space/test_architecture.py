"""An architecture is a checked value, lossless in JSON, with an id for the network it builds."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_space.architecture import Architecture, InvalidArchitecture, Stage, own_network
from search_space.published import published
from tests.search_space import strategies

STAGE = Stage("mbconv", 3, 2, 4, 24, 2, 0.25)
ARCHITECTURE = Architecture((STAGE, STAGE), stem_channels=16)


@given(strategies.architectures)
def test_json_gives_the_same_value_back(architecture: Architecture) -> None:
    text = json.dumps(architecture.to_json(), allow_nan=False)
    assert Architecture.from_json(json.loads(text)) == architecture


@given(strategies.architectures)
def test_equal_values_are_one_key(architecture: Architecture) -> None:
    twin = Architecture.from_json(architecture.to_json())
    assert {architecture: 1}[twin] == 1


def test_a_value_does_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        STAGE.kernel = 5  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        ARCHITECTURE.stem_channels = 8  # type: ignore[misc]


def test_the_id_stays_the_same_from_release_to_release() -> None:
    """Records and file names contain it."""
    assert published("efficientnet-b0").architecture.architecture_id == "2bc0c815f484"
    assert published("efficientnetv2-s").architecture.architecture_id == "9e7b7684be4c"


def test_without_another_activation_json_and_id_are_those_of_earlier_releases() -> None:
    silu = ARCHITECTURE
    relu = replace(silu, stages=(STAGE, replace(STAGE, activation="relu")))
    keys = {"operator", "kernel", "stride", "expansion", "channels", "layers", "se_ratio"}
    assert [set(stage) for stage in silu.to_json()["stages"]] == [keys, keys]
    assert silu.architecture_id == "e9e45c23997d"
    assert [stage.get("activation") for stage in relu.to_json()["stages"]] == [None, "relu"]
    assert relu.architecture_id != silu.architecture_id


@given(strategies.architectures, st.data())
def test_a_stage_cut_in_two_is_the_same_network(
    architecture: Architecture, data: st.DataObject
) -> None:
    i = data.draw(st.integers(0, len(architecture.stages) - 1))
    stage = architecture.stages[i]
    first = data.draw(st.integers(1, stage.layers))
    halves = [replace(stage, layers=first)]
    if first < stage.layers:
        halves.append(replace(stage, layers=stage.layers - first, stride=1))
    stages = (*architecture.stages[:i], *halves, *architecture.stages[i + 1 :])
    assert replace(architecture, stages=stages).architecture_id == architecture.architecture_id


@given(strategies.architectures, st.data())
def test_every_number_that_changes_a_block_changes_the_id(
    architecture: Architecture, data: st.DataObject
) -> None:
    i = data.draw(st.integers(0, len(architecture.stages) - 1))
    name = data.draw(
        st.sampled_from(
            ["operator", "kernel", "stride", "expansion", "channels", "layers", "activation"]
        )
    )
    stage = architecture.stages[i]
    others: dict[str, Any] = {"operator": "another", "kernel": stage.kernel + 2}
    others["activation"] = "mish" if stage.activation == "silu" else "silu"
    other = others[name] if name in others else getattr(stage, name) + 1
    stages = list(architecture.stages)
    stages[i] = replace(stage, **{name: other})
    changed = replace(architecture, stages=tuple(stages))
    assert changed.architecture_id != architecture.architecture_id


@given(strategies.architectures, st.sampled_from(["stem_channels", "stem_stride", "head_channels"]))
def test_stem_and_head_are_in_the_id(architecture: Architecture, name: str) -> None:
    changed = replace(architecture, **{name: getattr(architecture, name) + 1})
    assert changed.architecture_id != architecture.architecture_id


def test_what_builds_the_same_has_the_same_id() -> None:
    """24 * 0.25 and 24 * 0.26 are both 6 channels, 16 * both are 4; 24 * 0.30 is 7."""
    same = replace(ARCHITECTURE, stages=(replace(STAGE, se_ratio=0.26),) * 2)
    assert same.architecture_id == ARCHITECTURE.architecture_id
    other = replace(ARCHITECTURE, stages=(replace(STAGE, se_ratio=0.30),) * 2)
    assert other.architecture_id != ARCHITECTURE.architecture_id


@given(strategies.architectures)
def test_blocks_chain(architecture: Architecture) -> None:
    """Each block takes the channels of the one before; only a stage's first changes resolution."""
    blocks = list(architecture.blocks())
    assert len(blocks) == sum(stage.layers for stage in architecture.stages)
    given_channels = [architecture.stem_channels, *(block.out_channels for block in blocks)]
    assert [block.in_channels for block in blocks] == given_channels[:-1]
    stride = architecture.stem_stride
    for block in blocks:
        stride *= block.stride
    assert stride == architecture.stride


def test_squeeze_channels_follow_the_blocks_own_input() -> None:
    """Before expansion, rounded down, at least one (EfficientNetV2's public code)."""
    stages = (
        Stage("mbconv", 3, 1, 6, 24, 2, 0.25),
        Stage("mbconv", 3, 2, 6, 3, 2, 0.25),
        Stage("mbconv", 3, 1, 6, 16, 1, 0.0),
    )
    blocks = Architecture(stages, stem_channels=35).blocks()
    assert [block.squeeze_channels for block in blocks] == [8, 6, 6, 1, 0]


INVALID_STAGES: list[tuple[str, object]] = [
    ("operator", 3),
    ("operator", ""),
    ("operator", "mb conv"),
    *((name, value) for name in ("kernel", "stride", "expansion", "channels", "layers")
      for value in (0, -1, 1.5, "3", None, True)),
    ("kernel", 4),
    *(("se_ratio", value) for value in (-0.1, 1.1, float("nan"), "0.25", None, True)),
    *(("activation", value) for value in ("swish", "", None, 3, ["relu"])),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), INVALID_STAGES)
def test_an_invalid_stage_is_told_in_one_line(name: str, value: object) -> None:
    with pytest.raises(InvalidArchitecture) as raised:
        replace(STAGE, **{name: value})  # type: ignore[arg-type]
    assert_names(str(raised.value), name, value)


@pytest.mark.parametrize("name", ["stem_channels", "stem_stride", "head_channels"])
@pytest.mark.parametrize("value", [0, -8, 2.0, "32", None, True])
def test_an_invalid_architecture_is_told_in_one_line(name: str, value: object) -> None:
    with pytest.raises(InvalidArchitecture) as raised:
        replace(ARCHITECTURE, **{name: value})  # type: ignore[arg-type]
    assert_names(str(raised.value), name, value)


@pytest.mark.parametrize("stages", [(), ("mbconv",)])
def test_an_architecture_has_stages(stages: Any) -> None:
    with pytest.raises(InvalidArchitecture, match=r"^stages: got .*, must be "):
        Architecture(stages, stem_channels=16)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"stages": None}, "stages"),
        ({"stages": []}, "stages"),
        ({"stages": ["mbconv"]}, "stages"),
        ({"stages": [{"operator": "mbconv"}]}, "kernel"),
        ({"stages": [{**vars(STAGE), "dilation": 2}]}, "dilation"),
        ({"stages": [{**vars(STAGE), "kernel": 2}]}, "kernel"),
        ({"stem_channels": None}, "stem_channels"),
        ({"stem_stride": "2"}, "stem_stride"),
        ({"schema_version": 2}, "schema_version"),
    ],
)
def test_invalid_json_is_told_in_one_line(change: dict[str, object], named: str) -> None:
    with pytest.raises(InvalidArchitecture) as raised:
        Architecture.from_json({**ARCHITECTURE.to_json(), **change})
    assert named in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("data", [None, [], "mbconv", 3])
def test_json_of_another_kind_is_refused(data: Any) -> None:
    with pytest.raises(InvalidArchitecture, match=r"^architecture: got .*, must be an object$"):
        Architecture.from_json(data)


def test_json_may_hold_more_than_the_architecture() -> None:
    """best.json also holds measurements."""
    assert Architecture.from_json({**ARCHITECTURE.to_json(), "accuracy": 0.9}) == ARCHITECTURE


def assert_names(message: str, name: str, value: object) -> None:
    assert message.startswith(f"{name}: got {value!r}, must be ")
    assert "\n" not in message


def test_a_network_of_ones_own_is_a_value_too() -> None:
    own = own_network("mine.nets:small")
    assert own.functions == ("mine.nets:small",)
    assert Architecture.from_json(json.loads(json.dumps(own.to_json()))) == own
    assert own.architecture_id != own_network("mine.nets:other").architecture_id
    assert ARCHITECTURE.functions == ("mbconv",)
    assert "network" not in ARCHITECTURE.to_json()
    for wrong, said in (("small", "network: got 'small', must be"), (5, "network: got 5, must be")):
        with pytest.raises(InvalidArchitecture, match=said):
            own_network(wrong)  # type: ignore[arg-type]
    with pytest.raises(InvalidArchitecture, match="stages: got 2 beside a network"):
        replace(ARCHITECTURE, network="mine.nets:small")
