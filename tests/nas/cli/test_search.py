"""``nas search`` before it begins: mistakes in its options, a run to resume, and its results."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nas.cli.main import main
from nas.errors import UserError
from nas.run_directory import create_run, open_run
from nas.search.prepare import prepare
from nas.search.request import SearchRequest
from nas.search.samplers.registry import SAMPLERS
from nas.search.settings import SearchSettings
from results.candidate import Candidate, State
from tests.nas.conftest import Refusal


def run(arguments: tuple[object, ...], monkeypatch: pytest.MonkeyPatch) -> int | str | None:
    """Run ``nas`` in this process; return its exit code."""
    monkeypatch.setattr(sys, "argv", ["nas", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "nowhere"), "--data: got 'nowhere', no such file or folder, must be digits"),
        (("--data", "shapes:colour=3"), "--data: got 'colour=3' in 'shapes:colour=3', must be"),
        (("--data", "shapes:classes=1"), "classes: got 1, must be"),
        (("--space", "nothing"), "--space: got 'nothing', must be one of efficientnet-b4, "),
        (("--budget", "0"), "--budget: got '0', must be a whole number, 1 or more"),
        (("--budget", "many"), "--budget: got 'many', must be a whole number"),
        (("--workers", "0"), "--workers: got '0', must be a whole number, 1 or more"),
        (("--epochs", "-1"), "--epochs: got '-1', must be a whole number, 1 or more"),
        (("--image-size", "3"), "--image-size: got '3', must be a whole number, from 4 to 4096"),
        (("--batch-size", "1"), "--batch-size: got '1', must be a whole number, 2 or more"),
        (("--sampler", "luck"), "--sampler: got 'luck', must be one of random"),
        (("--seed", "1.5"), "--seed: got '1.5', must be a whole number, 0 or more"),
        (("--time-limit", "nan"), "--time-limit: got 'nan', must be a number of seconds above 0"),
        (("--max-failures", "0"), "--max-failures: got '0', must be a whole number, 1 or more"),
        (("--resume", "nowhere"), "--resume: got nowhere, must be a run's directory"),
        (("--storage", "notaurl"), "--storage: got 'notaurl', must be a database's URL"),
        (("--storage", "sqlite://"), "--storage: got 'sqlite://', which is in memory"),
        (("--address", "nobody"), "--address: got 'nobody', must be a running Ray cluster's"),
        (("--bugdet", "3"), "'--bugdet'"),
        (("extra",), "unexpected extra argument (extra)"),
    ],
)
def test_one_line_that_names_the_option(
    refusal: Refusal,
    arguments: tuple[str, ...],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert message in refusal("search", *arguments)


def test_out_that_is_taken(refusal: Refusal, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    message = refusal("search", "--out", tmp_path)
    assert message.startswith(f"--out: got {tmp_path}, which is there already")
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_out_that_cannot_be_made(refusal: Refusal, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    out = tmp_path / "file" / "run"
    assert refusal("search", "--out", out).startswith(f"--out: got {out}")


def test_a_storage_that_refuses_leaves_nothing_behind(refusal: Refusal, tmp_path: Path) -> None:
    out = tmp_path / "run"
    url = "postgresql://user:secret@127.0.0.1:1/nas"
    assert "secret" not in refusal("search", "--out", out, "--storage", url)
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--seed", "1"), "--seed: got 1, but {run} was begun with 0"),
        (("--epochs", "3"), "--epochs: got 3, but {run} was begun with 10"),
        (("--image-size", "16"), "--image-size: got 16, but {run} was begun with 8"),
        (("--data", "shapes"), "--data: got 'shapes', but {run} was begun with 'digits', must"),
        (("--space", "efficientnetv2"), "--space: got 'efficientnetv2', but {run} was begun with"),
        (("--out", "elsewhere"), "--resume: not allowed together with --out or --storage"),
    ],
)
def test_resume_refuses_what_would_make_it_another_search(
    refusal: Refusal, arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    prepare(SearchRequest(out=out)).close()
    assert message.format(run=out) in refusal("search", "--resume", out, *arguments)


def test_resume_refuses_data_that_has_changed(
    refusal: Refusal, tmp_path: Path, tiny_data_file: Path
) -> None:
    import numpy as np

    out = tmp_path / "run"
    prepare(SearchRequest(out=out, data=str(tiny_data_file))).close()
    with np.load(tiny_data_file) as arrays:
        images, labels = arrays["images"].copy(), arrays["labels"]
    images[0, 0, 0] ^= 1
    np.savez(tiny_data_file, images=images, labels=labels)
    message = f"--resume: {out}: the images or labels of its data '{tiny_data_file}' have changed"
    assert refusal("search", "--resume", out).startswith(message)


def test_resume_finds_the_data_from_any_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_data_file: Path
) -> None:
    out = tmp_path / "run"
    monkeypatch.chdir(tiny_data_file.parent)
    prepare(SearchRequest(out=out, data=tiny_data_file.name)).close()
    monkeypatch.chdir("/")
    resumed = prepare(SearchRequest(resume=out, data=str(tiny_data_file)))
    resumed.close()
    assert resumed.settings.data == str(tiny_data_file)


def test_resume_goes_on_where_the_data_is_now_and_remembers_it(
    refusal: Refusal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_data_file: Path
) -> None:
    out, moved = tmp_path / "run", tmp_path / "elsewhere" / "images.npz"
    prepare(SearchRequest(out=out, data=str(tiny_data_file))).close()
    moved.parent.mkdir()
    tiny_data_file.rename(moved)
    assert refusal("search", "--resume", out) == (
        f"--resume: {out}: its data '{tiny_data_file}' is missing, must be there, or --data must "
        "name where it is now"
    )
    monkeypatch.chdir(moved.parent)
    for data in ("images.npz", None):
        resumed = prepare(SearchRequest(resume=out, data=data))
        resumed.close()
        assert resumed.settings.data == str(moved)


def test_a_run_that_was_killed_before_it_began_is_no_obstacle(tmp_path: Path) -> None:
    out = tmp_path / "run"
    out.mkdir()
    (out / "record.sqlite").touch()
    prepare(SearchRequest(out=out)).close()
    assert (out / "run.json").is_file()


def test_of_two_searches_in_one_directory_the_first_has_it(tmp_path: Path) -> None:
    first, second = (create_run(tmp_path / "run", None) for _ in range(2))
    first.create_record({}).close()
    with pytest.raises(UserError, match="another search has begun in it"):
        second.create_record({})
    assert open_run(tmp_path / "run").run_id == first.run_id


def test_a_budget_that_was_raised_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "run"
    prepare(SearchRequest(out=out, budget=5)).close()
    prepare(SearchRequest(resume=out, budget=50)).close()
    resumed = prepare(SearchRequest(resume=out))
    resumed.close()
    assert resumed.settings.budget == 50


def test_a_second_resume_is_refused_and_changes_nothing(refusal: Refusal, tmp_path: Path) -> None:
    out = tmp_path / "run"
    prepare(SearchRequest(out=out, budget=5)).close()
    with prepare(SearchRequest(resume=out, budget=50)) as first:
        message = refusal("search", "--resume", out, "--budget", "7")
        assert message == f"{out}: another search is running in it"
        assert first.record.settings()["budget"] == 50


def test_settings_of_another_release_are_kept_or_defaulted(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with prepare(SearchRequest(out=out, budget=5)) as begun:
        assert begun.note is None
        later = {**begun.settings.to_json(), "novelty": [1]}
        del later["baseline"], later["fit"]
        begun.record.change_settings(later)
    with prepare(SearchRequest(resume=out)) as resumed:
        assert resumed.note == (
            "settings of another release: novelty kept, without effect here; baseline, fit set to "
            "the default"
        )
        assert resumed.settings == begun.settings
        assert resumed.record.settings()["novelty"] == [1]


def test_settings_that_lack_what_every_release_writes(refusal: Refusal, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with prepare(SearchRequest(out=out)) as begun:
        settings = begun.settings.to_json()
        del settings["space"]
        begun.record.change_settings(settings)
    message = refusal("search", "--resume", out, exit_code=1)
    assert message == f"--resume: {out}: the settings lack space"


def _prepared(**options: Any) -> SearchSettings:
    with prepare(SearchRequest(**options)) as search:
        return search.settings


def test_without_a_budget_hours_are_the_only_limit(tmp_path: Path) -> None:
    settings = _prepared(out=tmp_path / "run", hours=8.0, begun_at=1000.0)
    assert (settings.budget, settings.hours, settings.until) == (None, 8.0, 1000.0 + 8 * 3600)
    assert (settings.max_failures, settings.baseline_trainings) == (500, 3)
    both = _prepared(out=tmp_path / "both", hours=8.0, budget=7)
    assert (both.budget, both.hours) == (7, 8.0)
    assert _prepared(out=tmp_path / "until", until=5e9).until == 5e9


def test_resumed_hours_are_those_that_are_left_or_further_ones(tmp_path: Path) -> None:
    """An hour was worked between two pauses; further hours begin with the new process."""
    out = tmp_path / "run"
    with prepare(SearchRequest(out=out, hours=8.0, begun_at=1000.0, price=2.5)) as search:
        candidate = Candidate(0, State.RUNNING, search.grid.backbone, 0, started_at=2000.0)
        search.record.start(candidate)
        ended = replace(candidate, state=State.COMPLETE, finished_at=2000.0 + 3600)
        search.record.finish(ended)
    left = _prepared(resume=out, begun_at=50_000.0)
    assert (left.hours, left.until, left.price) == (8.0, 50_000.0 + 7 * 3600, 2.5)
    further = _prepared(resume=out, hours=2.0, begun_at=60_000.0)
    assert (further.hours, further.until) == (3.0, 60_000.0 + 2 * 3600)
    fixed = _prepared(resume=out, until=5e9, begun_at=70_000.0)
    assert (fixed.hours, fixed.until) == (None, 5e9)
    assert _prepared(resume=out, begun_at=80_000.0).until == 5e9


def test_hours_and_a_moment_exclude_each_other(refusal: Refusal, tmp_path: Path) -> None:
    message = "--until: not allowed together with --hours, must be one of the two"
    options = ("--hours", 8, "--until", "2096-11-30T08:00")
    assert refusal("search", *options, "--out", tmp_path / "run") == message
    prepare(SearchRequest(out=tmp_path / "run")).close()
    assert refusal("search", *options, "--resume", tmp_path / "run") == message


def test_an_operator_that_cannot_be_built(
    refusal: Refusal, tmp_path: Path, tiny_space_file: Path
) -> None:
    tiny_space_file.write_text(tiny_space_file.read_text().replace("fused_mbconv", "fused_mbcnv"))
    message = refusal("search", "--space", tiny_space_file, "--out", tmp_path / "run")
    assert "operator: got 'fused_mbcnv', must be one of bottleneck, convnext, fused_mb" in message
    assert not (tmp_path / "run").exists()


def test_every_sampler_is_named_in_the_error(
    refusal: Refusal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    message = refusal("search", "--sampler", "none")
    assert all(name in message for name in SAMPLERS)


def test_results_of_nothing(refusal: Refusal, tmp_path: Path) -> None:
    assert refusal("results", tmp_path).startswith(f"RUN: got {tmp_path}")


def test_results_of_a_run_without_candidates(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    prepare(SearchRequest(out=out)).close()
    assert run(("results", out), monkeypatch) == 0
    assert capsys.readouterr().out == "no candidates yet\n"


def test_results_of_a_damaged_record(refusal: Refusal, tmp_path: Path) -> None:
    out = tmp_path / "run"
    prepare(SearchRequest(out=out)).close()
    (out / "record.sqlite").write_bytes(b"torn" * 5000)
    assert refusal("results", out, exit_code=1).startswith("RUN: ")
