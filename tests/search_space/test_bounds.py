"""Values of files are within bounds that no network or data set of today comes near."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from search_space import bounds
from search_space.architecture import Architecture, InvalidArchitecture, Stage
from search_space.bounds import OutOfBounds, load_json, read_text, shown
from search_space.choices import InvalidSpace
from search_space.published import published
from search_space.space_file import parse_space

XL = published("efficientnetv2-xl").architecture
FIRST = XL.stages[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layers": 10**9}, "layers: got 1000000000, must be a whole number from 1 to 1,000"),
        ({"channels": 10**12}, "channels: got 1000000000000, must be a whole number from 1 to 65"),
        ({"channels": 10**5000}, "channels: got a number of thousands of digits, must be"),
        ({"kernel": 10**9 + 1}, "kernel: got 1000000001, must be"),
        ({"stride": 10**9}, "stride: got 1000000000, must be"),
        ({"expansion": 10**9}, "expansion: got 1000000000, must be"),
        ({"operator": "x" * 10**6}, "operator: got 'xxxxx"),
        ({"se_ratio": 10**5000}, "se_ratio: got"),
    ],
)
def test_a_stage_is_bounded(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArchitecture) as refused:
        replace(FIRST, **change)
    assert str(refused.value).startswith(message)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ([replace(FIRST, layers=600)] * 2, "layers: got 1,200 in all, must be 1,000 or fewer"),
        ([FIRST] * 101, "stages: got 101 in all, must be 100 or fewer"),
        (
            [Stage("fused_mbconv", 101, 1, 64, 65_536, 10)],
            "weights: got ",
        ),
    ],
)
def test_a_network_is_bounded_as_a_whole(stages: list[Stage], message: str) -> None:
    with pytest.raises(InvalidArchitecture) as refused:
        Architecture(tuple(stages), 32)
    assert str(refused.value).startswith(message)


def test_four_times_the_layers_and_three_times_the_channels_of_xl_are_within() -> None:
    wider = (replace(stage, channels=3 * stage.channels) for stage in XL.stages)
    large = tuple(replace(stage, layers=4 * stage.layers) for stage in wider)
    replace(XL, stages=large, head_channels=3 * XL.head_channels)


def test_an_alias_of_yaml_is_refused_before_it_expands() -> None:
    lines = ["name: [&a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f", &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    bomb = "".join(lines) + "]\nbackbone: efficientnet-b0\nstages: []\n"
    assert len(bomb) < 700
    started = time.monotonic()
    with pytest.raises(InvalidSpace, match=r"^line 1: got the alias \*a0, must be written out"):
        parse_space(bomb)
    assert time.monotonic() - started < 1


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        (f"{{layers: [1, {10**9}], kernel: [3]}}", "stage 1: layers: got 1000000000, must be"),
        (
            f"{{layers: [1], kernel: {list(range(1, 201, 2))}}}",
            "stage 1: kernel: got 100 values, must be 64 or fewer",
        ),
        (
            f"{{layers: {list(range(1, 61))}, kernel: {list(range(1, 101, 2))}}}",
            "stage 1: got 12,000 different stages to choose from, must be 10,000 or fewer",
        ),
    ],
)
def test_the_choices_of_a_space_are_bounded(stage: str, message: str) -> None:
    text = (
        "name: x\nbackbone: {stem_channels: 8, stages: [{operator: mbconv, kernel: 3, stride: 1, "
        "expansion: 1, channels: 8, layers: 1}]}\n"
        f"choices: {{operator: [mbconv], expansion: [1, 2, 3, 4]}}\nstages: [{stage}]\n"
    )
    with pytest.raises(InvalidSpace) as refused:
        parse_space(text)
    assert str(refused.value).startswith(message)


def test_a_space_of_too_many_characters_is_refused() -> None:
    with pytest.raises(InvalidSpace, match="got 100,001 characters, must be 100,000 or fewer"):
        parse_space("#" * 100_001)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[NaN]", "got the number NaN, must be finite"),
        ("[1e999]", "got the number 1e999, must be finite"),
        (f"[{2**63}]", "got the number 9223372036854775808, must be below"),
        (f"[-{'9' * 10_000}]", "got the number -9999"),
        ("[" * 31 + "]" * 31, "nested deeper than 30 levels"),
        ("[" * 100_000, "nested deeper than 30 levels"),
        (f'["{"x" * 100_001}"]', "a text: got 'xxx"),
        (f'{{"{"x" * 100_001}": 1}}', "a text: got 'xxx"),
        (None, "got None, must be JSON"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_json_is_bounded(content: str, message: str) -> None:
    with pytest.raises(OutOfBounds) as refused:
        load_json(content)
    assert str(refused.value).startswith(message)
    assert len(str(refused.value)) < 200


def test_json_within_the_bounds_is_read() -> None:
    content = f'{{"a": [{2**63 - 1}, {-(2**63) + 1}, 1e308, null, true, "{"x" * 100_000}"]}}'
    value = load_json(content)
    assert value["a"][:5] == [2**63 - 1, -(2**63) + 1, 1e308, None, True]


def test_a_file_too_large_or_without_an_end_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "MOST_FILE_BYTES", 10)
    large, pipe = tmp_path / "large", tmp_path / "pipe"
    large.write_text("x" * 11)
    os.mkfifo(pipe)
    with pytest.raises(OutOfBounds, match="has 11 bytes, must have 10 or fewer"):
        read_text(large, bounds.MOST_FILE_BYTES)
    with pytest.raises(OutOfBounds, match="a pipe or a device, must be a file"):
        read_text(pipe)


@pytest.mark.parametrize(
    "value",
    ["x" * 10**7, list(range(10**6)), {i: [[[[i]]]] for i in range(10**5)}, 10**5000],
    ids=["text", "list", "tree", "number"],
)
def test_a_value_of_any_size_is_shown_on_a_short_line(value: object) -> None:
    assert len(shown(value)) <= 60
