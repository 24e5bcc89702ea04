"""nas.train, evaluate, export and bench as functions."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import nas
from nas.api.networks import TrainOptions
from nas.cli.main import nas as command_line
from results.architecture_file import ArchitectureFile
from search_space.task import Task
from tests.nas.api.test_search import quarters
from tests.nas.tiny import TINY_BACKBONE

TINY = ArchitectureFile("tiny", TINY_BACKBONE, 8, 8, Task(4, 1))


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> nas.Trained:
    """A training of an epoch."""
    monkeypatch.setenv("NAS_CACHE_DIR", str(tmp_path / "cache"))
    return nas.train(TINY, quarters(), tmp_path / "trained", epochs=1, quiet=True)


def test_a_training_gives_a_network_that_is_evaluated_and_exported(
    trained: nas.Trained, tmp_path: Path
) -> None:
    assert 0 <= trained.accuracy <= 1
    network = trained.build()
    assert network(torch.zeros(2, 1, 8, 8)).shape == (2, 4)
    result = nas.evaluate(trained, quarters())
    assert result.top_1.total == 40
    assert nas.evaluate(tmp_path / "trained", quarters()).top_1 == result.top_1
    sizes = nas.evaluate(trained, quarters(), image_size=[8, 12])
    assert [each.image_size for each in sizes.results] == [8, 12]
    assert sizes.results[0].top_1 == result.top_1
    assert sizes.best.top_1.value == sizes.frame()["accuracy"].max()
    assert nas.evaluate(trained, quarters(), image_size=12).image_size == 12
    for given, said in (([], "got no sizes"), ([8, 2], "got 2, must be")):
        with pytest.raises(nas.UserError, match=f"--image-size: {said}"):
            nas.evaluate(trained, quarters(), image_size=given)
    nas.export(trained, tmp_path / "net.py")
    assert (tmp_path / "net.py").is_file()
    with pytest.raises(nas.UserError, match="exists already"):
        nas.export(trained, tmp_path / "net.py")


def test_a_finished_training_is_resumed_to_the_same_network(trained: nas.Trained) -> None:
    again = nas.train(resume=trained.path, quiet=True)
    assert again.accuracy == trained.accuracy
    for key, weight in trained.network.weights.items():
        assert torch.equal(weight, again.network.weights[key])


def test_networks_are_measured_into_a_table() -> None:
    table = nas.bench(TINY, time_cap=0.5)
    assert table["name"].tolist() == ["tiny"]
    assert table["step_time_s"].gt(0).all()
    assert table["parameters"].tolist() == [
        sum(weight.numel() for weight in nas.Network(TINY_BACKBONE, 4, 1).parameters())
    ]


def test_errors_are_those_of_the_command_line(tmp_path: Path) -> None:
    with pytest.raises(nas.UserError, match="--arch: got 'efficientnetv2-z'"):
        nas.train("efficientnetv2-z", quarters(), tmp_path / "trained")
    with pytest.raises(nas.UserError, match="--out: must be given"):
        nas.train(TINY, quarters())
    with pytest.raises(nas.UserError, match="train: got the option 'epoch', must be one of epochs"):
        nas.train(TINY, quarters(), tmp_path / "trained", epoch=1)  # type: ignore[call-arg]
    with pytest.raises(nas.UserError, match=r"^trained: "):
        nas.evaluate(tmp_path / "nothing", (np.zeros((2, 8, 8)), np.arange(2)))


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (lambda: nas.scale("efficientnetv2-b0", 5), "--to: got 5, must be a text"),  # type: ignore[arg-type]
        (lambda: nas.scale(5, "M"), "ARCH: got 5, must be a file"),  # type: ignore[arg-type]
        (lambda: nas.train("efficientnetv2-b0", "digits", 5), "--out: got 5"),  # type: ignore[arg-type]
        (lambda: nas.train("x", "digits", "y", epochs=0), "--epochs: got 0, must be a whole"),
        (lambda: nas.train("x", "digits", "y", patience=0), "--patience: got 0, must be a whole"),
        (lambda: nas.evaluate(5, "digits"), "trained: got 5, must"),  # type: ignore[call-overload]
        (lambda: nas.export(5, "a.onnx"), "source: got 5, must be a path"),  # type: ignore[arg-type]
        (lambda: nas.load(5), "source: got 5, must be a path"),  # type: ignore[arg-type]
        (lambda: nas.bench(), "ARCH: must be given"),
        (lambda: nas.bench("x", image_sizes=[0]), "--image-size: got 0, must be a whole number"),
        (lambda: nas.bench("x", time_cap=-1), "--time-cap: got -1, must be a number above 0"),
        (lambda: nas.published("b0"), "published: got 'b0', must be one of efficientnet"),
        (lambda: nas.read_space("nowhere.yaml"), "space: nowhere.yaml: No such file"),
        (lambda: nas.read_architecture("nowhere.json"), "architecture: nowhere.json: cannot be"),
        (lambda: nas.Run(5), "run: got 5, must be a path"),  # type: ignore[arg-type]
    ],
)
def test_what_is_given_wrongly_is_one_line(call: Callable[[], object], problem: str) -> None:
    with pytest.raises(nas.UserError) as refused:
        call()
    assert problem in str(refused.value)


def test_files_are_read_by_their_paths_as_text(tmp_path: Path) -> None:
    path = str(tmp_path / "b0.json")
    network = nas.published("efficientnetv2-b0")
    file = nas.ArchitectureFile("b0", network.architecture, 192, 224)
    nas.write_architecture(path, file)
    assert nas.read_architecture(path).architecture == network.architecture


def test_functions_can_be_pickled() -> None:
    assert pickle.loads(pickle.dumps(nas.bench)) is nas.bench


def test_every_option_of_training_is_there_in_python() -> None:
    command = command_line.commands["train"]
    names = {parameter.opts[0].lstrip("-").replace("-", "_") for parameter in command.params}
    here = {*TrainOptions.__annotations__, *inspect.signature(nas.train).parameters}
    assert names - here == {"import", "json"}
    assert here - names == {"quiet", "options"}
