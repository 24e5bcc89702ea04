"""SOURCE of an export: files with and without an architecture, and weights that do not fit it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from nas.errors import UserError
from nas.export.source import find_source
from nas.export.weights_file import write_pth, write_safetensors
from nas.full_training.checkpoint import TrainedNetwork, encoded
from nas.full_training.checkpoint import write as write_checkpoint
from nas.weights import Model
from results.architecture_file import write as write_architecture


@pytest.fixture
def arch(digits_model: Model, tmp_path: Path) -> str:
    """The path of a file with the model's architecture."""
    return str(write_architecture(tmp_path / "best.json", digits_model.file))


def _same(found: object, model: Model) -> Model:
    assert isinstance(found, Model)
    assert found.file.architecture == model.file.architecture
    assert found.file.task == model.file.task
    assert list(found.weights) == list(model.weights)
    assert all(torch.equal(found.weights[key], model.weights[key]) for key in model.weights)
    return found


def test_safetensors_say_all_that_is_known(digits_model: Model, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write_safetensors(path, digits_model, digits_model.weights)
    found = _same(find_source(str(path), None), digits_model)
    assert (found.file, found.origin, found.training) == (
        digits_model.file,
        digits_model.origin,
        digits_model.training,
    )
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()
    assert set(load_file(path)) == set(digits_model.weights)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_checkpoint_and_its_folder(digits_model: Model, tmp_path: Path) -> None:
    training = digits_model.training
    assert training is not None
    network = TrainedNetwork(
        file=digits_model.file,
        weights=digits_model.weights,
        normalization=training.normalization,
        data=training.data,
        epoch=training.epoch,
        accuracy=training.accuracy,
        class_names=training.class_names,
    )
    write_checkpoint(tmp_path / "best.pt", encoded(network))
    for source in (tmp_path, tmp_path / "best.pt"):
        found = _same(find_source(str(source), None), digits_model)
        assert found.training == training
        assert found.origin == f"of {source.name}, epoch 12 on digits"


def test_weights_alone_need_an_architecture(digits_model: Model, arch: str, tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    write_pth(path, digits_model.weights)
    assert _same(find_source(str(path), arch), digits_model).training is None
    with pytest.raises(UserError, match=r"--arch: must be given, since .*a\.pth has weights alone"):
        find_source(str(path), None)


def test_the_classes_are_the_weights_own(digits_model: Model, arch: str, tmp_path: Path) -> None:
    """Weights trained further on other data: other classes, 16 bits, no step counts."""
    weights = {k: v for k, v in digits_model.weights.items() if "num_batches" not in k}
    weights |= {f"classifier.{k}": weights[f"classifier.{k}"][:4] for k in ("weight", "bias")}
    write_pth(tmp_path / "a.pth", {key: value.half() for key, value in weights.items()})
    found = find_source(str(tmp_path / "a.pth"), arch)
    assert isinstance(found, Model)
    assert (found.file.task.classes, found.file.parameters) == (4, None)
    assert found.build().classifier.weight.dtype == torch.float32


def test_an_architecture_is_itself(arch: str, digits_model: Model) -> None:
    assert find_source(arch, None) == digits_model.file
    with pytest.raises(UserError, match="--arch: got x, must go with weights alone"):
        find_source(arch, "x")


def test_weights_of_another_network(digits_model: Model, arch: str, tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    whole = dict(digits_model.weights)
    cases = {
        "1 of .* missing, such as stem.0.weight": {k: whole[k] for k in list(whole)[1:]},
        "1 of .* unknown, such as extra": {**whole, "extra": torch.zeros(1)},
        r"1 of .* of another shape, such as head.1.bias \(3,\) for \(256,\)": {
            **whole,
            "head.1.bias": torch.zeros(3),
        },
    }
    for message, weights in cases.items():
        write_pth(path, weights)
        with pytest.raises(UserError, match=f"SOURCE: .*a.pth: its weights are not .*{message}"):
            find_source(str(path), arch)
    write_pth(path, {"features.0.0.weight": torch.zeros(1)})
    with pytest.raises(
        UserError, match=r"SOURCE: .*a\.pth: has torchvision's names, but winner is not a"
    ):
        find_source(str(path), arch)
