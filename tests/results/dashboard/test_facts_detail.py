"""The file and the commands that the page offers for a candidate work unchanged."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from results.architecture_file import read
from results.candidate import Candidate, State
from results.dashboard.columns import to_json
from results.dashboard.facts import detail
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
