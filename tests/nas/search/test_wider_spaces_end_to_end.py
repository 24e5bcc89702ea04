"""A search in which stages choose more than the paper's do, and what comes after it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from nas.cli.main import nas as command
from nas.search.samplers.base import Observation
from nas.search.samplers.policy import PolicySampler
from nas.search.samplers.registry import SAMPLERS
from search_space.architecture import Architecture
from search_space.space_file import parse_space, read_space
from tests.nas.command_line import candidates, nas
from tests.nas.conftest import Refusal
from tests.nas.search.samplers.conftest import Lab

SPACE = """\
name: wider
backbone:                     # outside the space, as no stage may be MBConv
  stem_channels: 4
  head_channels: 16
  stages:
    - {operator: mbconv, kernel: 3, stride: 1, expansion: 1, channels: 8, layers: 1}
    - {operator: mbconv, kernel: 3, stride: 2, expansion: 2, channels: 16, layers: 1}
choices:
  operator: [convnext, bottleneck, mbconv_k7]
  kernel: [3]
  expansion: [2, 4]
  se_ratio: [0, 0.25]
  activation: [gelu, relu]
stages:
  - {layers: [1]}
  - {layers: [1, 2], channels: [x0.5, x1, x1.5]}
"""
FORMS = 3 * 2 * 2 * 2
SIZE = FORMS * (FORMS * 2 * 3)


@pytest.fixture
def space_file(tmp_path: Path) -> Path:
    """The space of this file, for ``--space``."""
    path = tmp_path / "wider.yaml"
    path.write_text(SPACE)
    return path


def test_a_search_and_all_that_follows(
    space_file: Path, tiny_data_file: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    options = ("--space", space_file, "--data", tiny_data_file, "--epochs", 1, "--baseline", 1)
    done = nas("search", *options, "--in-process", "--budget", 3, "--out", run)
    assert done.returncode == 0, done.stderr
    more = nas("search", "--resume", run, "--in-process", "--budget", 4)
    assert more.returncode == 0, more.stderr
    space = read_space(space_file)
    rows = [row for row in candidates(run) if row["confirms"] is None]
    assert [row["state"] for row in rows] == ["complete"] * 4
    for row in rows:
        network = Architecture.from_json({**space.backbone.to_json(), "stages": row["stages"]})
        assert network.architecture_id == row["architecture_id"]
        assert space.contains(network)

    best = json.loads((run / "best.json").read_text())
    larger = json.loads(_nas("scale", "--from", run / "best.json", "--to", "M", "--json"))
    for key in ("operator", "activation", "se_ratio", "kernel", "expansion"):
        values = [stage.get(key) for stage in larger["stages"][:2]]
        assert values == [stage.get(key) for stage in best["stages"]]
    for name in ("net.onnx", "net.py", "net.safetensors"):
        _nas("export", run / "best.json", "--to", tmp_path / name)
        assert (tmp_path / name).stat().st_size > 0
    first = f"{best['stages'][0]['operator']} {best['stages'][0]['activation']}"
    assert any(first in path.read_text() for path in tmp_path.glob("net*.md"))
    shown = _nas("show", run / "best.json")
    assert best["stages"][0]["operator"] in shown
    assert f"{best['stages'][0]['activation']} in stage" in shown
    assert f"architectures  {SIZE:,}" in _nas("show", "--space", space_file)


def _nas(*arguments: object) -> str:
    result = CliRunner().invoke(command, [*map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_mistake_in_the_space_is_one_line(space_file: Path, refusal: Refusal) -> None:
    space_file.write_text(SPACE.replace("bottleneck", "bottelneck"))
    message = refusal("search", "--space", space_file)
    assert "operator: got 'bottelneck', must be one of bottleneck, convnext" in message


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_proposes_in_a_space_without_its_backbone(
    name: str, space_file: Path
) -> None:
    """And learns from SE 0 as from any other option: each proposal is another network."""
    space = read_space(space_file)
    lab = Lab(space)
    found = lab.search(lab.proposals(name), 40)
    assert len({candidate.architecture for candidate in found}) == 40
    assert all(space.contains(candidate.architecture) for candidate in found)
    resumed = lab.search(lab.proposals(name, known=found[:30]), 3)
    assert resumed == found[30:33]


def test_a_ratio_of_0_is_an_option_like_any_other() -> None:
    """To the policy too, for which 0 once marked the choices of a stage that is left out."""
    spaces = [parse_space(SPACE.replace("[0, 0.25]", each)) for each in ("[0, 0.25]", "[1, 0.25]")]
    found = []
    for space in spaces:
        points = [space.at(i) for i in range(0, space.grid_size, 7)]
        last = space.options()["stage2.se_ratio"][1]
        history = [
            Observation(i, point, float(point["stage2.se_ratio"] == last), is_complete=True)
            for i, point in enumerate(points)
        ]
        found.append(PolicySampler(Lab(space).domain()).logits(history))
    assert np.array_equal(found[0], found[1])
    row = list(spaces[0].options()).index("stage2.se_ratio")
    assert found[0][row, 1] > found[0][row, 0] + 1
