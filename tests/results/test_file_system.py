"""WAL on local disks only; and the owner of a file by name."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from results import database
from results.file_system import is_local, owner, whose
from results.record import Record

# proc(5): id, parent, device, root, mount point, options, optional fields, -, type, source, options
_MOUNTS = r"""21 1 253:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
22 21 0:5 / /mnt/nfs rw - nfs4 server:/home rw,vers=4.2
23 22 8:1 / /mnt/nfs/scratch rw,nosuid shared:2 master:1 - xfs /dev/sda1 rw
24 21 0:6 / /mnt/two\040words rw - cifs //server/share rw
25 21 0:7 / /mnt/fuse rw - fuse.sshfs server: rw
26 21 0:8 / /mnt/lustre rw - lustre mds@tcp:/fs rw
27 21 0:9 / /mnt/gpfs rw - gpfs fs1 rw
28 21 0:10 / /mnt/unknown rw - newfs x rw
29 21 0:11 / /mnt/memory rw - tmpfs tmpfs rw
30 21 0:12 / /mnt/over rw - nfs server:/a rw
31 21 0:13 / /mnt/over rw - btrfs /dev/sdb rw
a damaged line
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/home/a/record.sqlite", True),
        ("/mnt/nfs/a/record.sqlite", False),
        ("/mnt/nfs2/record.sqlite", True),
        ("/mnt/nfs/scratch/record.sqlite", True),
        ("/mnt/two words/record.sqlite", False),
        ("/mnt/fuse/record.sqlite", False),
        ("/mnt/lustre/record.sqlite", False),
        ("/mnt/gpfs/record.sqlite", False),
        ("/mnt/unknown/record.sqlite", False),
        ("/mnt/memory/record.sqlite", True),
        ("/mnt/over/record.sqlite", True),
    ],
)
def test_the_file_system_of_a_path(tmp_path: Path, path: str, expected: bool) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(_MOUNTS)
    assert is_local(Path(path), mounts) is expected


def test_without_a_list_of_mounts_a_disk_counts_as_local(tmp_path: Path) -> None:
    assert is_local(tmp_path, tmp_path / "none")


def test_this_machines_temporary_folder_is_local(tmp_path: Path) -> None:
    assert is_local(tmp_path)


@pytest.mark.parametrize(("is_local_disk", "expected"), [(True, "wal"), (False, "delete")])
def test_the_journal_follows_the_file_system(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch, is_local_disk: bool, expected: str
) -> None:
    with Record.open(url, "a") as record:
        record.create({})
    with closing(sqlite3.connect(tmp_path / "record.sqlite")) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    monkeypatch.setattr(database, "is_local", lambda file: is_local_disk)
    with Record.reopen(url, "a"), closing(sqlite3.connect(tmp_path / "record.sqlite")) as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == (expected,)


def test_a_closed_record_is_not_in_wal_mode(tmp_path: Path, url: str) -> None:
    with Record.open(url, "a") as record:
        record.create({})
        with Record.open(url, "b") as other:
            other.create({})
        assert (tmp_path / "record.sqlite-wal").exists()  # the first one goes on
        record.change_settings({"budget": 2})
    assert [file.name for file in tmp_path.iterdir()] == ["record.sqlite"]
    with closing(sqlite3.connect(tmp_path / "record.sqlite")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_the_owner_by_name_or_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert whose(tmp_path) == ""
    monkeypatch.setattr(os, "geteuid", lambda: -2)
    assert whose(tmp_path / "none" / "below") == f", it belongs to {owner(tmp_path)}"
    monkeypatch.setattr("results.file_system._owner_id", lambda path: 4_000_000)
    assert owner(tmp_path) == "user 4000000"
