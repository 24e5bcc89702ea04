"""The file and the commands that the page offers for a candidate work unchanged."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from results.architecture_file import read
from results.candidate import Candidate, State
from results.causes import CAUSES
from results.dashboard.columns import to_json
from results.dashboard.facts import detail, running_json
from search_space.spaces import small
from tests.results.dashboard.made_run import made_candidate, settings

SETTINGS = settings(small())
COMPLETE = made_candidate(small(), 0)


@pytest.mark.parametrize(
    "candidate",
    [
        COMPLETE,
        replace(COMPLETE, state=State.FAILED, step_time=None, accuracy=None, curve=()),
    ],
    ids=["timed", "not timed"],
)
def test_the_commands_can_read_the_file(candidate: Candidate, tmp_path: Path) -> None:
    found = detail(candidate, SETTINGS, "run")
    path = tmp_path / found["file_name"]
    path.write_text(to_json(found["file"]))
    file = read(path)
    assert file.architecture == candidate.architecture
    assert file.train_size == 32
    assert file.task.classes == 10


def test_without_a_task_in_the_settings_there_is_no_file() -> None:
    assert detail(COMPLETE, {}, "run")["file"] is None


@pytest.mark.parametrize("data", ["digits; rm -rf ~", "$(reboot)", "--help", "a b", "'\"\n`x`"])
def test_a_strangers_data_is_one_word_in_the_shell(data: str) -> None:
    command = detail(COMPLETE, {**SETTINGS, "data": data}, "run")["commands"]["train"]
    words = shlex.split(command)
    assert f"--data={data}" in words
    assert len(words) == 7


@pytest.mark.parametrize("prefix", ["../../", "-rf ", ".", "a b/", "<b>"])
def test_a_file_name_needs_no_quotes(prefix: str) -> None:
    name = detail(COMPLETE, SETTINGS, "run", prefix)["file_name"]
    assert name.endswith("candidate-0.json")
    assert name[0] not in "-."
    assert not set(name) & set("/ <>")


def test_a_failure_is_said_in_words_with_the_last_lines_of_its_error() -> None:
    trace = "\n".join(f"conv.py:{n} in forward: x" for n in range(40)) + "\nValueError: y"
    failed = replace(COMPLETE, state=State.FAILED, cause="error", trace=trace)
    found = detail(failed, SETTINGS, "run")
    assert found["reason"] == "An error was raised while it was built, timed, or trained."
    assert len(found["trace"]) == 20
    assert found["trace"][-1] == "ValueError: y"
    assert detail(replace(failed, cause="of another release"), SETTINGS, "run")["reason"] is None
    assert (detail(COMPLETE, SETTINGS, "run")["reason"], found["cause"]) == (None, "error")


def test_every_cause_of_a_search_has_its_words() -> None:
    """Where causes are written, beside the pruners' and the limits' own."""
    root = Path(__file__).parents[3]
    files = ["nas/search/evaluator.py", "nas/search/driver.py", "nas/search/ray_backend.py"]
    files += ["nas/search/pruners/asha.py", "nas/search/pruners/bound.py"]
    source = "".join((root / file).read_text() for file in files)
    written = re.findall(r'(?:return|cause=|cause =|DEVICE_ERROR =) "([a-z_]+)"', source)
    written += re.findall(r'"(max_[a-z_]+)",', (root / "reward/limits.py").read_text())
    assert {"diverged", "error", "device_error", "asha", "max_params"} <= set(written)
    assert set(written) <= set(CAUSES)


@pytest.mark.parametrize(
    "curve", ["epochs", [[1, 0.5, None, 2.0]], [[1, 0.5, 0.9]], [3], [[1, 0.5, 0.9, "2"]]]
)
def test_what_runs_of_wrong_types_does_no_harm(curve: object) -> None:
    row = {"number": 1, "state": State.RUNNING, "started_at": 1.0, "worker": "a"}
    entry = {"number": 1, "curve": curve, "accuracy": "high", "epochs": 1.5, "worker": 7}
    (found,) = running_json([entry], [row])["running"]
    assert found["curve"] == []
    assert found["accuracy"] is None
    assert found["epochs"] is None
    assert found["worker"] == "7"
