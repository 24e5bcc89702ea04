"""The comparison end to end on digits: cut off, resumed, and refused where options are wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks import real_images
from benchmarks.real_data import real_data, searched
from nas.errors import UserError

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "benchmarks" / "small_on_cifar10_32px.parquet"
TINY = (
    "--from", str(TABLE), "--data", "digits", "--image-size", "8", "--epochs", "2", "--seeds", "2",
    "--rates", "0.008,0.016", "--tune-images", "100", "--tune-epochs", "1",
    "--networks", "winner,resnet", "--step-cap", "0.5",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the benchmark from starting the process again for the allocator's settings."""
    monkeypatch.setattr(real_images, "follow", lambda module: torch.set_num_threads(1))


def test_a_comparison_that_was_cut_off_goes_on_and_ends_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, path = ("--out", str(tmp_path)), tmp_path / "trainings.jsonl"
    real_images.main([*TINY, *out, "--csv", str(tmp_path / "curves.csv")])
    lines = path.read_text().splitlines()
    kinds = [json.loads(line).get("kind") for line in lines]
    assert kinds == [None] + ["step"] * 2 + ["rate"] * 4 + ["training"] * 4
    trained = [json.loads(line) for line in lines[-4:]]
    places = [(line["network"], line["seed"]) for line in trained]
    assert places == [("winner", 0), ("resnet", 0), ("winner", 1), ("resnet", 1)]
    assert len((tmp_path / "curves.csv").read_text().splitlines()) == 1 + 4 * 2
    assert "winner (n = 2 seeds)" in capsys.readouterr().out

    path.write_text("\n".join(lines[:-2]) + "\n" + lines[-2][:30])
    real_images.main([*TINY, *out])
    ended = capsys.readouterr().out
    assert ended.count("training: ") == 2
    again = [json.loads(line) for line in path.read_text().splitlines()[-4:]]
    assert [_accuracies(line) for line in again] == [_accuracies(line) for line in trained]

    real_images.main(["--report", *out])
    assert capsys.readouterr().out.splitlines()[-1] == ended.splitlines()[-1]
    with pytest.raises(SystemExit) as ends:
        real_images.main([*TINY, *out, "--epochs", "3"])
    assert ends.value.code == 2
    assert capsys.readouterr().err.startswith("Error: --out: got")


def _accuracies(line: dict[str, Any]) -> list[float]:
    return [point["accuracy"] for point in line["curve"]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "digits"), "--from: got nothing"),
        (("--from", str(TABLE)), "--data: got nothing"),
        (("--from", "nowhere", "--data", "digits"), "--from: got nowhere"),
        (("--from", str(TABLE), "--data", "nowhere"), "--data: got 'nowhere', no such file"),
        ((*TINY, "--networks", "vgg"), "--networks: got 'vgg', must be of winner, backbone"),
        ((*TINY, "--epochs", "0"), "--epochs: got 0, must be 1 or more"),
        ((*TINY, "--rates", "0.1,-1"), "--rates: got -1, must be above 0"),
        (("--report",), "which has no trainings.jsonl"),
    ],
)
def test_bad_input_is_one_line(
    arguments: tuple[str, ...], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ends:
        real_images.main([*arguments, "--out", str(tmp_path)])
    assert ends.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


def test_the_winner_of_a_table_is_its_best_by_its_own_reward() -> None:
    found = searched(TABLE)
    assert found.winner.number == 58
    assert found.settings.budget == 400


def test_images_to_tune_with_are_apart_from_those_held_out() -> None:
    data = real_data("digits", 8, torch.device("cpu"), tune_images=200)
    assert not data.has_validation_split
    assert len(data.tuning) == 200
    assert len(data.training) == 1437
    rows = {image.numpy().tobytes() for image in data.held_out.pixels}
    assert not any(image.numpy().tobytes() in rows for image in data.tuning.pixels)


def test_data_without_a_test_split_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--data"):
        real_data(str(tmp_path), 8, torch.device("cpu"))
