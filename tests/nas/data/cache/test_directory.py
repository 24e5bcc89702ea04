"""The cache's size limit: what is deleted first, what is never deleted, and what does not fit."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from nas.data.cache.directory import cache_directory, in_units
from nas.data.cache.entry import META, Entry, is_in_use, open_entry, remove_unless_in_use
from nas.data.cache.opening import WholeListing, open_cached
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
    """Make an entry of a little over :data:`BYTES`, last used at the second ``used``."""
    folder = root / name
    if not folder.exists():
        class_folders(folder)
    entry = open_cached(str(folder), training_folder(folder), SIZE, WholeListing())
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
    monkeypatch.setenv(
        "NAS_CACHE_LIMIT", str(4 * BYTES)
    )  # without room for the labels and the metadata
    _make(tmp_path, "newest", 400)
    assert _names() == ["newest", "new", "middle"]
    monkeypatch.setenv("NAS_CACHE_LIMIT", str(round(2.5 * BYTES)))
    _make(tmp_path, "last", 500)
    assert _names() == ["last", "newest"]


def test_opening_an_entry_counts_as_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [_make(tmp_path, name, used).path for name, used in (("a", 100), ("b", 200))]
    assert open_entry(paths[0]) is not None
    monkeypatch.setenv("NAS_CACHE_LIMIT", str(round(2.5 * BYTES)))
    _make(tmp_path, "c", 2**32)
    assert _names() == ["c", "a"]


def test_an_entry_in_use_is_never_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = _make(tmp_path, "old", 100).parts()[0].pixels[3:5]  # any view keeps the entry in use
    _make(tmp_path, "middle", 200)
    monkeypatch.setenv("NAS_CACHE_LIMIT", str(round(2.5 * BYTES)))
    _make(tmp_path, "new", 300)
    assert _names() == ["new", "old"]
    monkeypatch.setenv("NAS_CACHE_LIMIT", str(round(1.5 * BYTES)))
    with pytest.raises(UserError) as error:
        _make(tmp_path, "newest", 400)
    assert str(error.value).startswith("NAS_CACHE_LIMIT: got 23 kB, of which 1")
    assert "are in use, must be 3" in str(error.value)
    assert _names() == ["old"]
    assert pixels[0, 0, 0, 0] == 3


def test_an_entry_of_another_user_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_an_entry_is_in_use_while_any_view_of_it_exists(tmp_path: Path) -> None:
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


def test_images_beyond_the_limit_delete_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _make(tmp_path, "some", 100)
    monkeypatch.setenv("NAS_CACHE_LIMIT", "10 kB")
    with pytest.raises(UserError, match=r"NAS_CACHE_LIMIT: got 10 kB, must be 15.4 kB or more"):
        _make(tmp_path, "other", 100)
    assert _names() == ["some"]


def test_on_a_full_disk_entries_not_in_use_are_deleted(
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
    with pytest.raises(UserError, match=r"the decoded images need 15.4 kB, but 0 B are free"):
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
def test_limits_are_parsed(monkeypatch: pytest.MonkeyPatch, limit: str, expected: int) -> None:
    monkeypatch.setenv("NAS_CACHE_LIMIT", limit)
    assert cache_directory().limit_bytes == expected


@pytest.mark.parametrize("limit", ["much", "-5GB", "5PB", "1e9", "GB"])
def test_other_limits_are_refused(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setenv("NAS_CACHE_LIMIT", limit)
    with pytest.raises(UserError) as error:
        cache_directory()
    assert str(error.value) == f"NAS_CACHE_LIMIT: got {limit!r}, must be a size such as 500GB"


def test_the_limit_is_half_the_disk_by_default(cache_path: Path) -> None:
    assert cache_directory().limit_bytes == shutil.disk_usage(cache_path).total // 2


def test_the_directory_follows_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NAS_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_directory().path == tmp_path / "xdg" / "nas"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_directory().path == tmp_path / "home" / ".cache" / "nas"
    assert cache_directory().path.is_dir()


def test_sizes_are_formatted_with_units() -> None:
    sizes = (0, 999, 1000, 1_540_000_000, 2 * 10**12)
    assert [in_units(size) for size in sizes] == ["0 B", "999 B", "1 kB", "1.54 GB", "2 TB"]


def test_pixels_cannot_be_written(tmp_path: Path) -> None:
    entry = _make(tmp_path, "some", 100)
    with pytest.raises(ValueError, match="read-only"):
        entry.pixels[0] = 1
