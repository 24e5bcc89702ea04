"""``nas export``: the files of each kind, what it says, and one line for mistakes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

from nas.cli.main import nas
from nas.export import request as export_request
from results.architecture_file import ArchitectureFile, write
from search_space.architecture import Architecture, Stage
from search_space.spaces import small
from search_space.task import Task
from tests.nas.command_line import nas as nas_process
from tests.nas.conftest import Refusal


@pytest.fixture(autouse=True)
def _in_its_folder(_one_thread: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    measurements = {"accuracy": 0.93, "epochs": 10, "device": "a | device"}
    provenance = {"run": "r", "candidate": 7, "seed": 3, "versions": {"torch": "2.13"}}
    file = ArchitectureFile(
        "winner",
        small(8).backbone,
        8,
        8,
        Task(10, 1),
        measurements=measurements,
        provenance=provenance,
    )
    write(Path("best.json"), file)


def _export(*arguments: str) -> str:
    result = CliRunner().invoke(nas, ["export", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_weights_and_their_card() -> None:
    text = _export("best.json", "--to", "out/m.safetensors")
    assert text.splitlines() == [
        "network: winner",
        "weights: untrained, drawn from seed 0: winner is an architecture, no checkpoint",
        "written: out/m.safetensors",
        "written: out/m.md",
    ]
    card = Path("out/m.md").read_text()
    for line in (
        "# winner",
        'network.load_state_dict(load_file("m.safetensors"))',
        "| stem | conv | 3 | 1 |  | 16 | 1 |  |",
        "| 2 | mbconv | 3 | 2 | 4 | 24 | 2 | 0.25 |",
        "| accuracy | 0.93 |",
        "| device | a device |",
        "- Candidate 7 of the search r, seed 3.",
        "- Made with torch 2.13.",
    ):
        assert line in card.splitlines()
    assert "with weights that were trained for this alone and not kept" in card


def test_another_seed_other_weights_the_same_seed_the_same() -> None:
    for name, seed in (("a", "0"), ("b", "1"), ("c", "1")):
        _export("best.json", "--to", f"{name}.safetensors", "--seed", seed)
    a, b, c = (load_file(f"{name}.safetensors")["stem.0.weight"] for name in "abc")
    assert torch.equal(b, c)
    assert not torch.equal(a, b)


def test_a_chain_through_torchvisions_names_ends_in_the_same_weights() -> None:
    """As a person would: weights for torchvision, read back with nothing but their names."""
    name = "efficientnet-b0"
    _export(name, "--to", "ours.safetensors")
    _export("ours.safetensors", "--to", "theirs.pth", "--format", "torchvision")
    theirs = torch.load("theirs.pth", weights_only=True)
    assert {key.split(".")[0] for key in theirs} == {"features", "classifier"}
    assert "from torchvision.models import efficientnet_b0" in Path("theirs.md").read_text()
    _export("theirs.pth", "--arch", name, "--to", "back.safetensors")
    back = load_file("back.safetensors")
    torch.testing.assert_close(back, load_file("ours.safetensors"), rtol=1e-6, atol=0)


def test_a_python_file_runs_by_itself() -> None:
    assert _export("best.json", "--to", "model.py") == "network: winner\nwritten: model.py\n"
    done = subprocess.run([sys.executable, "model.py"], capture_output=True, text=True)
    assert done.stdout.startswith("winner: ")
    assert done.stderr == ""


@pytest.mark.filterwarnings("default")  # a person's, so that what torch says would be seen
def test_onnx_says_the_largest_error_and_nothing_of_torchs_own() -> None:
    done = nas_process("export", "best.json", "--to", "m.onnx")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) == 5
    assert lines[2].startswith("checked: onnxruntime against torch, 1 and 3 images: largest error ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("best.json", "--to", "m.h5"), "--to: got m.h5, must end in one of .onnx, .py, .safe"),
        (("best.json", "--to", "m"), "--to: got m, must end in one of"),
        (
            ("bets.json", "--to", "m.py"),
            "SOURCE: got 'bets.json', no such file, must be a file such",
        ),
        (
            ("best.json", "--to", "m.onnx", "--format", "torchvision"),
            "--format: got torchvision for m.onnx, must go with .safetensors or .pth",
        ),
        (
            ("best.json", "--to", "m.pth", "--format", "torchvision"),
            "--format: got torchvision, but winner is not a network that torchvision has, one of",
        ),
        (("best.json", "--to", "m.py", "--arch", "x"), "--arch: got x, must go with weights alone"),
    ],
)
def test_bad_input_is_one_line_and_leaves_no_file(
    refusal: Refusal, arguments: tuple[str, ...], message: str
) -> None:
    before = sorted(Path().rglob("*"))
    assert refusal("export", *arguments).startswith(message)
    assert sorted(Path().rglob("*")) == before


def test_a_place_that_cannot_be_written_to(refusal: Refusal) -> None:
    message = refusal("export", "best.json", "--to", "best.json/m.py", exit_code=1)
    assert message.startswith("--to: got best.json/m.py, must be a place to write to")
    assert [path.name for path in Path().iterdir()] == ["best.json"]


def test_bad_input_in_a_process() -> None:
    done = nas_process("export", "best.json", "--to", "m.h5")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("nas: --to: got m.h5")


def test_files_are_replaced_only_by_force(refusal: Refusal) -> None:
    Path("m.md").write_text("my own notes")
    message = refusal("export", "best.json", "--to", "m.safetensors")
    assert message == "--to: m.md exists already; --force replaces it"
    assert not Path("m.safetensors").exists()
    _export("best.json", "--to", "m.safetensors", "--force")
    assert Path("m.md").read_text().startswith("---\nlibrary_name")
    Path("d.py").mkdir()
    assert "a folder" in refusal("export", "best.json", "--to", "d.py", "--force")


def test_a_missing_package_is_named(refusal: Refusal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        export_request, "find_spec", lambda name: None if name == "onnxscript" else name
    )
    message = "--to: .onnx needs onnxscript: pip install 'nas-engine[export]'"
    assert refusal("export", "best.json", "--to", "m.onnx") == message


def test_a_full_disk_is_one_line_and_no_file(
    refusal: Refusal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    message = refusal("export", "best.json", "--to", "m.safetensors", exit_code=1)
    assert (
        message == "--to: got m.safetensors, must be a place to write to (No space left on device)"
    )
    assert [path.name for path in Path().iterdir()] == ["best.json"]


def test_an_operator_of_ones_own_that_is_not_here(refusal: Refusal) -> None:
    network = Architecture((Stage("mine", 3, 1, 1, 4, 1),), stem_channels=4)
    write(Path("mine.json"), ArchitectureFile("mine", network, 8, 8))
    message = refusal("export", "mine.json", "--to", "m.safetensors")
    assert message.startswith("SOURCE: mine: operator: got 'mine', must be one of")
    assert "has 'mine' of your own" in refusal("export", "mine.json", "--to", "m.py")


def test_what_torch_cannot_export_is_one_line(
    refusal: Refusal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def export(*_: object, **__: object) -> None:
        raise torch.onnx.OnnxExporterError("no such operator\nand much more")

    monkeypatch.setattr(torch.onnx, "export", export)
    message = refusal("export", "best.json", "--to", "m.onnx", exit_code=1)
    assert message == "winner: torch cannot export it to ONNX (no such operator)"
