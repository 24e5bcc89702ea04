"""Properties of a file that decide how it can be shared: its file system and its owner."""

from __future__ import annotations

import os
import pwd
import re
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")

# File systems that only one machine writes to. All others, also unknown ones, may be of a network
# (nfs, cifs, smb3, fuse.sshfs, lustre, gpfs, beegfs, ceph, 9p, ...): sharing memory through a
# file, as SQLite's WAL does, is not safe there.
_LOCAL = re.compile(
    "aufs|bcachefs|btrfs|erofs|exfat|ext[234]|f2fs|hfsplus|iso9660|jfs|nilfs2|ntfs3?|overlay|ramfs|"
    "reiserfs|rootfs|squashfs|tmpfs|udf|ufs|vfat|xfs|zfs"
)


def is_local(path: Path, mounts: Path = _MOUNTS) -> bool:
    """Return whether a file is on a disk of this machine; True where the system does not tell.

    ``mounts`` is in the format of ``/proc/self/mountinfo``, see proc(5). The last of several file
    systems that are mounted at one place hides the others.
    """
    try:
        lines = mounts.read_text(errors="surrogateescape").splitlines()
    except OSError:  # not Linux
        return True
    place, nearest, kind = path.resolve(), Path("/"), ""
    for line in lines:
        before, separator, after = line.partition(" - ")
        mount_point = Path(_unescaped(before.split(" ")[4])) if separator else None
        # The places that hold the file lie one within the other; the last mounted hides others.
        if (
            mount_point
            and place.is_relative_to(mount_point)
            and mount_point.is_relative_to(nearest)
        ):
            nearest, kind = mount_point, after.split(" ")[0]
    return not kind or _LOCAL.fullmatch(kind) is not None


def _unescaped(text: str) -> str:
    r"""Return a path of mountinfo, in which a space is ``\040``."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def owner(path: Path) -> str:
    """Return the user name of the owner of a file, or of the nearest folder that can be seen."""
    user = _owner_id(path)
    try:
        return pwd.getpwuid(user).pw_name
    except (KeyError, OverflowError):  # deleted, or of another machine
        return f"user {user}"


def whose(path: Path) -> str:
    """Return ``, it belongs to NAME``, to be added to an error; nothing for one's own file."""
    return "" if _owner_id(path) == os.geteuid() else f", it belongs to {owner(path)}"


def _owner_id(path: Path) -> int:
    for place in (path, *path.absolute().parents):
        try:
            return place.stat().st_uid
        except OSError:
            continue
    return -1
