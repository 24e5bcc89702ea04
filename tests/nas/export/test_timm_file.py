"""The Python file that registers a network with timm: what it says, and that it is clean code."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from nas.errors import UserError
from nas.export.request import Request
from nas.export.timm_file import timm_file
from nas.export.write import write
from nas.weights import Model
from search_space.architecture import Architecture, Stage


def test_what_it_says(digits_model: Model) -> None:
    text = timm_file(digits_model.file, "my_net", digits_model.preprocessing, ("a", "b"))
    for line in (
        "    import my_net  # registers it",
        '    network = timm.create_model("my_net", pretrained=True)',
        'NAME = "my_net"',
        "CLASSES = 10",
        "IMAGE_CHANNELS = 1",
        'CLASS_NAMES: tuple[str, ...] = (\n    "a",\n    "b",\n)',
        '    "mean": [77.5],',
        f"STRIDE = {digits_model.file.architecture.stride}  # of the last map",
    ):
        assert f"\n{line}\n" in text
    compile(text, "my_net.py", "exec")


@pytest.mark.parametrize("name", ["my-net.py", "2nd.safetensors", "class.pth"])
def test_a_name_that_python_cannot_import(name: str) -> None:
    with pytest.raises(UserError) as error:
        Request(Path("out", name), "timm").check()
    assert str(error.value) == (
        f"--to: got out/{name}, must have a name that Python can import, such as "
        f"out/my_net{Path(name).suffix}, as timm's network is registered by it"
    )


def test_clean_code(digits_model: Model, tmp_path: Path) -> None:
    odd = replace(digits_model.file, name='x """ \\ \n' + "long " * 40)
    for i, file in enumerate((digits_model.file, odd)):
        text = timm_file(file, "model", digits_model.preprocessing, digits_model.class_names)
        (tmp_path / f"model{i}.py").write_text(text)
    for arguments in (["format", "--check"], ["check", "--select=E,F,W,I,N,B,UP,C4,SIM,RUF,C90"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *arguments, "--isolated", "--line-length=100", "."],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout


def test_beside_weights_there_is_all_that_runs_them(digits_model: Model, tmp_path: Path) -> None:
    written = write(digits_model, Request(tmp_path / "m.safetensors", "timm"), seed=0)
    names = [path.name for path in written.paths]
    assert names == ["m.safetensors", "m.md", "m.py", "predict.py"]
    assert "timm.create_model" in (tmp_path / "m.py").read_text()
    assert 'timm.create_model("m", pretrained=True)' in (tmp_path / "m.md").read_text()


def test_what_timm_cannot_form_is_one_line(digits_model: Model, tmp_path: Path) -> None:
    network = Architecture((Stage("convnext", 7, 1, 4, 8, 1),), stem_channels=8)
    file = replace(digits_model.file, architecture=network, name="mine")
    for name in ("m.py", "m.safetensors"):
        with pytest.raises(UserError) as error:
            write(file, Request(tmp_path / name, "timm"), seed=0)
        assert str(error.value) == (
            "--format: got timm, which cannot form mine: it has the operator 'convnext', must be "
            "mbconv or fused_mbconv"
        )
    assert not list(tmp_path.iterdir())


def test_whose_names_there_are() -> None:
    with pytest.raises(UserError) as error:
        Request(Path("a.pth"), "keras").check()
    assert str(error.value) == "--format: got 'keras', must be one of nas, torchvision, timm"
