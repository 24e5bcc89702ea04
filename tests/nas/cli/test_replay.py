"""``nas replay``, and the options of a search that name samplers and rewards."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from nas.cli.main import main
from nas.replay.table import write_table
from search_space.space_file import write_space
from search_space.spaces import small
from tests.nas.conftest import Refusal
from tests.nas.replay.conftest import made_table


def run(arguments: tuple[object, ...], monkeypatch: pytest.MonkeyPatch) -> int:
    """Run ``nas`` in this process; return its exit code."""
    monkeypatch.setattr(sys, "argv", ["nas", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        main()
    code = end.value.code
    assert isinstance(code, int)
    return code


@pytest.fixture(scope="module")
def table_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty networks."""
    path = tmp_path_factory.mktemp("table") / "table.parquet"
    write_table(path, made_table(small(), 20))
    return path


def test_json_and_plot(
    table_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    plot = tmp_path / "plot.html"
    arguments = ("--sampler", "policy", "--scheduler", "asha", "--repeats", "7", "--json")
    assert run(("replay", table_file, *arguments, "--out", plot), monkeypatch) == 0
    found = json.loads(capfd.readouterr().out)
    assert (found["candidates"], found["budget"], found["full_epochs"]) == (20, 10, 60)
    ours, chance = found["strategies"]
    assert (ours["name"], chance["name"]) == ("policy + asha", "random")
    assert ours["repeats"] == chance["repeats"] == 7
    assert 0 < ours["reached"] <= 1
    text = plot.read_text()
    assert "policy + asha" in text
    assert "<script src" not in text


def test_a_table_of_results(
    table_file: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(("replay", table_file, "--sampler", "random", "--repeats", "2"), monkeypatch) == 0
    shown = capfd.readouterr().out
    said = "that random search is expected to find with 10 of them, which take 60 epochs to train."
    assert shown.startswith("20 candidates. The target is 0.")
    assert said in shown.splitlines()[0]
    assert max(map(len, shown.splitlines()[1:])) <= 80


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--sampler", "luck"), "--sampler: got 'luck', must be one of random"),
        (("--budget", "21"), "--budget: got 21, must be from 1 to the table's 20"),
        (("--scheduler", "luck"), "--scheduler: got 'luck'"),
        (("--bound", "luck"), "--bound: got 'luck'"),
        (("--repeats", "0"), "--repeats: got '0', must be a whole number, 1 or more"),
        (("--repeats", "1", "--sampler", "random", "--out", "no/such/x.html"), "no/such/x.html"),
    ],
)
def test_bad_options(
    refusal: Refusal,
    arguments: tuple[str, ...],
    message: str,
    table_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert message in refusal("replay", table_file, *arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--reward", "hard"), "--reward: got 'hard', must have a target, such as hard:T=1.2"),
        (("--reward", "luck"), "--reward: got 'luck', must be product"),
        (("--start-from", "luck"), "--start-from: got 'luck', must be a file such as best.json"),
        (("--sampler", "no:Sampler"), "--sampler: got 'no:Sampler', no such module is installed"),
    ],
)
def test_bad_options_of_a_search(
    refusal: Refusal,
    arguments: tuple[str, ...],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert message in refusal("search", *arguments)


@pytest.fixture
def foreign(tmp_path: Path) -> tuple[Path, Path]:
    """A table in CSV of two networks, and its space."""
    space = small()
    (tmp_path / "space.yaml").write_text(write_space(space))
    names = list(space.options())
    points = [space.at(index) for index in (0, 5, 11)]
    lines = [[str(point[name]) for name in names] for point in points]
    rows = [",".join([*line, f"0.{i}"]) for i, line in enumerate(lines, 5)]
    (tmp_path / "table.csv").write_text("\n".join([",".join([*names, "accuracy"]), *rows]))
    return tmp_path / "table.csv", tmp_path / "space.yaml"


def test_a_table_in_csv(
    foreign: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    table, space = foreign
    arguments = ("--sampler", "random", "--repeats", "3", "--budget", "2", "--json")
    assert run(("replay", table, "--space", space, *arguments), monkeypatch) == 0
    shown, said = capfd.readouterr()
    assert json.loads(shown)["candidates"] == 3
    assert "nas: the table has no step_time_s and no parameters" in said


def test_options_of_a_table_in_csv(
    foreign: tuple[Path, Path], table_file: Path, refusal: Refusal
) -> None:
    table, space = foreign
    assert "--space: got none, must be given for a table in CSV" in refusal("replay", table)
    assert "--space: got 'no.yaml', no such file" in refusal("replay", table, "--space", "no.yaml")
    assert "--reward: got 'luck'" in refusal("replay", table, "--space", space, "--reward", "luck")
    message = refusal("replay", table_file, "--cost", "flops")
    assert "--cost: got 'flops', is only for a table in CSV" in message
    assert "no such file" in refusal("replay", "missing.csv", "--space", space)
