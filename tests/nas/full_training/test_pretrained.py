"""Pretrained weights: those that fit are loaded, and a line tells which."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from nas.architectures import find_architecture
from nas.errors import UserError
from nas.export.weights_file import write_safetensors
from nas.full_training import checkpoint
from nas.full_training.checkpoint import Normalization, TrainedNetwork
from nas.full_training.pretrained import read_pretrained
from nas.weights import Model, to_torchvision
from results.architecture_file import ArchitectureFile
from search_space.network import Network
from search_space.task import Task
from tests.nas.tiny import TINY_BACKBONE

FILE = ArchitectureFile("tiny", TINY_BACKBONE, 8, 8, Task(4, 1))


@pytest.fixture
def trained(tmp_path: Path) -> TrainedNetwork:
    """A network of 4 classes, also in tmp_path/best.pt."""
    torch.manual_seed(1)
    weights = Network(TINY_BACKBONE, 4, 1).state_dict()
    network = TrainedNetwork(FILE, weights, Normalization((1.0,), (2.0,)), "data", 3, 0.5)
    checkpoint.write(tmp_path / "best.pt", checkpoint.encoded(network))
    return network


def test_a_network_of_as_many_classes_is_loaded_whole(
    trained: TrainedNetwork, tmp_path: Path
) -> None:
    for path in (tmp_path, tmp_path / "best.pt"):
        pretrained = read_pretrained(path, FILE)
        count = len(trained.weights)
        assert pretrained.said == (
            f"{count} of {count} tensors from {path} (a checkpoint of nas train)"
        )
        assert all(torch.equal(pretrained.weights[k], w) for k, w in trained.weights.items())


def test_a_classifier_of_other_classes_is_left_out_and_said(
    trained: TrainedNetwork, tmp_path: Path
) -> None:
    pretrained = read_pretrained(tmp_path, replace(FILE, task=Task(7, 1)))
    assert trained.weights.keys() - pretrained.weights.keys() == {
        "classifier.weight",
        "classifier.bias",
    }
    assert "not the classifier: it has 4 classes, the data 7" in pretrained.said


def test_a_safetensors_of_ours_is_loaded(trained: TrainedNetwork, tmp_path: Path) -> None:
    path = tmp_path / "tiny.safetensors"
    write_safetensors(path, Model(FILE, trained.weights, "a test"), trained.weights)
    pretrained = read_pretrained(path, FILE)
    assert all(torch.equal(pretrained.weights[k], w) for k, w in trained.weights.items())


def test_torchvisions_names_are_known(tmp_path: Path) -> None:
    file = find_architecture("efficientnetv2-s")
    with torch.device("meta"):
        shapes = Network(file.architecture).state_dict()
    weights = {key: torch.zeros_like(tensor, device="cpu") for key, tensor in shapes.items()}
    weights["stem.0.weight"] += 1
    torch.save(dict(to_torchvision(file.architecture, weights)), tmp_path / "theirs.pth")
    pretrained = read_pretrained(tmp_path / "theirs.pth", replace(file, task=Task(10, 3)))
    assert "not the classifier: it has 1000 classes, the data 10" in pretrained.said
    assert pretrained.weights["stem.0.weight"].min() == 1


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (replace(FILE, task=Task(4, 3)), r"stem\.0\.weight, which is \(4, 1, 3, 3\), must be"),
        (find_architecture("efficientnet-b0"), "whose weights are not efficientnet-b0's"),
    ],
)
def test_weights_of_another_network_are_refused(
    trained: TrainedNetwork, tmp_path: Path, file: ArchitectureFile, message: str
) -> None:
    with pytest.raises(UserError, match=message) as error:
        read_pretrained(tmp_path, file)
    assert str(error.value).startswith("--pretrained: got ")
    assert "\n" not in str(error.value)


def test_torchvisions_names_for_a_network_that_it_has_not(tmp_path: Path) -> None:
    torch.save({"features.0.0.weight": torch.zeros(4, 1, 3, 3)}, tmp_path / "theirs.pth")
    with pytest.raises(UserError, match=r"--pretrained: .* has torchvision's names, but tiny"):
        read_pretrained(tmp_path / "theirs.pth", FILE)


@pytest.mark.parametrize(
    ("wrapped", "form"),
    [
        (lambda weights: weights, "a state dict"),
        (
            lambda weights: {"state_dict": {f"model.module.{k}": w for k, w in weights.items()}},
            "its state_dict without the prefix model.module.",
        ),
    ],
)
def test_the_form_of_other_tools_is_read_and_said(
    trained: TrainedNetwork,
    tmp_path: Path,
    wrapped: Callable[[Mapping[str, Tensor]], Mapping[str, object]],
    form: str,
) -> None:
    path = tmp_path / "theirs.pth"
    torch.save(wrapped(dict(trained.weights)), path)
    pretrained = read_pretrained(path, FILE)
    count = len(trained.weights)
    assert pretrained.said == f"{count} of {count} tensors from {path} ({form})"
    assert all(torch.equal(pretrained.weights[k], w) for k, w in trained.weights.items())


def test_the_tensors_of_another_network_are_named_with_shapes(tmp_path: Path) -> None:
    """Those of timm's EfficientNet, for instance."""
    theirs = {"conv_stem.weight": torch.zeros(4, 1, 3, 3), "bn1.weight": torch.zeros(4)}
    torch.save({"model": theirs}, tmp_path / "theirs.pth")
    with pytest.raises(UserError) as error:
        read_pretrained(tmp_path / "theirs.pth", FILE)
    assert "(its model), whose weights are not tiny's: " in str(error.value)
    assert str(error.value).endswith(
        "such as stem.0.weight (4, 1, 3, 3); it has conv_stem.weight (4, 1, 3, 3), bn1.weight (4,)"
    )
