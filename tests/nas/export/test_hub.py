"""``nas push`` and networks by hub:NAME, against a stand-in of the Hugging Face Hub's API."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from click.testing import CliRunner
from PIL import Image

from nas.cli.main import nas
from nas.errors import UserError
from nas.export import hub
from nas.export.hub import Push, load, write_folder
from nas.export.loaded import LoadedNetwork
from nas.export.weights_file import write_safetensors
from nas.weights import Model
from results.architecture_file import write as write_architecture
from tests.nas.command_line import environment
from tests.nas.conftest import Refusal
from tests.nas.export.hub_stand_in import TOKEN, Hub, stand_in

NAME = "me/flowers"
READ = """
import json, sys, torch
from nas.errors import UserError
from nas.export.hub import load
try:
    found = load(sys.argv[1])
except UserError as error:
    sys.exit(str(error))
images = torch.ones(2, 1, 8, 8)
with torch.inference_mode():
    logits = found(images).tolist()
print(json.dumps([logits, found.class_names, found.preprocessing.to_json()]))
"""


@pytest.fixture
def running() -> Iterator[Hub]:
    """A stand-in of the Hub."""
    with stand_in() as running:
        yield running


@pytest.fixture
def weights(digits_model: Model, tmp_path: Path) -> Path:
    """A trained network as a file."""
    path = tmp_path / "digits.safetensors"
    write_safetensors(path, digits_model, digits_model.weights)
    return path


def _run(
    hub: Hub, folder: Path, *arguments: object, token: str | None = TOKEN
) -> subprocess.CompletedProcess[str]:
    """Run Python with these arguments in a process, which has the stand-in as its Hub."""
    variables = {
        **{key: value for key, value in environment().items() if not key.startswith("HF_")},
        "HF_ENDPOINT": hub.address,
        "HF_HOME": str(folder / "hf"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        **({"HF_TOKEN": token} if token else {}),
    }
    return subprocess.run(
        [sys.executable, *map(str, arguments)], env=variables, capture_output=True, text=True
    )


def test_sent_and_read_back(
    running: Hub, weights: Path, tmp_path: Path, digits_model: Model
) -> None:
    options = ("--license", "apache-2.0", "--tag", "small", "--private")
    done = _run(running, tmp_path, "-m", "nas", "push", weights, NAME, *options)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "network: winner",
        "weights: of a training",
        f"sent to: {running.address}/{NAME}",
        f'use it:  nas.load("hub:{NAME}")',
    ]
    assert TOKEN not in done.stdout + done.stderr
    created = running.created[0]
    assert created.get("visibility") == "private" or created.get("private") is True
    sent = {name.removeprefix(f"{NAME}/") for name in running.files}
    assert sent == {"README.md", "config.json", "model.safetensors", "model.py", "predict.py"}
    assert all(TOKEN.encode() not in content for content in running.files.values())

    read = _run(running, tmp_path, "-c", READ, f"hub:{NAME}", token=None)
    assert read.returncode == 0, read.stderr
    logits, names, how = json.loads(read.stdout)
    with torch.inference_mode():
        expected = digits_model.build()(torch.ones(2, 1, 8, 8))
    torch.testing.assert_close(torch.tensor(logits), expected)
    assert names == list("0123456789")
    assert digits_model.preprocessing is not None
    assert how == digits_model.preprocessing.to_json()


def test_no_network_of_that_name(running: Hub, tmp_path: Path) -> None:
    read = _run(running, tmp_path, "-c", READ, "hub:me/none", token=None)
    assert read.stderr.strip() == (
        "me/none: not on the Hub, or private; log in by hf auth login, or set HF_TOKEN"
    )
    running.files["me/other/README.md"] = b""
    read = _run(running, tmp_path, "-c", READ, "hub:me/other", token=None)
    assert read.stderr.strip() == "me/other: has no model.safetensors, as nas push writes it"


@pytest.mark.parametrize("token", ["hf_" + "x" * 20, None])
def test_a_token_that_may_not_write(
    running: Hub, weights: Path, tmp_path: Path, token: str | None
) -> None:
    done = _run(running, tmp_path, "-m", "nas", "push", weights, NAME, token=token)
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(f"nas: {NAME}: ")
    assert "HF_TOKEN" in done.stderr or "hf auth login" in done.stderr
    assert token is None or token not in done.stderr
    assert not running.files


def test_a_hub_that_is_not_there(weights: Path, tmp_path: Path) -> None:
    with stand_in() as gone:
        pass
    read = _run(gone, tmp_path, "-c", READ, "hub:me/flowers", token=None)
    assert read.stderr.strip() == (
        "me/flowers: the Hub cannot be reached, and it was not read here before"
    )


def test_what_the_card_says(digits_model: Model, tmp_path: Path) -> None:
    request = Push(NAME, "mit", ("small", "small"), "ylecun/mnist")
    write_folder(tmp_path, digits_model, request)
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    _, front, body = text.split("---\n", 2)
    about = yaml.safe_load(front)
    assert about["license"] == "mit"
    assert about["tags"] == ["image-classification", "neural-architecture-search", "small"]
    assert about["datasets"] == ["ylecun/mnist"]
    assert about["metrics"] == ["accuracy"]
    (entry,) = about["model-index"]
    (result,) = entry["results"]
    assert result["task"]["type"] == "image-classification"
    assert result["dataset"]["type"] == "ylecun/mnist"
    assert result["metrics"][0]["value"] == 0.9725
    assert f'nas.load("hub:{NAME}")' in body
    assert "Turn the image upright" in body
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["class_names"] == list("0123456789")
    assert config["architecture"] == digits_model.file.to_json()


def test_a_folder_from_the_hub_is_read_too(digits_model: Model, tmp_path: Path) -> None:
    write_folder(tmp_path, digits_model, Push(NAME))
    found = load(tmp_path)
    assert found.class_names == digits_model.class_names
    assert "license" not in (tmp_path / "README.md").read_text(encoding="utf-8").split("---")[1]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a b", "NAME: got 'a b', must be a name on the Hub such as me/flowers"),
        ("a/b/c", "NAME: got 'a/b/c', must be a name on the Hub such as me/flowers"),
    ],
)
def test_bad_names_are_one_line(refusal: Refusal, weights: Path, name: str, message: str) -> None:
    assert refusal("push", weights, name) == message


def test_an_architecture_has_nothing_to_send(
    refusal: Refusal, digits_model: Model, tmp_path: Path
) -> None:
    path = write_architecture(tmp_path / "best.json", digits_model.file)
    message = "an architecture without weights, must be of a nas train"
    assert message in refusal("push", path, NAME)
    with pytest.raises(UserError, match=message):
        load(path)


def test_without_the_package(refusal: Refusal, weights: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(hub, "find_spec", lambda _: None)
    message = "needs huggingface_hub: pip install 'nas-engine[hub]'"
    assert refusal("push", weights, NAME) == f"nas push: {message}"
    with pytest.raises(UserError, match="hub:me/flowers: needs huggingface_hub"):
        load("hub:me/flowers")


def test_images_to_classes(digits_model: Model, tmp_path: Path) -> None:
    found = LoadedNetwork.of(digits_model)
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30), dtype=np.uint8)
    image = Image.fromarray(pixels)
    image.save(tmp_path / "a.png")
    first, second = found.predict([tmp_path / "a.png", image])
    assert first == second
    assert list(first.values()) == sorted(first.values(), reverse=True)
    assert set(first) == set("0123456789")
    assert sum(first.values()) == pytest.approx(1)
    for path, message in ((tmp_path / "b.png", "cannot be read"), (__file__, "no image that can")):
        with pytest.raises(UserError, match=f"^images: {os.fspath(path)}: {message}"):
            found.read([path])


def test_help_shows_the_command() -> None:
    assert "Send a trained network to the Hugging Face Hub" in CliRunner().invoke(
        nas, ["--help"]
    ).output.replace("\n", " ")
