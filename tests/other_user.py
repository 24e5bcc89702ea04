"""Python run by another user, or where nothing can be written; both need root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

NOBODY = 65534  # a user and a group without rights, on Linux and in NFS
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

_BECOME_NOBODY = f"import os; os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})"
# A mount namespace of its own, in which the folder $0 is mounted read-only.
_READ_ONLY_MOUNT = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'


@contextmanager
def open_folder() -> Iterator[Path]:
    """Make a temporary folder that all users can enter, unlike pytest's."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path)


def as_nobody(code: str, imports: str, **variables: str) -> str:
    """Run code as the user nobody and return what it printed, with its errors.

    ``imports`` is run before, with all rights: Python itself may be in root's home.
    """
    return _run([sys.executable, "-c", f"{imports}\n{_BECOME_NOBODY}\n{code}"], variables)


def on_read_only_mount(folder: Path, code: str) -> str:
    """Run code where ``folder`` is on a read-only file system; skip where that is forbidden."""
    unshare = shutil.which("unshare")
    if unshare is None or _run([unshare, "-m", "true"], {}):
        pytest.skip("no mount namespaces here")
    mount = [unshare, "-m", "sh", "-c", _READ_ONLY_MOUNT, str(folder)]
    return _run([*mount, sys.executable, "-c", code], {})


def _run(command: list[str], variables: dict[str, str]) -> str:
    done = subprocess.run(
        command,
        cwd=Path(__file__).parents[1],
        env={**os.environ, "PYTHONPATH": ".", **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return done.stdout
