"""``nas show``: tables for people, JSON for programs, one line for mistakes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from nas.architectures import find_architecture
from nas.cli.main import nas
from results.architecture_file import ArchitectureFile, write
from search_space.architecture import Architecture
from search_space.published import published
from search_space.space import Space
from search_space.spaces import small
from search_space.task import Task
from tests.nas.conftest import Refusal

SMALL = small(8).backbone
MEASUREMENTS = {
    "accuracy": 0.875,
    "epochs": 10,
    "step_time_s": 0.0123,
    "step_time_ci_s": [0.012, 0.0131],
    "normalized_step_time": 0.91,
    "normalized_step_time_ci": [0.9, 0.934],
    "unsteady": None,
    "batch_size": 64,
    "device": "A CPU, 1 thread",
    "reward": 0.8812,
}


@pytest.fixture
def best(tmp_path: Path) -> Path:
    """A file as a search leaves it."""
    file = ArchitectureFile("winner", SMALL, 8, 8, Task(10, 1), 123_456, 7_654_321, MEASUREMENTS)
    return write(tmp_path / "best.json", file)


def _show(*arguments: object) -> str:
    result = CliRunner().invoke(nas, ["show", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def _show_json(*arguments: object) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(_show(*arguments, "--json"))
    return data


def test_a_published_network_as_a_table() -> None:
    """EfficientNetV2-S: the paper's Table 4, and torchvision's count of parameters."""
    lines = _show("efficientnetv2-s").splitlines()
    rows = [line.split() for line in lines]
    assert ["1", "fused_mbconv", "3", "1", "1", "24", "2"] in rows
    assert ["4", "mbconv", "3", "2", "4", "128", "6", "0.25"] in rows
    assert ["6", "mbconv", "3", "2", "6", "256", "15", "0.25"] in rows
    assert ["parameters", "21,458,488"] in rows
    (multiply_adds,) = (row[1] for row in rows if row[:1] == ["multiply-adds"])
    assert 8.3e9 < int(multiply_adds.replace(",", "")) < 8.9e9  # published: 8.4 to 8.8 billion
    assert "image size     300 px to train, 384 px to evaluate" in lines
    assert max(map(len, lines)) <= 80


def test_a_published_network_as_json_has_the_contracts_keys() -> None:
    data = _show_json("efficientnet-b0")
    assert {"name", "parameters", "multiply_adds", "image_size", "stages"} <= set(data)
    assert data["name"] == "efficientnet-b0"
    assert data["parameters"] == 5_288_548
    assert set(data["image_size"]) == {"train", "eval"}
    keys = {"operator", "kernel", "stride", "expansion", "channels", "layers", "se_ratio"}
    assert all(set(stage) == keys for stage in data["stages"])
    assert Architecture.from_json(data) == published("efficientnet-b0").architecture


def test_json_can_be_shown_again(tmp_path: Path) -> None:
    path = tmp_path / "copy.json"
    path.write_text(_show("efficientnet-b0", "--json"))
    assert find_architecture(str(path)).multiply_adds == _show_json(path)["multiply_adds"]


def test_a_files_own_counts_are_shown(best: Path) -> None:
    data = _show_json(best)
    assert (data["parameters"], data["multiply_adds"]) == (123_456, 7_654_321)
    assert data["measurements"] == MEASUREMENTS


def test_measurements_are_shown_with_their_device(best: Path) -> None:
    text = _show(best)
    assert "accuracy       87.5 % on the minival, after 10 epochs" in text
    assert "training step  12.3 ms (12.0 to 13.1), batch 64 on A CPU, 1 thread" in text
    assert "               0.91 x the backbone's (0.90 to 0.93)\n" in text
    assert "unsteady" not in text
    assert "reward         0.8812" in text


def test_what_disturbed_a_measurement_is_shown(tmp_path: Path) -> None:
    measurements = {**MEASUREMENTS, "unsteady": "its 7 steps scatter by 9 %"}
    file = ArchitectureFile("winner", SMALL, 8, 8, Task(10, 1), 123_456, 7_654_321, measurements)
    text = _show(write(tmp_path / "best.json", file))
    assert "               unsteady: its 7 steps scatter by 9 %\n" in text


def test_a_file_of_an_early_release_has_no_interval_of_the_ratio(tmp_path: Path) -> None:
    early = {k: v for k, v in MEASUREMENTS.items() if not k.endswith(("time_ci", "unsteady"))}
    file = ArchitectureFile("winner", SMALL, 8, 8, Task(10, 1), 123_456, 7_654_321, early)
    text = _show(write(tmp_path / "best.json", file))
    assert "               0.91 x the backbone's\n" in text


def test_a_space_as_a_table() -> None:
    text = _show("--space", "small")
    rows = [line.split() for line in text.splitlines()]
    assert ["4", "0/1/2/3", "64", "1"] in rows
    for row in (["operator", "mbconv/fused_mbconv"], ["kernel", "3/5"], ["expansion", "1/4/6"]):
        assert row in rows
    assert f"architectures  {small().size:,}" in text


def test_a_wider_space_as_a_table() -> None:
    lines = _show("--space", "vertex-efficientnetv2").splitlines()
    rows = [line.split() for line in lines]
    assert ["6", "7/8/9", "144/192/240", "2"] in rows
    for row in (["expansion", "1/2/4/6"], ["SE", "0/0.25"], ["activation", "silu/relu"]):
        assert row in rows
    assert "architectures  24,346,898,290,704,384" in lines
    assert max(map(len, lines)) <= 80


def test_what_differs_by_stage_is_a_column(tmp_path: Path) -> None:
    path = tmp_path / "space.yaml"
    path.write_text(
        """
name: mixed
backbone: efficientnetv2-b0
choices: {operator: [mbconv, convnext], kernel: [5], expansion: [4], layers: [2]}
stages: [{}, {activation: [relu, gelu]}, {}, {kernel: [3, 5]}, {}, {se_ratio: [0, 0.1]}]
"""
    )
    lines = _show("--space", path).splitlines()
    rows = [line.split() for line in lines]
    assert ["stage", "kernel", "SE", "activation", "channels", "stride"] in rows
    for row in (["2", "5", "relu/gelu", "32", "2"], ["6", "5", "0/0.1", "192", "2"]):
        assert row in rows
    assert "backbone       not in the space, only measured against" in lines
    assert max(map(len, lines)) <= 80


def test_activations_stand_below_the_table(tmp_path: Path) -> None:
    stages = (replace(SMALL.stages[0], activation="hardswish"), *SMALL.stages[1:])
    network = replace(SMALL, stages=stages)
    path = write(tmp_path / "a.json", ArchitectureFile("winner", network, 8, 8, Task(10, 1)))
    lines = _show(path).splitlines()
    assert "activation     hardswish in stage 1; silu in stages 2, 3, 4" in lines
    assert max(map(len, lines)) <= 80
    assert [s.get("activation") for s in _show_json(path)["stages"]] == ["hardswish", *[None] * 3]


def test_a_space_as_json(tiny_space_file: Path, tiny_space: Space) -> None:
    data = _show_json("--space", tiny_space_file)
    assert (data["name"], data["size"]) == ("tiny", 144)
    assert Architecture.from_json(data["backbone"]) == tiny_space.backbone
    assert data["stages"][0] == {
        "operator": ["mbconv", "fused_mbconv"],
        "layers": [1, 2],
        "kernel": [3],
        "expansion": [1, 2, 4],
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("resnet-50",), "ARCH: got 'resnet-50', must be a file such as best.json, RUN#7 "),
        ((), "ARCH: must be given, or --space instead of it"),
        (("--space", "darts"), "--space: got 'darts', must be one of"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    refusal: Refusal, arguments: tuple[str, ...], message: str
) -> None:
    assert refusal("show", *arguments).startswith(message)


def test_a_name_and_a_space_together_are_refused(refusal: Refusal) -> None:
    message = refusal("show", "efficientnet-b0", "--space", "small")
    assert message.startswith("ARCH: must be given, or --space instead of it, and not both")


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"mode": "graph", "busy_share": 0.917}, "as a CUDA graph, the GPU busy for 92 % of it"),
        ({"mode": "eager", "failure": "it reads"}, "eager, not as a CUDA graph"),
        (
            {"mode": "compiled graph", "busy_share": None, "sharers": 4},
            "compiled, as a CUDA graph, 4 candidates to a GPU",
        ),
    ],
)
def test_it_shows_how_a_gpu_ran_the_step(
    tmp_path: Path, conditions: dict[str, object], expected: str
) -> None:
    measurements = {**MEASUREMENTS, "conditions": conditions}
    file = ArchitectureFile("winner", SMALL, 8, 8, Task(10, 1), 123_456, 7_654_321, measurements)
    assert f"\n               {expected}\n" in _show(write(tmp_path / "best.json", file))
