"""timm's strings and names: those that timm itself has, and the same logits where it is there."""

from __future__ import annotations

import importlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from nas.export.request import Request
from nas.export.source import find_source
from nas.export.weights_file import with_random_weights
from nas.export.write import write
from nas.timm_names import NotInTimm, block_strings, from_timm, timm_names, to_timm
from nas.weights import Model
from results.architecture_file import ArchitectureFile
from search_space.architecture import Architecture, Stage
from search_space.network import Network
from search_space.published import published
from search_space.spaces import SPACES
from search_space.task import Task

# As they stand in timm for its networks of these names.
STRINGS = {
    "efficientnet-b0": [
        ["ds_r1_k3_s1_e1_c16_se0.25"],
        ["ir_r2_k3_s2_e6_c24_se0.25"],
        ["ir_r2_k5_s2_e6_c40_se0.25"],
        ["ir_r3_k3_s2_e6_c80_se0.25"],
        ["ir_r3_k5_s1_e6_c112_se0.25"],
        ["ir_r4_k5_s2_e6_c192_se0.25"],
        ["ir_r1_k3_s1_e6_c320_se0.25"],
    ],
    "efficientnetv2-s": [
        ["cn_r2_k3_s1_e1_c24_skip"],
        ["er_r4_k3_s2_e4_c48"],
        ["er_r4_k3_s2_e4_c64"],
        ["ir_r6_k3_s2_e4_c128_se0.25"],
        ["ir_r9_k3_s1_e6_c160_se0.25"],
        ["ir_r15_k3_s2_e6_c256_se0.25"],
    ],
}
TINY = Architecture(
    (
        Stage("fused_mbconv", 3, 1, 1, 8, 1),
        Stage("fused_mbconv", 3, 2, 4, 16, 1),
        Stage("mbconv", 3, 1, 1, 16, 1, 0.25),
        Stage("mbconv", 5, 2, 4, 24, 1, 0.25),
    ),
    stem_channels=8,
    head_channels=32,
)
# Names and shapes in timm's network of the same strings, without those of batch normalisation.
SHAPES = {
    "conv_stem.weight": (8, 3, 3, 3),
    "blocks.0.0.conv.weight": (8, 8, 3, 3),
    "blocks.1.0.conv_exp.weight": (32, 8, 3, 3),
    "blocks.1.0.conv_pwl.weight": (16, 32, 1, 1),
    "blocks.2.0.conv_dw.weight": (16, 1, 3, 3),
    "blocks.2.0.se.conv_reduce.weight": (4, 16, 1, 1),
    "blocks.2.0.se.conv_reduce.bias": (4,),
    "blocks.2.0.se.conv_expand.weight": (16, 4, 1, 1),
    "blocks.2.0.se.conv_expand.bias": (16,),
    "blocks.2.0.conv_pw.weight": (16, 16, 1, 1),
    "blocks.3.0.conv_pw.weight": (64, 16, 1, 1),
    "blocks.3.0.conv_dw.weight": (64, 1, 5, 5),
    "blocks.3.0.se.conv_reduce.weight": (4, 64, 1, 1),
    "blocks.3.0.se.conv_reduce.bias": (4,),
    "blocks.3.0.se.conv_expand.weight": (64, 4, 1, 1),
    "blocks.3.0.se.conv_expand.bias": (64,),
    "blocks.3.0.conv_pwl.weight": (24, 64, 1, 1),
    "conv_head.weight": (32, 24, 1, 1),
    "classifier.weight": (5, 32),
    "classifier.bias": (5,),
}
NORMALISATIONS = {
    "bn1": 8, "blocks.0.0.bn1": 8, "blocks.1.0.bn1": 32, "blocks.1.0.bn2": 16,
    "blocks.2.0.bn1": 16, "blocks.2.0.bn2": 16, "blocks.3.0.bn1": 64, "blocks.3.0.bn2": 64,
    "blocks.3.0.bn3": 24, "bn2": 32,
}  # fmt: skip


@pytest.mark.parametrize("name", STRINGS)
def test_the_strings_of_published_networks(name: str) -> None:
    assert block_strings(published(name).architecture) == STRINGS[name]


def test_names_and_shapes() -> None:
    with torch.device("meta"):
        weights = Network(TINY, classes=5).state_dict()
    found = {key: tuple(tensor.shape) for key, tensor in to_timm(TINY, weights).items()}
    tensors = ("weight", "bias", "running_mean", "running_var")
    norms = {f"{key}.{t}": (size,) for key, size in NORMALISATIONS.items() for t in tensors}
    steps = {f"{key}.num_batches_tracked": () for key in NORMALISATIONS}
    assert found == {**SHAPES, **norms, **steps}


def test_there_and_back() -> None:
    weights = Network(TINY, classes=5).state_dict()
    back = from_timm(TINY, to_timm(TINY, weights))
    assert list(back) == list(weights)
    assert all(torch.equal(back[key], weights[key]) for key in weights)


@pytest.mark.parametrize("name", SPACES)
def test_every_candidate_has_distinct_names(name: str) -> None:
    generator = random.Random(0)
    for _ in range(3):
        names = timm_names(SPACES[name](32).sample(generator))
        assert len(set(names.values())) == len(names)


def test_a_layer_that_differs_has_a_string_of_its_own() -> None:
    """Of 6 and then 10 channels a quarter rounds down here and to the nearest in timm."""
    stages = (Stage("mbconv", 3, 2, 8, 10, 3, 0.25, "relu"),)
    found = block_strings(Architecture(stages, stem_channels=6))
    first, rest = found[0]
    assert first == "ir_r1_k3_s2_e8_c10_se0.166667_nre"
    assert rest == "ir_r2_k3_s1_e8_c10_se0.25_nre"


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        (Stage("fused_mbconv", 3, 1, 1, 8, 1, 0.25), "squeeze-and-excitation in fused_mbconv of"),
        (Stage("mbconv", 3, 3, 4, 8, 1), "a layer of stride 3, must be 1 or 2"),
        (Stage("mbconv", 3, 1, 3, 8, 1), "a layer with 18 channels within, must be a multiple"),
        (Stage("mbconv", 3, 1, 4, 8, 1, 0.0, "gelu"), "the activation gelu, must be one of silu"),
        (Stage("convnext", 7, 1, 4, 6, 1), "the operator 'convnext', must be mbconv or fused_mbco"),
        (Stage("mine", 7, 1, 4, 6, 1), "the operator 'mine', must be mbconv or fused_mbconv"),
    ],
)
def test_what_timm_does_not_have(stage: Stage, message: str) -> None:
    with pytest.raises(NotInTimm) as error:
        block_strings(Architecture((stage,), stem_channels=6))
    assert str(error.value).startswith(message)


def test_weights_by_timms_names_are_read_back(tmp_path: Path) -> None:
    model = with_random_weights(ArchitectureFile("tiny", TINY, 32, 32, Task(5)), 0)
    path = tmp_path / "tiny.safetensors"
    write(model, Request(path, "timm"), seed=0)
    found = find_source(str(path), None)
    assert isinstance(found, Model)
    assert list(found.weights) == list(model.weights)
    assert all(torch.equal(found.weights[key], model.weights[key]) for key in model.weights)


@pytest.fixture
def timm() -> Any:
    """The library; it is no requirement, and needs torchvision."""
    try:
        return importlib.import_module("timm")
    except (ImportError, RuntimeError) as error:  # RuntimeError: of a torchvision for another torch
        pytest.skip(f"timm cannot be imported: {error}")


def _networks() -> Iterator[tuple[str, Architecture, int, int]]:
    """Yield names, architectures, image sizes and image channels."""
    generator = random.Random(2)
    for name in ("efficientnet-b1", "efficientnetv2-b0"):
        yield f"net_{name[-2:]}", published(name).architecture, 64, 3
    for name, space in SPACES.items():
        size = 8 if name == "small" else 32
        yield f"of_{name}".replace("-", "_"), space(size).sample(generator), size, 1


def test_the_same_logits_and_maps_in_timm(
    timm: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    for name, architecture, size, channels in _networks():
        model = with_random_weights(
            ArchitectureFile(name, architecture, size, size, Task(7, channels)), 0
        )
        write(model, Request(tmp_path / f"{name}.safetensors", "timm"), seed=0)
        write(model, Request(tmp_path / f"{name}.py", "timm"), seed=0)
        importlib.import_module(name)
        ours, images = model.build(), torch.randn(2, channels, size, size)
        theirs = timm.create_model(name, pretrained=True).eval()
        backbone = timm.create_model(name, pretrained=True, features_only=True).eval()
        with torch.inference_mode():
            torch.testing.assert_close(theirs(images), ours(images), rtol=1e-5, atol=1e-5)
            maps, expected = backbone(images), ours.features(images)
        levels = [info for info in ours.feature_info if info.is_last]
        assert backbone.feature_info.reduction()[-len(levels) :] == [i.stride for i in levels]
        assert backbone.feature_info.channels()[-len(levels) :] == [i.channels for i in levels]
        for info, found in zip(levels, maps[-len(levels) :], strict=True):
            torch.testing.assert_close(found, expected[info.stage - 1], rtol=1e-5, atol=1e-5)
