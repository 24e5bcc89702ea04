"""A package of a user's own, installed: its operator, metric, reward, recipe, space and data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.nas.command_line import REPOSITORY
from tests.nas.own_package import write_package
from tests.nas.ray_machines import ray_machines

ASKED = (
    "--space", "lab.spaces:tiny", "--data", "lab.data:images", "--metric", "lab.metrics:right",
    "--recipe", "lab.recipes:gentle", "--reward", "lab.rewards:quick", "--baseline", "0",
    "--import", "lab.blocks",
)  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the package is installed in, from a wheel of its own."""
    source = write_package(tmp_path_factory.mktemp("lab"))
    target = tmp_path_factory.mktemp("site-packages")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--no-index", "--target", str(target), str(source)], check=True)
    return target


def run_nas(site: Path, folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run ``nas`` with the package installed."""
    path = os.pathsep.join([str(REPOSITORY), str(site)])
    return subprocess.run(
        [sys.executable, "-m", "nas", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "NAS_CACHE_DIR": str(folder / "cache")},
        timeout=300,
    )


def test_it_is_used_from_search_to_export_end_to_end(site: Path, tmp_path: Path) -> None:
    def nas(*arguments: object) -> str:
        done = run_nas(site, tmp_path, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refused(*arguments: object) -> str:
        done = run_nas(site, tmp_path, *arguments)
        assert done.returncode == 2, done.stderr
        assert "Traceback" not in done.stderr
        line = done.stderr.strip().splitlines()[-1]
        assert line.startswith("nas: ")
        return line

    said = nas("search", *ASKED, "--budget", 2, "--in-process", "--out", "run")
    assert "recipe   lab.recipes:gentle: 2 epochs" in said
    resume = ("search", "--resume", "run", "--budget", 6, "--in-process")
    assert "--import lab." in refused(*resume)
    nas(*resume, "--import", "lab.everything")

    listed = json.loads(nas("results", "run", "--json", "--import", "lab.everything"))
    rows = listed["candidates"]
    assert [row["state"] for row in rows] == ["complete"] * 6
    assert all(
        row["reward"] == pytest.approx(row["accuracy"] - 0.1 * row["normalized_step_time"])
        for row in rows
    )
    number = next(
        row["number"]
        for row in rows
        if any(stage["operator"] == "lab.blocks:plain" for stage in row["stages"])
    )
    arch = f"run#{number}"
    assert "plain" in nas("show", arch, "--import", "lab.everything")
    nas(
        "scale", "--from", arch, "--to", "20k", "--out", "larger.json", "--import", "lab.everything"
    )

    train = ("train", "--arch", arch, "--data", "lab.data:images", "--out", "trained",
             "--recipe", "lab.recipes:gentle", "--metric", "lab.metrics:right")  # fmt: skip
    assert "--import lab.blocks" in refused(*train, "--import", "lab.rewards")
    nas(*train, "--import", "lab.everything")
    assert "--import lab." in refused("train", "--resume", "trained")
    nas("train", "--resume", "trained", "--import", "lab.everything")
    measured = (
        "evaluate",
        "trained",
        "--data",
        "lab.data:images",
        "--json",
        "--import",
        "lab.everything",
    )
    assert json.loads(nas(*measured))["images"] == 40
    assert "--import lab.blocks" in refused("export", "trained", "--to", "a.onnx")
    nas("export", "trained", "--to", "a.onnx", "--import", "lab.everything")
    assert "lab.blocks:plain" in refused(
        "export", "trained", "--to", "a.py", "--import", "lab.everything"
    )


def test_the_workers_of_a_cluster_import_it_end_to_end(site: Path, tmp_path: Path) -> None:
    # Not installed there: the folder is the user's own, so it is sent.
    checkout = tmp_path / "checkout"
    write_package(checkout)
    with ray_machines() as machines:
        arguments = ("--budget", 4, "--workers", 2, "--address", machines.address, "--out", "run")
        done = run_nas(checkout, tmp_path, "search", *ASKED, *arguments)
        assert done.returncode == 0, done.stderr
        arch = (
            "--arch",
            "run",
            "--data",
            "lab.data:images",
            "--out",
            "trained",
            "--import",
            "lab.everything",
        )
        address = ("--address", machines.address, "--workers", 2, "--epochs", 1)
        done = run_nas(checkout, tmp_path, "train", *arch, *address)
        assert done.returncode == 0, done.stderr
    rows = json.loads(
        run_nas(checkout, tmp_path, "results", "run", "--json", "--import", "lab.everything").stdout
    )
    assert [row["state"] for row in rows["candidates"]] == ["complete"] * 4


def test_its_data_are_images_of_four_classes(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(site)
    from lab.data import images  # type: ignore[import-not-found]

    pixels, labels = images().train
    assert pixels.shape == (200, 8, 8)
    assert np.bincount(labels).tolist() == [50] * 4
