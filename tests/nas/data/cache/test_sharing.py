"""One cache for several users: what they share, and that nobody's files block another."""

from __future__ import annotations

import os
import shutil
import stat
import struct
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nas.data.cache.directory import LOCK, MAKING, maker_lock
from nas.data.cache.entry import META, PIXELS, Entry
from nas.data.cache.opening import WholeListing, open_cached
from nas.data.formats.folder import training_folder
from tests.nas.data.making import SIZE
from tests.nas.data.pictures import class_folders
from tests.other_user import NOBODY, as_nobody, needs_root, open_folder

_ACL = "system.posix_acl_default"


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder that all users can enter, with the pictures and an empty cache."""
    with open_folder() as root:
        class_folders(root / "pets")
        (root / "cache").mkdir()
        (root / "cache").chmod(0o1777)  # as /tmp: each user's files are their own
        yield root


@pytest.fixture
def cache(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache of all users."""
    monkeypatch.setenv("NAS_CACHE_DIR", str(root / "cache"))
    return root / "cache"


def _make(root: Path) -> Entry:
    folder = root / "pets"
    return open_cached(str(folder), training_folder(folder), SIZE, WholeListing())


# Prints each entry's name and the first grey of its last image, or the error. The first entry is
# made with all rights, as Pillow imports what it needs for it.
_IMPORTS = """
import os, sys
from pathlib import Path
from nas.cli.cache import _clear
from nas.data.cache.opening import WholeListing, open_cached
from nas.data.cache.directory import cache_directory
from nas.data.formats.folder import training_folder
from nas.errors import UserError
def make(folder, size=8):
    try:
        entry = open_cached(folder, training_folder(Path(folder)), size, WholeListing())
        print(entry.path.name, entry.pixels[-1, 0, 0, 0])
    except UserError as error:
        print(error)
cache = os.environ["NAS_CACHE_DIR"]
os.environ["NAS_CACHE_DIR"] = os.environ["WARM"]
make(os.environ["FOLDER"])
os.environ["NAS_CACHE_DIR"] = cache
"""


def _by_nobody(code: str, root: Path, tmp_path: Path) -> list[str]:
    """Run code with ``make``, ``folder`` and ``cache``; return the lines that it printed."""
    names = f"folder, cache = {str(root / 'pets')!r}, {str(root / 'cache')!r}"
    variables = {"WARM": str(tmp_path), "FOLDER": str(root / "pets")}
    return as_nobody(f"{names}\n{code}", _IMPORTS, **variables).splitlines()[1:]


def _acl(*entries: tuple[int, int]) -> bytes:
    """Return a POSIX ACL of (tag, permissions), see acl(5) and the kernel's posix_acl_xattr.h."""
    return struct.pack("<I", 2) + b"".join(
        struct.pack("<HHI", tag, permissions, NOBODY if tag == 2 else 2**32 - 1)
        for tag, permissions in entries
    )


@needs_root
@pytest.mark.parametrize("rule", ["022", "002", "077", "setgid", "ACL"])
def test_entries_are_as_files_made_in_the_folder(root: Path, cache: Path, rule: str) -> None:
    cache.chmod(0o2770 if rule == "setgid" else 0o1777)
    os.chown(cache, -1, NOBODY)
    if rule == "ACL":  # the user nobody reads and writes, whatever the umask is
        acl = _acl((1, 7), (2, 7), (4, 0), (16, 7), (32, 0))
        try:
            os.setxattr(cache, _ACL, acl)
        except OSError:
            pytest.skip("this file system has no ACLs")
    before = os.umask(int(rule, 8) if rule.isdecimal() else 0o077)
    try:
        entry = _make(root).path
        (cache / "folder").mkdir()
        (cache / "folder" / "file").touch()
    finally:
        os.umask(before)
    assert _rights(entry) == _rights(cache / "folder")
    for file in entry.iterdir():
        assert _rights(file) == _rights(cache / "folder" / "file")


def _rights(path: Path) -> tuple[int, int, dict[str, bytes]]:
    status = path.stat()
    attributes = {name: os.getxattr(path, name) for name in os.listxattr(path)}
    return stat.S_IMODE(status.st_mode), status.st_gid, attributes


@needs_root
def test_another_users_entry_is_used_and_not_deleted(
    root: Path, cache: Path, tmp_path: Path
) -> None:
    entry = _make(root)
    code = """
make(folder)
os.environ["NAS_CACHE_LIMIT"] = "5kB"
make(folder, 9)
_clear(cache_directory(), "all")
make(folder)
"""
    name = entry.path.name
    opened, no_room, kept, opened_again = _by_nobody(code, root, tmp_path)
    assert opened == opened_again == f"{name} 109"
    assert no_room.startswith("NAS_CACHE_LIMIT: got 5 kB, of which ")
    assert " are in use or belong to root, must be " in no_room
    assert kept == f"kept {name}: it cannot be deleted, it belongs to root"
    assert [path.name for path in cache.iterdir()] == [name]


@needs_root
def test_nothing_that_another_user_left_is_in_the_way(
    root: Path, cache: Path, tmp_path: Path
) -> None:
    name = _make(root).path.name
    draft = f"{name}{MAKING}"
    cases = {kind: root / kind for kind in ("killed", "early", "hidden", "shared", "unreadable")}
    for path in cases.values():
        path.mkdir()
        path.chmod(0o1777)
    for kind, mode in (("killed", 0o755), ("early", 0o755), ("hidden", 0o700), ("shared", 0o777)):
        (cases[kind] / draft).mkdir()
        (cases[kind] / draft / PIXELS).touch()
        (cases[kind] / draft / LOCK).touch()
        (cases[kind] / draft / LOCK).chmod(0o666 if kind == "shared" else 0o644)
        (cases[kind] / draft).chmod(mode)
    (cases["early"] / draft / LOCK).unlink()
    (cache / name).rename(cases["unreadable"] / name)
    (cases["unreadable"] / name).chmod(0o700)
    code = f"""
for path in {[str(path) for path in cases.values()]!r}:
    os.environ["NAS_CACHE_DIR"] = path
    make(folder)
    make(folder)
"""
    own = f"{name}.{NOBODY} 109"
    assert _by_nobody(code, root, tmp_path) == [own] * 2 * len(cases)
    assert (cases["unreadable"] / name / META).exists()


@needs_root
def test_a_draft_that_can_be_deleted_is(root: Path, cache: Path, tmp_path: Path) -> None:
    """A folder of a group: each member may delete what others left."""
    name = _make(root).path.name
    (cache / name / META).unlink()
    (cache / name).rename(cache / f"{name}{MAKING}")
    (cache / f"{name}{MAKING}" / LOCK).touch()
    (cache / f"{name}{MAKING}" / LOCK).chmod(0o666)
    (cache / f"{name}{MAKING}").chmod(0o777)
    cache.chmod(0o777)
    assert _by_nobody("make(folder)", root, tmp_path) == [f"{name} 109"]
    assert [path.name for path in cache.iterdir()] == [name]


@needs_root
def test_another_users_draft_is_waited_for(root: Path, cache: Path, tmp_path: Path) -> None:
    entry = _make(root).path
    made = entry.rename(tmp_path / "made")
    draft = entry.with_name(entry.name + MAKING)
    with (
        ThreadPoolExecutor() as pool,
        maker_lock(draft, on_wait=lambda path: pytest.fail(str(path))) as is_ours,
    ):
        assert is_ours
        running = pool.submit(_by_nobody, "make(folder)", root, tmp_path)
        while not (running.done() or _is_waited_for(draft / LOCK)):
            time.sleep(0.01)
        for file in made.iterdir():
            shutil.move(file, draft)
        draft.rename(entry)
    waiting = f"waiting for a process of root that is decoding {root / 'pets'}"
    assert running.result() == [waiting, f"{entry.name} 109"]


def _is_waited_for(lock: Path) -> bool:
    """Return whether a process is waiting for a lock; see proc_locks(5)."""
    locks = Path("/proc/locks").read_text().splitlines()
    return any("->" in line and f":{lock.stat().st_ino} " in line for line in locks)


@needs_root
def test_a_folder_of_another_user_is_read_or_says_whose_it_is(
    root: Path, cache: Path, tmp_path: Path
) -> None:
    name = _make(root).path.name
    cache.chmod(0o755)
    opened, refused = _by_nobody("make(folder)\nmake(folder, 9)", root, tmp_path)
    assert opened == f"{name} 109"
    assert refused.startswith(f"NAS_CACHE_DIR: got {cache}, must be a writable folder (")
    assert refused.endswith(", it belongs to root)")
