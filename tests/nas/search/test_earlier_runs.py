"""What a run keeps of earlier ones: their candidates as points of its own space."""

from __future__ import annotations

import json
import random
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nas.run_directory import open_for_reading
from nas.search.earlier_runs import FEWEST_CANDIDATES, MOST_CANDIDATES, EarlierRun
from nas.search.settings import SearchSettings
from results.candidate import Candidate, CurvePoint, State
from reward.step_time.measurement import StepTime
from search_space.space import Space
from search_space.space_file import write_space
from search_space.spaces import medium, small
from tests.nas.command_line import completed, nas, start_nas
from tests.nas.conftest import Refusal

COLUMNS = ("points", "curves", "complete", "step_times")
FORGED: dict[str, Callable[[dict[str, Any]], object]] = {
    "another space's choices": lambda run: run["choices"].pop(),
    "an option that there is not": lambda run: run["points"][3].__setitem__(0, "conv"),
    "an accuracy above 1": lambda run: run["curves"][2].append(1.5),
    "no step time": lambda run: run["step_times"].__setitem__(0, 0.0),
    "columns of unlike length": lambda run: run["complete"].pop(),
    "nothing complete": lambda run: run.update(complete=[False] * len(run["complete"])),
    "too few": lambda run: [run[name].__delitem__(slice(3, None)) for name in COLUMNS],
    "a number for a name": lambda run: run.update(device=3),
    "no curves": lambda run: run.pop("curves"),
}


def recorded(space: Space, count: int) -> list[Candidate]:
    """Return complete candidates of a run of this space."""
    chance = random.Random(0)
    return [
        Candidate(
            number=number,
            state=State.COMPLETE,
            architecture=space.sample(chance),
            seed=number,
            accuracy=0.5 + number / 2000,
            step_time=StepTime((0.02,), (0.01,), 1000, "EPYC, 1 thread", 32, 8),
            curve=(CurvePoint(1, 1.0, 0.4, 1.0), CurvePoint(2, 1.0, 0.5 + number / 2000, 2.0)),
        )
        for number in range(count)
    ]


def settings_of(space: Space) -> dict[str, Any]:
    return {"space": write_space(space), "data": "/images/birds"}


def wider(space: Space) -> Space:
    """Return the space with twice the channels."""
    backbone = space.backbone
    stages = tuple(replace(stage, channels=2 * stage.channels) for stage in backbone.stages)
    return replace(space, name="wider", backbone=replace(backbone, stages=stages))


def test_the_candidates_of_the_same_space() -> None:
    space = small()
    run = EarlierRun.of("runs/a", recorded(space, 20), settings_of(space), space)
    assert (run.name, run.data, run.device) == ("runs/a", "/images/birds", "EPYC, 1 thread")
    for candidate, told in zip(recorded(space, 20), run.candidates, strict=True):
        assert space.decode(told.point) == candidate.architecture
        assert told.curve == (0.4, candidate.accuracy)
        assert told.step_time == 2.0
    read = EarlierRun.from_json(json.loads(json.dumps(run.to_json())), space.options())
    assert read == run


def test_channels_and_image_size_may_differ() -> None:
    ours, theirs = small(32), wider(small(24))
    run = EarlierRun.of("runs/a", recorded(theirs, 20), settings_of(theirs), ours)
    assert len(run.candidates) == 20
    for candidate, told in zip(recorded(theirs, 20), run.candidates, strict=True):
        narrow = ours.decode(told.point)
        assert [s.channels for s in narrow.stages] != [
            s.channels for s in candidate.architecture.stages
        ]
        assert [replace(stage, channels=1) for stage in narrow.stages] == [
            replace(stage, channels=1) for stage in candidate.architecture.stages
        ]


def test_only_options_that_the_space_has_count() -> None:
    theirs = small()
    ours = wider(replace(theirs, choices=tuple(replace(c, kernel=(3,)) for c in theirs.choices)))
    candidates = recorded(theirs, 400)
    run = EarlierRun.of("runs/a", candidates, settings_of(theirs), ours)
    with_kernel_3 = [
        c for c in candidates if all(stage.kernel == 3 for stage in c.architecture.stages)
    ]
    assert FEWEST_CANDIDATES <= len(run.candidates) == len(with_kernel_3) < 100


def test_failed_ones_and_repeated_trainings_are_left_out_and_stopped_ones_kept() -> None:
    space = small()
    candidates = recorded(space, 14)
    candidates[0] = replace(candidates[0], state=State.FAILED, accuracy=None)
    candidates[1] = replace(candidates[1], confirms=3)
    candidates[2] = replace(
        candidates[2], state=State.STOPPED, accuracy=None, curve=candidates[2].curve[:1]
    )
    candidates[3] = replace(candidates[3], state=State.INFEASIBLE, accuracy=None, curve=())
    candidates[4] = replace(candidates[4], step_time=None)
    run = EarlierRun.of("runs/a", candidates, settings_of(space), space)
    assert len(run.candidates) == 11
    assert [each.is_complete for each in run.candidates[:3]] == [False, False, True]
    assert [each.curve for each in run.candidates[:2]] == [(0.4,), ()]


def test_of_a_long_run_candidates_from_all_of_it_are_kept() -> None:
    space = small()
    run = EarlierRun.of("runs/a", recorded(space, 900), settings_of(space), space)
    accuracies = [each.curve[-1] for each in run.candidates]
    assert MOST_CANDIDATES / 2 < len(accuracies) <= MOST_CANDIDATES
    assert accuracies[0] == 0.5
    assert accuracies[-1] > 0.94


@pytest.mark.parametrize(
    ("theirs", "settings", "said"),
    [
        (medium(), {}, "searched 6 stages, must be as many as the space small has, 4"),
        (small(), {"fit": {"name": "b0"}}, "is a run of nas scale --fit, must be one of nas searc"),
        (small(), {}, "has 7 complete candidates with operators, layers, kernels, and expansions"),
    ],
)
def test_what_cannot_be_learnt_from(theirs: Space, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        EarlierRun.of("a", recorded(theirs, 7), settings_of(theirs) | settings, small())


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_forged_settings_are_refused(forge: Callable[[dict[str, Any]], object]) -> None:
    space = small()
    run = EarlierRun.of("a", recorded(space, 9), settings_of(space), space).to_json()
    EarlierRun.from_json(run, space.options())
    forge(run)
    with pytest.raises((KeyError, TypeError, ValueError)):
        EarlierRun.from_json(run, space.options())


def test_a_search_that_learns_is_killed_and_goes_on_without_the_earlier_run(
    tiny_space_file: Path, tiny_data_file: Path, tmp_path: Path, refusal: Refusal
) -> None:
    data = ("--space", tiny_space_file, "--data", tiny_data_file, "--epochs", 1)
    what = (*data, "--in-process", "--baseline", 0)
    earlier, run = tmp_path / "earlier", tmp_path / "run"
    done = nas("search", *what, "--budget", 8, "--out", earlier)
    assert done.returncode == 0, done.stderr

    process = start_nas("search", *what, "--budget", 60, "--learn-from", earlier, "--out", run)
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("candidate 5"):
            break
    process.send_signal(signal.SIGKILL)
    process.communicate()
    announced = " ".join("".join(lines).split())
    assert f"learns from {earlier}: 8 candidates of" in announced

    shutil.rmtree(earlier)
    before = completed(run)
    again = nas("search", "--resume", run, "--budget", len(before) + 2, "--in-process")
    assert again.returncode == 0, again.stderr
    after = completed(run)
    assert len(after) == len(before) + 2
    assert {number: after[number] for number in before} == before
    _, record = open_for_reading(run)
    with record:
        settings = SearchSettings.from_json(record.settings())
    assert settings.sampler == "model"
    assert [len(each.candidates) for each in settings.earlier_runs] == [8]
    assert "step_times" not in (run / "report.html").read_text()

    assert "--learn-from: not allowed together with --resume" in refusal(
        "search", "--resume", run, "--learn-from", run
    )
    # Without --in-process, which would begin this process anew.
    said = refusal("search", *data, "--learn-from", tmp_path / "no")
    assert f"--learn-from: got {tmp_path / 'no'}, must be a run's directory" in said
    said = refusal("search", *data, "--learn-from", run, "--sampler", "tpe")
    assert said == "--learn-from: not allowed together with --sampler tpe, must be model"
    said = refusal("search", *data[2:], "--space", "small", "--learn-from", run)
    assert "stages, must be as many as the space small has, 4" in said
