"""The cache's room: what goes first, what never goes, and what does not fit."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from nas.data.cache.dataset import open_cached, whole_listing
from nas.data.cache.directory import cache_directory, in_units
from nas.data.cache.entry import META, Entry, is_in_use, open_entry, remove_unless_in_use
from nas.data.formats.folder import training_folder
from nas.errors import UserError
from tests.nas.data.pictures import class_folders

IMAGES = 20
SIZE = 16
BYTES = IMAGES * 3 * SIZE * SIZE


class _Disk(NamedTuple):
    total: int
    used: int
    free: int


def _make(root: Path, name: str, used: int) -> Entry:
    """An entry of :data:`BYTES` and a little more, last used at that second."""
    folder = root / name
    if not folder.exists():
        class_folders(folder)
    entry = open_cached(str(folder), training_folder(folder), SIZE, whole_listing)
    os.utime(entry.path / META, (used, used))
    return entry


def _names() -> list[str]:
    return [path.name.partition("-")[0] for path in cache_directory().entries()]


def test_the_least_recently_used_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, used in (("new", 300), ("old", 100), ("middle", 200)):
        _make(tmp_path, name, used)
    assert _names() == ["new", "middle", "old"]
    monkeypatch.setenv("NAS_CACHE_LIMIT", str(4 * BYTES))  # and not what goes with the pixels
    _make(tmp_path, "newest", 400)
    assert _names() == ["newest", "new", "middle"]
    monkeypatch.setenv("NAS_CACHE_LIMIT", str(round(2.5 * BYTES)))
    _make(tmp_path, "last", 500)
    assert _names() == ["last", "newest"]


def test_to_open_is_to_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [_make(tmp_path, name, used).path for name, used in (("a", 100), ("b", 200))]
    assert open_entry(paths[0]) is not None
    monkeypatch.setenv("NAS_CACHE_LIMIT", str(round(2.5 * BYTES)))
    _make(tmp_path, "c", 2**32)
    assert _names() == ["c", "a"]


def test_what_is_in_use_never_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = _make(tmp_path, "old", 100).parts()[0].pixels[3:5]  # any view keeps it
    _make(tmp_path, "middle", 200)
    monkeypatch.setenv("NAS_CACHE_LIMIT", str(round(2.5 * BYTES)))
    _make(tmp_path, "new", 300)
    assert _names() == ["new", "old"]
    monkeypatch.setenv("NAS_CACHE_LIMIT", str(round(1.5 * BYTES)))
    with pytest.raises(UserError) as error:
        _make(tmp_path, "newest", 400)
    assert str(error.value).startswith("NAS_CACHE_LIMIT: got 23 kB, of which 1")
    assert "are in use or another user's, must be 3" in str(error.value)
    assert _names() == ["old"]
    assert pixels[0, 0, 0, 0] == 3


def test_another_users_entry_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def remove(path: Path) -> bool:
        if path.name.startswith("theirs"):
            raise PermissionError(path)
        return remove_unless_in_use(path)

    for name, used in (("theirs", 100), ("mine", 200)):
        _make(tmp_path, name, used)
    monkeypatch.setattr("nas.data.cache.directory.remove_unless_in_use", remove)
    monkeypatch.setenv("NAS_CACHE_LIMIT", str(round(2.5 * BYTES)))
    _make(tmp_path, "new", 300)
    assert _names() == ["new", "theirs"]


def test_an_entry_is_in_use_while_its_pixels_live(tmp_path: Path) -> None:
    entry = _make(tmp_path, "some", 100)
    path, view = entry.path, entry.pixels[2:3]
    del entry
    assert is_in_use(path)
    assert not remove_unless_in_use(path)
    del view
    assert not is_in_use(path)
    assert remove_unless_in_use(path)
    assert not path.exists()
    assert open_entry(path) is None
    assert remove_unless_in_use(path)


def test_what_can_never_fit_deletes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _make(tmp_path, "some", 100)
    monkeypatch.setenv("NAS_CACHE_LIMIT", "10 kB")
    with pytest.raises(UserError, match=r"NAS_CACHE_LIMIT: got 10 kB, must be 15.4 kB or more"):
        _make(tmp_path, "other", 100)
    assert _names() == ["some"]


def test_a_full_disk_first_costs_what_is_not_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = _make(tmp_path, "kept", 50)
    for name, used in (("a", 100), ("b", 200)):
        _make(tmp_path, name, used)

    def disk_of_three(path: Path) -> _Disk:
        held = BYTES * len([p for p in path.iterdir() if (p / META).exists()])
        return _Disk(10**9, held, 3 * BYTES - held)

    monkeypatch.setattr(shutil, "disk_usage", disk_of_three)
    _make(tmp_path, "c", 300)
    assert _names() == ["c", "b", "kept"]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: _Disk(10**9, 10**9, 0))
    with pytest.raises(UserError, match=r"the decoded images take 15.4 kB, but 0 B are free"):
        _make(tmp_path, "d", 300)
    assert kept.pixels[0, 0, 0, 0] == 0


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("500", 500),
        ("3k", 3000),
        ("1.5GB", 1_500_000_000),
        (" 2 tb ", 2 * 10**12),
        ("7M", 7 * 10**6),
    ],
)
def test_limits(monkeypatch: pytest.MonkeyPatch, limit: str, expected: int) -> None:
    monkeypatch.setenv("NAS_CACHE_LIMIT", limit)
    assert cache_directory().limit_bytes == expected


@pytest.mark.parametrize("limit", ["much", "-5GB", "5PB", "1e9", "GB"])
def test_no_limits(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setenv("NAS_CACHE_LIMIT", limit)
    with pytest.raises(UserError) as error:
        cache_directory()
    assert str(error.value) == f"NAS_CACHE_LIMIT: got {limit!r}, must be a size such as 500GB"


def test_the_limit_is_half_the_disk_by_default(cache_path: Path) -> None:
    assert cache_directory().limit_bytes == shutil.disk_usage(cache_path).total // 2


def test_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NAS_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_directory().path == tmp_path / "xdg" / "nas"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_directory().path == tmp_path / "home" / ".cache" / "nas"
    assert cache_directory().path.is_dir()


def test_sizes_for_people() -> None:
    sizes = (0, 999, 1000, 1_540_000_000, 2 * 10**12)
    assert [in_units(size) for size in sizes] == ["0 B", "999 B", "1 kB", "1.54 GB", "2 TB"]


def test_pixels_cannot_be_written(tmp_path: Path) -> None:
    entry = _make(tmp_path, "some", 100)
    with pytest.raises(ValueError, match="read-only"):
        entry.pixels[0] = 1
