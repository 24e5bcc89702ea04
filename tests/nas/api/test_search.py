"""nas.search and nas.resume, and what a run gives a notebook."""

from __future__ import annotations

import inspect
import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nas
from nas.api.option_values import checked
from nas.api.search import SearchOptions
from nas.cli.main import nas as command_line
from results.architecture_file import ArchitectureFile


def quarters(count: int = 160) -> nas.Data:
    """Return images whose class is the quarter that is brightest."""
    labels = np.arange(count) % 4
    images = np.random.default_rng(0).integers(0, 60, (count, 8, 8), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        row, column = divmod(int(label), 2)
        image[4 * row : 4 * row + 4, 4 * column : 4 * column + 4] += 90
    split = count * 3 // 4
    return nas.Data((images[:split], labels[:split]), test=(images[split:], labels[split:]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the run, with a cache of its own."""
    return tmp_path_factory.mktemp("library")


@pytest.fixture(scope="module")
def run(folder: Path) -> nas.Run:
    """A run of three candidates, of which the last one came when it was resumed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NAS_CACHE_DIR", str(folder / "cache"))
        options: Any = {"in_process": True, "quiet": True}
        begun = nas.search(
            quarters(), "small", 2, out=folder / "run", epochs=1, baseline=0, **options
        )
        return nas.resume(begun, 3, data=quarters(), **options)


def test_candidates_are_a_table(run: nas.Run) -> None:
    table = run.candidates()
    assert isinstance(table, pd.DataFrame)
    assert table["number"].tolist() == [0, 1, 2]
    assert table["accuracy"].between(0, 1).all()
    assert set(run.front()["number"]) <= {0, 1, 2}


def test_the_winner_is_that_of_best_json(run: nas.Run) -> None:
    best = run.best
    assert isinstance(best, ArchitectureFile)
    assert best.to_json() == nas.read_architecture(run.path / "best.json").to_json()
    table = run.candidates()
    assert best.measurements["reward"] == table["reward"].max()


def test_the_figure_has_every_candidate(run: nas.Run) -> None:
    figure = run.figure()
    numbers = {text.partition(":")[0] for trace in figure.data for text in trace.text}
    assert numbers == {"no. 0", "no. 1", "no. 2"}
    assert figure.layout.yaxis.title.text == "accuracy (%)"


def test_the_page_is_served_until_it_is_stopped(run: nas.Run) -> None:
    page = run.dashboard(has_control=True)
    assert page.url in page._repr_html_()
    with urllib.request.urlopen(page.url) as answer:
        assert answer.status == 200
    with urllib.request.urlopen(page.url.replace("?", "api/runs?")) as answer:
        assert json.load(answer)["has_control"] is True
    page.stop()
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(page.url)


def test_a_run_is_told_in_words(run: nas.Run) -> None:
    assert "3 complete candidates. " in repr(run)
    assert run.verdict in repr(run)


def test_a_quiet_search_prints_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAS_CACHE_DIR", str(tmp_path / "cache"))
    nas.search(quarters(), "small", 1, out=tmp_path / "run", epochs=1, in_process=True, quiet=True)
    out = capfd.readouterr().out
    assert out == ""


def test_other_data_do_not_resume_a_run(run: nas.Run, folder: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NAS_CACHE_DIR", str(folder / "cache"))
        with pytest.raises(nas.UserError, match="must be the same images and labels"):
            nas.resume(run, 4, data=quarters(200), in_process=True, quiet=True)


def test_errors_are_those_of_the_command_line(tmp_path: Path) -> None:
    with pytest.raises(nas.UserError, match="--space: got 'smal', must be one of small"):
        nas.search(space="smal", in_process=True, out=tmp_path / "run")
    with pytest.raises(nas.UserError, match="got the option 'bugdet', must be one of "):
        nas.search(bugdet=3)  # type: ignore[call-arg]
    with pytest.raises(nas.UserError, match="--workers: got 2, must be 1 with --in-process"):
        nas.search(workers=2, in_process=True)
    with pytest.raises(nas.UserError, match="--sampler: got 'rando'"):
        nas.search(sampler="rando", in_process=True, out=tmp_path / "run")
    with pytest.raises(nas.UserError, match="nowhere"):
        nas.Run(tmp_path / "nowhere")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("option", "value", "problem"),
    [
        ("budget", 0, "--budget: got 0, must be a whole number from 1"),
        ("budget", "5", "--budget: got '5', must be a whole number from 1"),
        ("epochs", 1.5, "--epochs: got 1.5, must be a whole number from 1"),
        ("batch_size", -3, "--batch-size: got -3, must be a whole number from 2"),
        ("image_size", 0, "--image-size: got 0, must be a whole number from 4 to 4,096"),
        ("workers", 0, "--workers: got 0, must be"),
        ("hours", -1, "--hours: got -1, must be a number above 0"),
        ("max_step_time", float("nan"), "--max-step-time: got nan, must be a number above 0"),
        ("time_limit", "1h", "--time-limit: got '1h', must be a number of seconds"),
        ("compile", "no", "--compile: got 'no', must be True or False"),
        ("minival", 2, "--minival: got '2', must be auto, train, or a share"),
        ("background", "x", "--background: got 'x', must be grey, white, black"),
        ("reward", len, "--reward: got <built-in function len>, must be a name, or package"),
        ("space", 5, "--space: got 5, must be a name, a YAML file or a Space"),
        ("start_from", [5], "--start-from: got 5, must be a file"),
        ("recipe_options", 1, "got the option 'recipe_options', must be one of recipe, "),
        ("lr", -1.0, "--lr: got -1.0, must be a number from 0"),
    ],
)
def test_what_an_option_may_not_be_is_told(
    tmp_path: Path, option: str, value: object, problem: str
) -> None:
    given: dict[str, Any] = {option: value}
    with pytest.raises(nas.UserError) as refused:
        nas.search(in_process=True, quiet=True, out=tmp_path / "run", **given)
    assert problem in str(refused.value)
    assert not (tmp_path / "run").exists()


def test_what_is_named_when_a_run_is_resumed_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("NAS_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "its_rewards.py").write_text("def linear(a, s, p):\n    return a - s / 10\n")
    given: dict[str, Any] = {"in_process": True, "quiet": True}
    reward = "its_rewards:linear"
    begun = nas.search(quarters(), budget=1, epochs=1, reward=reward, out=tmp_path / "run", **given)
    del sys.modules["its_rewards"]
    with pytest.raises(nas.UserError, match="name it by --import its_rewards"):
        nas.resume(begun, **given)
    assert nas.resume(begun, reward=reward, **given).settings["reward"] == reward


def test_numbers_may_be_numpys_and_one_start_needs_no_list() -> None:
    given = {"seed": np.int64(3), "lr": np.float32(0.5), "epochs": np.array(2), "hours": None}
    checked_ones = checked("search", given, given)
    assert checked_ones == {"seed": 3, "lr": 0.5, "epochs": 2, "hours": None}
    assert all(type(value) in (int, float) for value in list(checked_ones.values())[:3])


def test_every_option_of_the_command_line_is_there_in_python() -> None:
    command = command_line.commands["search"]
    names = {option.lstrip("-").replace("-", "_")
             for parameter in command.params for option in parameter.opts}  # fmt: skip
    here = {*SearchOptions.__annotations__, *inspect.signature(nas.search).parameters}
    # --resume is nas.resume, --import is Python's own, and --json prints.
    assert names - here == {"resume", "import", "json"}
    assert here - names == {"quiet", "options"}


def test_a_package_of_ours_is_a_function_too() -> None:
    import nas.search.settings

    assert callable(nas.search)
    assert "budget" in inspect.signature(nas.search).parameters
    assert callable(nas.scale)
    assert set(nas.scale("efficientnetv2-s", "M,L")) == {"M", "L"}
