"""Searches and trainings by other metrics: of rare classes, of several labels, and one's own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pytest
from pyarrow import parquet

from nas.full_training.checkpoint import read_network
from nas.run_directory import open_for_reading
from tests.nas.command_line import candidates, nas
from tests.nas.conftest import Refusal
from tests.nas.data.pictures import picture

OWN = '''"""Metrics of a user's own."""

from sklearn.metrics import cohen_kappa_score

calls = 0


def cohens_kappa(logits, labels):
    return max(0.0, cohen_kappa_score(labels, logits.argmax(1)))


def falling(logits, labels):
    """Each value is lower than the last, and the first is 1."""
    global calls
    calls += 1
    return 1 / calls


def three(logits, labels):
    return 3
'''


@pytest.fixture
def rare(tmp_path: Path) -> Path:
    """Images of 8 px, bright by class: 60, 30, 10 and 6 training images, and a test set."""
    generator = np.random.default_rng(0)

    def images(labels: Any) -> Any:
        brightness = (
            30 + 60 * labels[:, None, None] + generator.integers(0, 40, (len(labels), 8, 8))
        )
        return brightness.astype(np.uint8)

    training = np.repeat(np.arange(4), (60, 30, 10, 6))
    test = np.repeat(np.arange(4), (12, 8, 4, 4))
    np.savez(
        tmp_path / "rare.npz",
        train_images=images(training),
        train_labels=training,
        test_images=images(test),
        test_labels=test,
    )
    return tmp_path / "rare.npz"


@pytest.fixture
def several(tmp_path: Path) -> Path:
    """A Parquet file of 60 grey images, with one or two labels each."""
    greys = [4 * i for i in range(60)]
    labels = [[g // 80] if i % 3 else [g // 80, 3] for i, g in enumerate(greys)]
    table = pa.table({"image": [picture(grey, 8) for grey in greys], "labels": labels})
    parquet.write_table(table, tmp_path / "several.parquet")
    return tmp_path / "several.parquet"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAS_CACHE_DIR", str(tmp_path / "cache"))


def best(run: Path) -> Mapping[str, Any]:
    """Return the measurements in a run's best.json."""
    measured: Mapping[str, Any] = json.loads((run / "best.json").read_text())["measurements"]
    return measured


def test_a_search_by_macro_f1_and_what_follows(
    refusal: Refusal, tiny_space_file: Path, rare: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    options = ("--space", tiny_space_file, "--data", rare, "--epochs", 2, "--baseline", 2)
    done = nas(
        "search", *options, "--metric", "macro_f1", "--in-process", "--budget", 2, "--out", run
    )
    assert done.returncode == 0, done.stderr
    assert "metric   macro F1, in the place of accuracy" in done.stdout.splitlines()
    assert "candidate 2: complete, macro F1 " in done.stdout
    assert " against " in done.stdout
    refused = refusal("search", "--resume", run, "--metric", "auroc")
    assert refused == f"--metric: got 'auroc', but {run} was begun with 'macro_f1'"
    more = nas("search", "--resume", run, "--in-process", "--budget", 3)
    assert more.returncode == 0, more.stderr

    rows = candidates(run)
    assert len(rows) == 2 + 3
    winner = max((row for row in rows if row["confirms"] is None), key=lambda row: row["reward"])
    measured = best(run)
    assert (measured["metric"], measured["accuracy"]) == ("macro_f1", winner["accuracy"])
    _, record = open_for_reading(run)
    with record:
        recorded, settings = record.candidates(), record.settings()
    assert settings["guessing_accuracy"] == 0.25
    for row, candidate in zip(rows, recorded, strict=True):
        assert candidate.effective_images is not None
        assert 1 <= candidate.effective_images <= settings["minival_images"]
        low, high = row["accuracy_ci"]
        assert low <= row["accuracy"] <= high
        assert row["metric"] == "macro_f1"
    assert "macro F1 %" in nas("results", run).stdout
    assert (run / "candidates.csv").read_text().splitlines()[1].split(",")[4] == "macro_f1"
    assert "macro F1" in nas("show", run / "best.json").stdout


def test_a_search_with_several_labels_by_mean_average_precision(
    refusal: Refusal, tiny_space_file: Path, several: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    options = ("--space", tiny_space_file, "--data", several, "--epochs", 1)
    refused = refusal("search", *options, "--metric", "macro_f1", "--out", run)
    assert refused.startswith("--metric: got macro_f1 with several labels an image, must be map,")
    done = nas("search", *options, "--in-process", "--metric", "map", "--budget", 2, "--out", run)
    assert done.returncode == 0, done.stderr
    assert "mean average precision" in done.stdout
    assert {row["metric"] for row in candidates(run)} == {"map"}
    assert all(row["accuracy_ci"] is not None for row in candidates(run))


def test_ones_own_metric_in_rays_workers_and_resumed(
    refusal: Refusal, tiny_space_file: Path, rare: Path, tmp_path: Path
) -> None:
    """The module is in the folder that the command is given in."""
    (tmp_path / "kappas.py").write_text(OWN)
    run = tmp_path / "run"
    options = ("--space", tiny_space_file, "--data", rare, "--epochs", 1, "--workers", 1)
    done = nas(
        *("search", *options, "--metric", "kappas:cohens_kappa", "--budget", 2, "--out", run),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "complete, cohens kappa " in done.stdout
    assert best(run)["metric"] == "kappas:cohens_kappa"
    assert best(run)["accuracy_ci"] is not None
    refused = refusal("search", "--resume", run, "--budget", 3)
    assert refused.startswith(
        f"--resume: {run}: its metric: got 'kappas:cohens_kappa', whose module is not imported: "
        "name it by --import kappas"
    )
    again = ("search", "--resume", run, "--budget", 3, "--in-process", "--import", "kappas")
    more = nas(*again, cwd=tmp_path)
    assert more.returncode == 0, more.stderr
    assert len(candidates(run)) == 3


def test_what_ones_own_metric_returns_is_tried_first(
    refusal: Refusal, rare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "threes.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    refused = refusal("search", "--data", rare, "--metric", "threes:three")
    assert refused == (
        "--metric: threes:three: returned 3, must be a number from 0 to 1 (tried on random logits)"
    )


def test_the_best_epoch_and_early_stopping_are_by_the_metric(
    rare: Path, tiny_space_file: Path, tmp_path: Path
) -> None:
    """The first call, in which the function is tried, is the highest; each epoch is lower."""
    (tmp_path / "falls.py").write_text(OWN)
    out = tmp_path / "trained"
    done = nas(
        *("train", "--arch", "efficientnet-b0", "--data", rare, "--epochs", 9, "--patience", 2),
        *("--metric", "falls:falling", "--out", out),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "best: epoch 1, falling 50.00 % on the minival" in done.stdout
    assert read_network(out / "best.pt").epoch == 1
    assert read_network(out / "best.pt").metric == "falls:falling"
    assert read_network(out / "last.pt").epoch == 3

    shown = nas("evaluate", out, "--data", rare, "--json")
    assert "module is not imported" in shown.stderr
    told = json.loads(shown.stdout)
    assert told["trained_by"] == "falls:falling"
    assert set(told["metrics"]) == {"balanced_accuracy", "macro_f1", "auroc"}
    shown = nas("evaluate", out, "--data", rare, "--json", "--import", "falls", cwd=tmp_path)
    assert "falls:falling" in json.loads(shown.stdout)["metrics"]
