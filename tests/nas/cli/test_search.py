"""A mistake in any option of ``nas search``: exit 2, and one line that says what it may be."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from nas.cli.main import main
from nas.errors import UserError
from nas.search.prepare import SearchRequest, prepare
from nas.search.run_directory import create, open_run
from nas.search.samplers.registry import SAMPLERS


def run(arguments: tuple[object, ...], monkeypatch: pytest.MonkeyPatch) -> int | str | None:
    """``nas`` in this process; its exit code."""
    monkeypatch.setattr(sys, "argv", ["nas", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "nowhere"), "--data: got 'nowhere', must be digits, shapes"),
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
    arguments: tuple[str, ...],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(("search", *arguments), monkeypatch) == 2
    error = capfd.readouterr().err
    assert error.count("\n") == 1
    assert message in error
    assert error.startswith("nas: ")


def test_out_that_is_taken(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "mine.txt").touch()
    assert run(("search", "--out", tmp_path), monkeypatch) == 2
    error = capfd.readouterr().err
    assert error.count("\n") == 1
    assert f"--out: got {tmp_path}, which is there already" in error
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_out_that_cannot_be_made(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    assert run(("search", "--out", tmp_path / "file" / "run"), monkeypatch) == 2
    assert "--out: got" in capfd.readouterr().err


def test_a_storage_that_refuses_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    url = "postgresql://user:secret@127.0.0.1:1/nas"
    assert run(("search", "--out", out, "--storage", url), monkeypatch) == 2
    error = capfd.readouterr().err
    assert error.count("\n") == 1
    assert "secret" not in error
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--seed", "1"), "--seed: got 1, but {run} was begun with 0"),
        (("--epochs", "3"), "--epochs: got 3, but {run} was begun with 10"),
        (("--image-size", "16"), "--image-size: got 16, but {run} was begun with 8"),
        (("--data", "shapes"), "--data: got 'shapes', but {run} was begun with 'digits'"),
        (("--space", "efficientnetv2"), "--space: got 'efficientnetv2', but {run} was begun with"),
        (("--out", "elsewhere"), "--resume: the run keeps its place"),
    ],
)
def test_resume_refuses_what_would_make_it_another_search(
    arguments: tuple[str, ...],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    out = tmp_path / "run"
    prepare(SearchRequest(out=out)).record.close()
    assert run(("search", "--resume", out, *arguments), monkeypatch) == 2
    error = capfd.readouterr().err
    assert error.count("\n") == 1
    assert message.format(run=out) in error


def test_resume_refuses_data_that_has_changed(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    tiny_data_file: Path,
) -> None:
    import numpy as np

    out = tmp_path / "run"
    prepare(SearchRequest(out=out, data=str(tiny_data_file))).record.close()
    with np.load(tiny_data_file) as arrays:
        images, labels = arrays["images"].copy(), arrays["labels"]
    images[0, 0, 0] ^= 1
    np.savez(tiny_data_file, images=images, labels=labels)
    assert run(("search", "--resume", out), monkeypatch) == 2
    assert "is not what the run began with" in capfd.readouterr().err


def test_resume_finds_the_data_from_any_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_data_file: Path
) -> None:
    out = tmp_path / "run"
    monkeypatch.chdir(tiny_data_file.parent)
    prepare(SearchRequest(out=out, data=tiny_data_file.name)).record.close()
    monkeypatch.chdir("/")
    resumed = prepare(SearchRequest(resume=out, data=str(tiny_data_file)))
    resumed.record.close()
    assert resumed.settings.data == str(tiny_data_file)


def test_a_run_that_was_killed_before_it_began_is_no_obstacle(tmp_path: Path) -> None:
    out = tmp_path / "run"
    out.mkdir()
    (out / "record.sqlite").touch()
    prepare(SearchRequest(out=out)).record.close()
    assert (out / "run.json").is_file()


def test_of_two_searches_in_one_directory_the_first_has_it(tmp_path: Path) -> None:
    first, second = (create(tmp_path / "run", None) for _ in range(2))
    first.create_record({}).close()
    with pytest.raises(UserError, match="another search has begun in it"):
        second.create_record({})
    assert open_run(tmp_path / "run").run_id == first.run_id


def test_a_budget_that_was_raised_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "run"
    prepare(SearchRequest(out=out, budget=5)).record.close()
    prepare(SearchRequest(resume=out, budget=50)).record.close()
    resumed = prepare(SearchRequest(resume=out))
    resumed.record.close()
    assert resumed.settings.budget == 50


def test_an_operator_that_cannot_be_built(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    tiny_space_file: Path,
) -> None:
    tiny_space_file.write_text(tiny_space_file.read_text().replace("fused_mbconv", "fused_mbcnv"))
    assert run(("search", "--space", tiny_space_file, "--out", tmp_path / "run"), monkeypatch) == 2
    assert "operator: got 'fused_mbcnv', must be one of mbconv" in capfd.readouterr().err
    assert not (tmp_path / "run").exists()


def test_no_command_shows_the_help(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    run((), monkeypatch)
    shown = capfd.readouterr()
    assert "Commands:\n" in shown.out + shown.err


def test_every_sampler_is_named_in_the_error(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    run(("search", "--sampler", "none"), monkeypatch)
    error = capfd.readouterr().err
    assert all(name in error for name in SAMPLERS)


@pytest.mark.parametrize("command", [(), ("search",), ("results",), ("show",)])
def test_help(
    command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run((*command, "--help"), monkeypatch) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Usage: nas")
    assert max(map(len, lines)) <= 80


def test_results_of_nothing(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(("results", tmp_path), monkeypatch) == 2
    assert "RUN: got" in capfd.readouterr().err


def test_results_of_a_run_without_candidates(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    prepare(SearchRequest(out=out)).record.close()
    assert run(("results", out), monkeypatch) == 0
    assert capsys.readouterr().out == "no candidates yet\n"


def test_results_of_a_damaged_record(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    prepare(SearchRequest(out=out)).record.close()
    (out / "record.sqlite").write_bytes(b"torn" * 5000)
    assert run(("results", out), monkeypatch) == 1
    error = capfd.readouterr().err
    assert error.count("\n") == 1
    assert "Traceback" not in error
