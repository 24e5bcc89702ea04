"""``nas cache``: what it lists, what it deletes, and what it keeps."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from nas.data.cache.entry import Entry
from nas.data.cache.opening import WholeListing, open_cached
from nas.data.formats.folder import training_folder
from nas.data.given import place_of
from tests.nas.command_line import nas
from tests.nas.conftest import Refusal
from tests.nas.data.pictures import class_folders


@pytest.fixture
def cache_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where NAS_CACHE_DIR points to."""
    path = tmp_path / "cache"
    monkeypatch.setenv("NAS_CACHE_DIR", str(path))
    monkeypatch.setenv("NAS_CACHE_LIMIT", "2GB")
    return path


def _make(folder: Path) -> Entry:
    return open_cached(str(folder), training_folder(folder), 8, WholeListing())


@pytest.fixture
def names(cache_path: Path, tmp_path: Path) -> list[str]:
    """Two entries of twenty images, none in use."""
    return [_make(class_folders(tmp_path / name)).path.name for name in ("cats", "dogs")]


def test_an_empty_cache(cache_path: Path) -> None:
    done = nas("cache")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"0 B of 2 GB in {cache_path}\n"
    assert json.loads(nas("cache", "--json").stdout) == {
        "directory": str(cache_path), "limit_bytes": 2 * 10**9, "bytes": 0, "entries": [],
    }  # fmt: skip


def test_the_table_and_the_same_as_json(names: list[str], cache_path: Path, tmp_path: Path) -> None:
    held = _make(tmp_path / "cats")
    table = nas("cache").stdout
    (cats,) = (line for line in table.splitlines() if names[0] in line)
    (dogs,) = (line for line in table.splitlines() if names[1] in line)
    assert cats.split()[1:3] == ["20", "8"]
    assert cats.rstrip().endswith("in use")
    assert dogs.rstrip().endswith("s ago")
    content = json.loads(nas("cache", "--json").stdout)
    assert [entry["name"] for entry in content["entries"]] == names  # the last used first
    first = content["entries"][0]
    assert first["source"] == str(tmp_path / "cats")
    assert (first["images"], first["image_size"], first["classes"]) == (20, 8, 2)
    assert first["in_use"]
    assert not content["entries"][1]["in_use"]
    files = sum(file.stat().st_size for file in cache_path.rglob("*") if file.is_file())
    assert content["bytes"] == files
    assert held.pixels.shape == (20, 3, 8, 8)


def test_clear_one(names: list[str], cache_path: Path) -> None:
    done = nas("cache", "--clear", names[0])
    assert done.returncode == 0
    assert done.stdout.startswith(f"deleted {names[0]}, ")
    assert [path.name for path in cache_path.iterdir()] == [names[1]]


def test_clear_takes_a_beginning_as_the_table_shortens_names(
    refusal: Refusal, names: list[str], cache_path: Path
) -> None:
    done = nas("cache", "--clear", f"{names[0][:-3]}…")
    assert done.stdout.startswith(f"deleted {names[0]}")
    assert not (cache_path / names[0]).exists()
    assert refusal("cache", "--clear", "").startswith("--clear: got ''")
    assert (cache_path / names[1]).exists()


def test_clear_all_keeps_what_is_in_use(names: list[str], cache_path: Path, tmp_path: Path) -> None:
    held = _make(tmp_path / "dogs")
    (cache_path / "killed.making").mkdir()
    (cache_path / "killed.making" / "lock").touch()
    done = nas("cache", "--clear")
    assert done.returncode == 0
    assert f"deleted {names[0]}, " in done.stdout
    assert f"kept {names[1]}: it is in use" in done.stdout
    assert [path.name for path in cache_path.iterdir()] == [names[1]]
    assert held.pixels[0, 0, 0, 0] == 0


def test_a_name_that_is_not_there_is_one_line(
    refusal: Refusal, names: list[str], cache_path: Path
) -> None:
    expected = f"--clear: got 'birds', must be one of the cache's: {names[1]}, {names[0]}"
    assert refusal("cache", "--clear", "birds") == expected
    assert len(list(cache_path.iterdir())) == 2


def test_a_limit_that_is_no_size_is_one_line(
    refusal: Refusal, cache_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAS_CACHE_LIMIT", "lots")
    assert refusal("cache") == "NAS_CACHE_LIMIT: got 'lots', must be a size such as 500GB"


def test_copies_of_what_programs_gave_are_deleted_too(cache_path: Path) -> None:
    place = Path(place_of((np.zeros((6, 8, 8), np.uint8), np.arange(6) % 2)))
    assert place.is_file()
    said = nas("cache", "--clear").stdout
    assert said.startswith("deleted given, ")
    assert not place.exists()
