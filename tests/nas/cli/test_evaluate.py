"""``nas evaluate``: what it prints of a checkpoint, and what is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from nas.cli.evaluate import evaluate
from nas.full_training import checkpoint
from nas.full_training.checkpoint import Normalization, TrainedNetwork
from results.architecture_file import ArchitectureFile
from search_space.network import Network
from search_space.task import Task
from tests.nas.conftest import Refusal
from tests.nas.data.pictures import class_folders, picture
from tests.nas.tiny import TINY_BACKBONE


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A training's, of digits; the weights are random."""
    torch.manual_seed(0)
    network = TrainedNetwork(
        file=ArchitectureFile("tiny", TINY_BACKBONE, 8, 8, Task(10, 1)),
        weights=Network(TINY_BACKBONE, 10, 1).state_dict(),
        normalization=Normalization((78.0,), (96.0,)),
        data="digits",
        epoch=3,
        accuracy=0.5,
    )
    checkpoint.write(tmp_path / "best.pt", checkpoint.encoded(network))
    return tmp_path


def test_the_accuracies_stand_with_their_intervals(directory: Path) -> None:
    shown = CliRunner().invoke(evaluate, [str(directory), "--data", "digits"])
    assert shown.exit_code == 0, shown.output
    told = CliRunner().invoke(evaluate, [str(directory / "best.pt"), "--data", "digits", "--json"])
    data = json.loads(told.output)
    low, high = data["accuracy_ci"]
    assert 0 <= low < data["accuracy"] < high <= 1
    assert data["images"] == 360
    assert data["accuracy"] <= data["top_5_accuracy"]
    top_1 = (
        f"top-1     {100 * data['accuracy']:.2f} %  "
        f"(95 % interval {100 * low:.2f} to {100 * high:.2f} %)"
    )
    assert top_1 in shown.output.splitlines()
    assert "test      360 images at 8 px" in shown.output
    assert max(map(len, shown.output.splitlines())) <= 80


def test_classes_and_what_they_are_taken_for(directory: Path, tmp_path: Path) -> None:
    page = tmp_path / "confusion.html"
    arguments = [str(directory), "--data", "digits"]
    shown = CliRunner().invoke(evaluate, [*arguments, "--plot", str(page)])
    assert shown.exit_code == 0, shown.output
    lines = shown.output.splitlines()
    for label in ("top-1 ", "bal. acc. ", "macro F1 ", "AUROC "):
        assert any(line.startswith(label) and "(95 % interval " in line for line in lines), label
    told = json.loads(CliRunner().invoke(evaluate, [*arguments, "--json"]).output)
    assert told["trained_by"] == "accuracy"
    matrix = told["confusion_matrix"]
    assert [sum(row) for row in matrix] == [each["images"] for each in told["classes"]]
    assert sum(matrix[i][i] for i in range(10)) == round(told["accuracy"] * told["images"])
    for i, row in enumerate(matrix):
        written = [str(count) if count else "." for count in row]
        assert [str(i), str(i), *written] in [line.split() for line in lines]
    assert told["classes"][3]["recall"] == matrix[3][3] / sum(matrix[3])
    content = page.read_text()
    assert "of 29 images" in content
    assert "https://" not in content.split("<body>")[0]


def test_of_many_classes_the_lowest_are_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = tuple(f"kind {i} with a name that is far too long for a column" for i in range(25))
    monkeypatch.setenv("NAS_CACHE_DIR", str(tmp_path / "cache"))
    for i, name in enumerate(names):
        (tmp_path / "kinds" / "test" / name).mkdir(parents=True)
        for j in range(2):
            file = tmp_path / "kinds" / "test" / name / f"{j}.png"
            file.write_bytes(picture(10 * i + j))
    torch.manual_seed(0)
    network = TrainedNetwork(
        file=ArchitectureFile("tiny", TINY_BACKBONE, 8, 8, Task(25, 3)),
        weights=Network(TINY_BACKBONE, 25, 3).state_dict(),
        normalization=Normalization((78.0,) * 3, (96.0,) * 3),
        data="kinds",
        epoch=1,
        accuracy=0.1,
        class_names=names,
    )
    checkpoint.write(tmp_path / "best.pt", checkpoint.encoded(network))
    page = tmp_path / "many.html"
    arguments = [str(tmp_path), "--data", str(tmp_path / "kinds"), "--plot", str(page)]
    shown = CliRunner().invoke(evaluate, arguments)
    assert shown.exit_code == 0, shown.output
    assert max(map(len, shown.stdout.splitlines())) <= 80
    assert "the 10 classes of 25 with the lowest F1 (all with --json):" in shown.stdout
    assert "the largest confusions (all with --json or --plot):" in shown.stdout
    assert "kind 24 with a name that is far too long for a column" in page.read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--metric", "macrof1"), "--metric: got 'macrof1', must be one of macro_f1, "),
        (("--plot", "c.png"), "--plot: got c.png, must end in .html"),
        (("--plot", "no/such/c.html"), "--plot: got no/such/c.html, must be in a folder that"),
    ],
)
def test_an_option_that_cannot_be_met_is_one_line(
    refusal: Refusal, directory: Path, options: tuple[str, ...], message: str
) -> None:
    assert refusal("evaluate", directory, "--data", "digits", *options).startswith(message)


def _of_pets(tmp_path: Path, minival_split: str | None = None) -> TrainedNetwork:
    """Write a network for ants and bees with random weights."""
    network = TrainedNetwork(
        file=ArchitectureFile("tiny", TINY_BACKBONE, 8, 8, Task(2, 3)),
        weights=Network(TINY_BACKBONE, 2, 3).state_dict(),
        normalization=Normalization((78.0,) * 3, (96.0,) * 3),
        data="pets",
        epoch=3,
        accuracy=0.5,
        class_names=("ant", "bee"),
        minival_split=minival_split,
    )
    checkpoint.write(tmp_path / "best.pt", checkpoint.encoded(network))
    return network


@pytest.mark.parametrize(
    ("split", "said"), [("test", "test     "), ("val", "val      "), ("valid", "val      ")]
)
def test_without_a_test_split_validation_is_measured_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, split: str, said: str
) -> None:
    monkeypatch.setenv("NAS_CACHE_DIR", str(tmp_path / "cache"))
    class_folders(tmp_path / "pets" / split, count=3)
    _of_pets(tmp_path)
    arguments = [str(tmp_path), "--data", str(tmp_path / "pets")]
    shown = CliRunner().invoke(evaluate, arguments)
    of_split = " of valid" if split == "valid" else ""
    assert f"{said} 6 images{of_split} at 8 px" in shown.stdout.splitlines()
    assert ("there is no test split, so this is" in shown.stderr) == (split != "test")
    told = json.loads(CliRunner().invoke(evaluate, [*arguments, "--json"]).stdout)
    assert told["split"] == split


@pytest.mark.parametrize(
    ("minival_split", "is_chosen_by_it"), [("val", True), (None, True), ("", False)]
)
def test_validation_that_is_asked_for_is_measured_with_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    minival_split: str | None,
    is_chosen_by_it: bool,
) -> None:
    """Nothing is said after a training with --minival train, which did not choose by it."""
    monkeypatch.setenv("NAS_CACHE_DIR", str(tmp_path / "cache"))
    class_folders(tmp_path / "pets" / "test", count=3)
    class_folders(tmp_path / "pets" / "val", count=2)
    _of_pets(tmp_path, minival_split)
    arguments = [str(tmp_path), "--data", str(tmp_path / "pets"), "--split", "validation"]
    shown = CliRunner().invoke(evaluate, arguments)
    assert "val       4 images at 8 px" in shown.stdout.splitlines()
    lines = [line for line in shown.stderr.splitlines() if "choose" in line]
    assert len(lines) == is_chosen_by_it
    assert "there is no test split" not in shown.stderr


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ("validation", "--split: got validation, must be a split that 'digits' has"),
        ("train", "--split: got 'train', must be one of "),
    ],
)
def test_a_split_that_is_not_there_is_one_line(
    refusal: Refusal, directory: Path, split: str, message: str
) -> None:
    told = refusal("evaluate", directory, "--data", "digits", "--split", split)
    assert told.startswith(message)


def test_a_network_for_other_classes_is_refused(refusal: Refusal, tmp_path: Path) -> None:
    _of_pets(tmp_path)
    assert refusal("evaluate", tmp_path, "--data", "digits") == (
        "--data: got 'digits' with 10 classes (0, 1, 2, 3, 4, ...), must be of the training's 2 "
        "classes (ant, bee); 10 are not, such as 0"
    )


@pytest.mark.parametrize(
    ("data", "message"), [("gone", "got 'gone', no such file or folder, must")]
)
def test_data_that_is_not_there_is_one_line(
    refusal: Refusal, directory: Path, data: str, message: str
) -> None:
    assert refusal("evaluate", directory, "--data", data).startswith(f"--data: {message}")


def test_what_is_no_checkpoint_is_one_line(refusal: Refusal, tmp_path: Path) -> None:
    message = refusal("evaluate", tmp_path, "--data", "digits")
    assert message == f"CHECKPOINT: {tmp_path}: has no checkpoint in it, best.pt or last.pt"


def test_at_several_sizes_the_best_is_told(directory: Path) -> None:
    arguments = [str(directory), "--data", "digits", "--image-size", "16,8"]
    shown = CliRunner().invoke(evaluate, arguments)
    assert shown.exit_code == 0, shown.output
    told = json.loads(CliRunner().invoke(evaluate, [*arguments, "--json"]).stdout)
    sizes = {each["image_size"]: each["accuracy"] for each in told["image_sizes"]}
    assert list(sizes) == [8, 16]
    assert told["best_image_size"] == max(sizes, key=lambda size: sizes[size])
    assert told["is_chosen_on_test"] is True
    assert "chosen on the test split here" in shown.stderr
    (best,) = [line for line in shown.stdout.splitlines() if line.strip().endswith("best")]
    assert best.split()[:2] == [
        str(told["best_image_size"]), f"{100 * sizes[told['best_image_size']]:.2f}",
    ]  # fmt: skip
    assert "test      360 images at 2 sizes" in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80


def test_one_size_is_shown_in_full(directory: Path) -> None:
    arguments = [str(directory), "--data", "digits", "--image-size", "12", "--crop", "published"]
    shown = CliRunner().invoke(evaluate, arguments)
    assert "test      360 images at 12 px, published crop" in shown.stdout
    assert "macro F1" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--image-size", "8,x"], "--image-size: got 'x', must be a whole number, from 4 to 4096"),
        (["--image-size", "2"], "--image-size: got '2', must be a whole number, from 4 to 4096"),
        (["--crop", "squared"], "--crop: got 'squared', must be one of square, published"),
        (["--image-size", "8,16", "--plot", "a.html"], "--plot: got 2 image sizes, must be one"),
    ],
)
def test_sizes_that_cannot_be_are_refused(
    directory: Path, refusal: Refusal, arguments: list[str], said: str
) -> None:
    assert said in refusal("evaluate", str(directory), "--data", "digits", *arguments)
