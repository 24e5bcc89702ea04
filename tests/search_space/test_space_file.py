"""A space as a YAML file: it is read as it was written, and every error is one line."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from search_space import space_file
from search_space.choices import InvalidSpace, StageChoices
from search_space.published import published
from search_space.space import Space
from search_space.space_file import parse_space, read_space, write_space
from search_space.spaces import SPACES
from tests.search_space import strategies

TEXT = """\
name: mine
backbone:
  stem_channels: 8
  stages:
    - {operator: mbconv, kernel: 3, stride: 1, expansion: 1, channels: 8, layers: 1, se_ratio: 0.25}
    - {operator: mbconv, kernel: 3, stride: 2, expansion: 4, channels: 9, layers: 2, se_ratio: 0.25}
choices:
  operator: [mbconv, my_operator]
  kernel: [3, 5]
  expansion: [1, 4]
stages:
  - {layers: [1, 2]}
  - {layers: [2], kernel: [3]}
"""


@given(strategies.spaces())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_space_comes_back(tmp_path: Path, space: Space) -> None:
    assert _read(tmp_path, write_space(space)) == space


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("size", [8, 224])
def test_named_spaces_come_back(tmp_path: Path, name: str, size: int) -> None:
    space = SPACES[name](size)
    assert _read(tmp_path, write_space(space)) == space


def test_a_published_backbone_is_written_by_name() -> None:
    lines = write_space(SPACES["efficientnet-b4"](224)).splitlines()
    assert lines[:2] == ["name: efficientnet-b4", "backbone: efficientnet-b4"]
    assert "- layers: [0, 1, 2, 3]" in lines


def test_a_stage_says_only_what_differs(tmp_path: Path) -> None:
    space = _read(tmp_path, TEXT)
    assert space.name == "mine"
    assert space.backbone.stem_stride == 2
    assert space.choices == (
        StageChoices(("mbconv", "my_operator"), (1, 2), (3, 5), (1, 4)),
        StageChoices(("mbconv", "my_operator"), (2,), (3,), (1, 4)),
    )
    assert space.se_ratio == {"mbconv": 0.25}


def test_a_backbone_may_be_a_published_name(tmp_path: Path) -> None:
    text = write_space(SPACES["efficientnet-b4"](224)).replace("efficientnet-b4", "mine", 1)
    space = _read(tmp_path, text)
    assert space.name == "mine"
    assert space.backbone == published("efficientnet-b4").architecture


@pytest.mark.parametrize(
    ("was", "now", "message"),
    [
        ("name: mine\n", "", "the file: got no name, must have name, backbone, stages"),
        ("name: mine", "name: 3", "name: got 3, must be a text"),
        ("name: mine", "name:", "name: got None, must be a text"),
        ("name: mine", "name: mine\ncolour: red", "the file: got key 'colour', may be name, "),
        ("name: mine", "name: mine\n3: red", "the file: got key 3, may be name, "),
        ("name: mine", "name: [mine", "line 2: "),
        ("name: mine", "name: &a [*b]", "line 1: got the alias *b, must be written out"),
        ("name: mine", "name: 2026-13-45", "month must be in 1..12, must be YAML"),
        ("name: mine", "name: \x07", "unacceptable character #x0007"),
        ("  stem_channels: 8\n", "", "backbone: got no stem_channels, must have stem_channels, st"),
        ("stem_channels: 8", "stem_channels: 0", "backbone: stem_channels: got 0, must be a whole"),
        ("stem_channels: 8", "stem: 8", "backbone: got key 'stem', may be stem_channels, "),
        ("layers: 2, se", "layer: 2, se", "backbone: stages: unknown keys ['layer'], missing keys"),
        ("choices:\n", "choices: 3\nse_ratio:\n", "choices: got 3, must be an object of operator"),
        ("[3, 5]", "3", "choices: kernel: got 3, must be a list such as [3, 5]"),
        ("[3, 5]", "[3, '5']", "choices: kernel: got [3, '5'], must be a list such as [3, 5]"),
        ("[3, 5]", "[3, true]", "choices: kernel: got [3, True], must be a list such as [3, 5]"),
        ("[3, 5]", "[3, 4]", "stage 1: kernel: got 4, must be odd"),
        ("[3, 5]", "[3, 3]", "stage 1: kernel: got (3, 3), must be one or more different"),
        ("[3, 5]", "[]", "stage 1: kernel: got (), must be one or more different val"),
        ("[mbconv, my_operator]", "mbconv", "choices: operator: got 'mbconv', must be a list such"),
        ("  expansion: [1, 4]\n", "", "stage 1: got no expansion, must be here or under choices"),
        ("[2], k", "[0, 2], k", "stage 2: layers: got 0 at stride 2, must be 1 or more: only"),
        ("{layers: [1, 2]}", "[1, 2]", "stage 1: got [1, 2], must be an object of operator, layer"),
        ("{layers: [1, 2]}", "{depth: [1]}", "stage 1: got key 'depth', may be operator, layers,"),
        ("  - {layers: [1, 2]}\n", "", "stages: got choices for 1, must be the backbone's 2"),
        ("stages:\n  - {layers: [1, 2]}\n  - {layers: [2], kernel: [3]}", "stages: {}",
         "stages: got {}, must be a list of 2 objects"),
        ("choices:\n", "se_ratio: 0.25\nchoices:\n", "se_ratio: got 0.25, must be an object such"),
        ("choices:\n", "se_ratio: {mbconv: 2}\nchoices:\n", "se_ratio: mbconv: got 2, must be a n"),
        ("choices:\n", "se_ratio: {mbconf: 0.25, mbconv: 0.25}\nchoices:\n",
         "se_ratio: got 'mbconf', must be one of ['mbconv', 'my_operator']"),
        ("choices:\n", "se_ratio: [0, 1]\nchoices:\n",
         "se_ratio: got [0, 1], must be an object such as {mbconv: 0.25}; a choice such as [0,"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_in_one_line(tmp_path: Path, was: str, now: str, message: str) -> None:
    assert TEXT.count(was) == 1
    assert_told(tmp_path, TEXT.replace(was, now), message)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("se_ratio: 0.25", "choices: se_ratio: got 0.25, must be a list such as [0, 0.25]"),
        ("se_ratio: [2]", "stage 1: se_ratio: got 2, must be from 0 to 1"),
        ("activation: []", "choices: activation: got [], must be a list such as [silu, relu]"),
        ("activation: [swish]", "stage 1: activation: got 'swish', must be one of silu, relu, "),
        (
            "channels: [0.75]",
            "choices: channels: got [0.75], must be a list such as [24, 32] or [x",
        ),
        ("channels: [0.5x]", "stage 1: channels: got '0.5x', must be a number such as 32 or a fac"),
        ("channels: [x0]", "stage 1: channels: got 'x0', must be a number such as 32 or a factor "),
        ("channels: [x99]", "stage 1: channels: got 'x99', must be a number such as 32 or a facto"),
        ("channels: [0]", "stage 1: channels: got 0, must be a whole number from 1 to 65,536"),
        ("channels: [8, 8]", "stage 1: channels: got (8, 8), must be one or more different values"),
    ],
)
def test_a_mistake_in_a_further_choice_is_told_in_one_line(
    tmp_path: Path, line: str, message: str
) -> None:
    assert_told(tmp_path, TEXT.replace("choices:\n", f"choices:\n  {line}\n"), message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file: got None, must be an object of name, "),
        ("[]", "the file: got [], must be an object of name, "),
        ("a: b: c", "line 1: mapping values are not allowed here, must be YAML"),
        ("[" * 5000, ""),
        (
            "name: mine\nbackbone: resnet\nstages: []",
            "backbone: got 'resnet', must be one of effic",
        ),
        ("name: mine\nbackbone: 3\nstages: []", "backbone: got 3, must be an object of stem_chann"),
        ("!!python/object:os.system {}", "line 1: could not determine a constructor for the tag"),
    ],
)
def test_what_is_no_space_is_told_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    assert_told(tmp_path, text, message)


def test_a_file_that_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InvalidSpace, match=r"absent\.yaml: No such file or directory, must be a Y"):
        read_space(tmp_path / "absent.yaml")
    with pytest.raises(InvalidSpace, match="Is a directory, must be a YAML file"):
        read_space(tmp_path)


def test_bytes_that_are_no_text_are_told_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "space.yaml"
    path.write_bytes(b"name: \xff\xfe")
    with pytest.raises(InvalidSpace, match=r"space\.yaml: 'utf-8' codec can't decode .*be YAML$"):
        read_space(path)


def assert_told(folder: Path, text: str, message: str) -> None:
    with pytest.raises(InvalidSpace) as raised:
        _read(folder, text)
    assert str(raised.value).startswith(f"{folder / 'space.yaml'}: {message}")
    assert "\n" not in str(raised.value)


def _read(folder: Path, text: str) -> Space:
    path = folder / "space.yaml"
    path.write_text(text, encoding="utf-8")
    return read_space(path)


def test_the_examples_in_the_description_are_a_space() -> None:
    """They can be copied as they are; the backbone's ``se_ratio`` follows from the operator."""
    assert space_file.__doc__ is not None
    _, first, second = space_file.__doc__.split(".. code-block:: yaml\n")
    text = textwrap.dedent(first.partition("\nA stage may also")[0])
    space = parse_space(text)
    assert [stage.se_ratio for stage in space.backbone.stages] == [0.25, 0.25]
    assert space.size == (2 * 2 * 2 * 3) * (2 * 3 * 1 * 3)
    more = textwrap.indent(textwrap.dedent(second.partition("\nOf factors")[0]), "  ")
    wider = parse_space(text.replace("choices:", f"choices:\n{more}#"))
    # 16 channels: 12 rounds to 16, 20 to 24. 32 channels: 24, 32 and 40.
    assert [choices.channels for choices in wider.choices] == [(16, 24), (24, 32, 40)]
    assert wider.size == (24 * 2 * 2 * 2) * (18 * 2 * 3 * 2)


def test_factors_of_channels_are_rounded_but_for_the_factor_of_one() -> None:
    """Of 9 channels, x0.75 is 6.75 and so 8, x1 stays 9, x2 is 18 and so 16."""
    factors = "  channels: [x0.75, x1, 10, x2.0, x.9]\n  expansion:"
    space = parse_space(TEXT.replace("  expansion:", factors))
    assert space.choices[1].channels == (8, 9, 10, 16)


def test_a_space_need_not_contain_its_backbone(tmp_path: Path) -> None:
    text = TEXT.replace("[3, 5]", "[5]").replace("[2], kernel: [3]", "[3, 4]")
    space = _read(tmp_path, text.replace("[mbconv, my_operator]", "[fused_mbconv]"))
    assert not space.contains(space.backbone)
    assert space.size == 2 * 2 * (2 * 2)
    assert _read(tmp_path, write_space(space)) == space
