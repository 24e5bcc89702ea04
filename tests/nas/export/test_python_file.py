"""The Python file: the same network to the bit without this tool, in clean code."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nas.errors import UserError
from nas.export.python_file import python_file
from nas.weights import Model
from results.architecture_file import ArchitectureFile
from search_space.architecture import Architecture, Stage
from search_space.network import Network
from search_space.operators import OPERATORS, mbconv
from search_space.published import published
from search_space.spaces import SPACES
from search_space.task import Task
from tests.nas.export.models import every_operator

STANDALONE = """
import json, sys
for room in ("nas", "results", "reward", "scaling", "search_space"):
    sys.modules[room] = None  # importing it raises
import torch
torch.set_num_threads(1)
found = {}
for name in json.load(sys.stdin):
    model = __import__(name)
    torch.manual_seed(7)
    network = model.build()
    x = torch.randn(2, model.IMAGE_CHANNELS, model.IMAGE_SIZE, model.IMAGE_SIZE)
    with torch.no_grad():
        training = network(x)
        found[name] = (x, training, network.state_dict(), network.eval()(x))
torch.save(found, "found.pth")
"""


def _file(architecture: Architecture, name: str = "net", size: int = 32) -> ArchitectureFile:
    return ArchitectureFile(name, architecture, size, size, Task(7, 3), 0, 0)


def _cases() -> dict[str, Architecture]:
    generator = random.Random(0)
    by_space = {
        f"of_{name}".replace("-", "_"): space(32).sample(generator)
        for name, space in SPACES.items()
    }
    odd = Architecture(
        (
            Stage("fused_mbconv", 5, 1, 1, 5, 2, 0.3),
            Stage("mbconv", 7, 3, 3, 6, 2),
            Stage("fused_mbconv", 1, 1, 2, 6, 2, 0.01),
        ),
        stem_channels=5,
        stem_stride=1,
        head_channels=9,
    )
    b0 = published("efficientnetv2-b0").architecture
    return {**by_space, "v2_b0": b0, "odd": odd, "every": every_operator().architecture}


def test_equal_weights_and_logits_in_training_and_after_without_this_tool(tmp_path: Path) -> None:
    """From one seed, to the bit: logits in training with what is dropped there, weights and
    statistics after it, logits in evaluation."""
    cases = _cases()
    for name, architecture in cases.items():
        (tmp_path / f"{name}.py").write_text(python_file(_file(architecture), name))
    _run("-c", STANDALONE, cwd=tmp_path, stdin=json.dumps(list(cases)))
    found = torch.load(tmp_path / "found.pth", weights_only=True)
    for name, architecture in cases.items():
        x, in_training, weights, after = found[name]
        torch.manual_seed(7)
        network = Network(architecture, classes=7)
        assert torch.equal(torch.randn(x.shape), x)
        with torch.no_grad():
            assert torch.equal(network(x), in_training)
            _equal(network.state_dict(), weights)
            assert torch.equal(network.eval()(x), after)


def _equal(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> None:
    assert list(ours) == list(theirs)
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def _run(*arguments: str, cwd: Path, stdin: str = "") -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, input=stdin, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name", ["efficientnet-b3", "efficientnetv2-s", "efficientnetv2-xl"])
def test_names_and_shapes_of_published_networks(name: str) -> None:
    architecture = published(name).architecture
    with torch.device("meta"):
        ours = Network(architecture, 7)
        theirs = _network(python_file(_file(architecture), "model"))
    assert _shapes(ours) == _shapes(theirs)


def _shapes(network: nn.Module) -> list[tuple[str, torch.Size]]:
    return [(key, tensor.shape) for key, tensor in network.state_dict().items()]


def _network(text: str) -> nn.Module:
    namespace: dict[str, Any] = {"__name__": "standalone"}
    exec(compile(text, "model.py", "exec"), namespace)
    network: nn.Module = namespace["build"]()
    return network


def test_run_it_says_what_it_is(tmp_path: Path, digits_file: ArchitectureFile) -> None:
    (tmp_path / "model.py").write_text(python_file(digits_file, "model"))
    first, second = _run("model.py", cwd=tmp_path).splitlines()
    assert first == f"winner: {digits_file.parameters:,} parameters"
    assert second == "images (1, 1, 8, 8) -> logits (1, 10)"


def test_it_says_sizes_normalisation_and_how_to_load(digits_model: Model) -> None:
    text = python_file(digits_model.file, "my_net", digits_model.preprocessing, ("a",))
    docstring = " ".join(text.split('"""')[1].split())
    assert docstring.startswith("winner: an image network for torch.")
    assert "Trained at 8 px, evaluated at 8 px." in docstring
    assert "mean (77.5), std (91.25)" in docstring
    assert 'CLASS_NAMES: tuple[str, ...] = (\n    "a",\n)\n' in text
    assert "from my_net import build" in docstring
    assert 'load_file("my_net.safetensors")' in docstring
    assert "logits = network(images) # (N, 1, 8, 8) -> (N, 10)" in docstring


@pytest.mark.parametrize("width", [88, 100])
def test_formatted_and_linted(width: int, tmp_path: Path, digits_model: Model) -> None:
    odd = replace(digits_model.file, name='x """ \\ \n' + "long " * 40)
    for i, file in enumerate(
        (digits_model.file, odd, *map(_file, (_cases()["odd"], _cases()["every"])))
    ):
        (tmp_path / f"model{i}.py").write_text(_with_images(file, digits_model))
    options = ("--isolated", f"--line-length={width}", ".")
    _run("-m", "ruff", "format", "--check", *options, cwd=tmp_path)
    _run(
        "-m", "ruff", "check", "--select=E,F,W,I,N,B,UP,C4,SIM,RUF,C90,T10", *options, cwd=tmp_path
    )


def _with_images(file: ArchitectureFile, model: Model) -> str:
    return python_file(file, "model", model.preprocessing, model.class_names)


@pytest.mark.parametrize(
    "names", [("a", "b"), ("it's", 'say "x"', "\\n", "\n", "\u202e", "\ud800", "ä")]
)
def test_it_loads_without_being_listed_as_a_module(
    names: tuple[str, ...], tmp_path: Path, digits_model: Model
) -> None:
    path = tmp_path / "model.py"
    path.write_text(
        python_file(digits_model.file, "model", digits_model.preprocessing, names), encoding="utf-8"
    )
    spec = spec_from_file_location("unlisted", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    assert "unlisted" not in sys.modules
    assert names == module.CLASS_NAMES
    assert digits_model.preprocessing is not None
    assert digits_model.preprocessing.to_json() == module.PREPROCESSING
    module.build().load_state_dict(digits_model.weights)


@pytest.mark.slow
def test_types(tmp_path: Path, digits_file: ArchitectureFile) -> None:
    for file in (digits_file, _file(_cases()["every"])):
        (tmp_path / "model.py").write_text(python_file(file, "model"))
        _run("-m", "mypy", "--strict", "model.py", cwd=tmp_path)


@pytest.mark.parametrize(
    "name", ['"""', "\\", "a\nb", "\ud800", "'", "#", "x" * 300, "", "name with \u0000"]
)
def test_any_name_makes_a_file_that_compiles(name: str, digits_file: ArchitectureFile) -> None:
    text = python_file(replace(digits_file, name=name), "model")
    compile(text.encode(), "model.py", "exec")


@pytest.mark.parametrize("module", ["my-net", "2nd"])
def test_a_file_that_cannot_be_imported_by_its_name_says_model(
    module: str, digits_file: ArchitectureFile
) -> None:
    assert "from model import build" in python_file(digits_file, module)


def test_an_operator_of_ones_own_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    architecture = Architecture((Stage("mine", 3, 1, 1, 4, 1),), stem_channels=4)
    monkeypatch.setitem(OPERATORS, "mine", mbconv)
    with pytest.raises(UserError, match=r"net has 'mine' of your own; \.onnx can hold it"):
        python_file(_file(architecture), "model")


def test_an_operator_put_in_the_place_of_ours_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OPERATORS, "fused_mbconv", mbconv)
    with pytest.raises(UserError, match="'fused_mbconv' of your own"):
        python_file(_file(published("efficientnetv2-s").architecture), "model")
