"""The software that a measurement is made with: its versions, and whether Ray is there."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from nas.errors import UserError


def versions() -> dict[str, str]:
    """Return the versions of Python, of nas-engine and of its libraries, and the git commit."""
    found = {"python": platform.python_version()}
    for package in ("nas-engine", "torch", "ray", "optuna", "fvcore"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # run from a folder, not installed
            continue
    commit = _git_commit()
    return {**found, "git_commit": commit} if commit else found


def check_ray(needed_by: str = "") -> None:
    """Check that Ray is installed, without importing it.

    Raises:
        UserError: it is not; the message begins with ``needed_by``.
    """
    try:
        is_there = find_spec("ray") is not None
    except ImportError:
        is_there = False
    if not is_there:
        raise UserError(
            f"{needed_by}Ray is not installed: pip install 'ray[tune]'; nas search --in-process "
            "and nas train with one worker do without it",
            exit_code=1,
        )


def _git_commit() -> str | None:
    """Return the commit of this code's checkout, with ``+`` if it was changed since; else None."""
    here = Path(__file__).parent
    command = ["git", "-C", str(here), "describe", "--always", "--abbrev=40", "--dirty=+"]
    try:
        # This code may be installed inside the checkout of another project, such as in its .venv.
        tracked = ["git", "-C", str(here), "ls-files", "--error-unmatch", Path(__file__).name]
        subprocess.run(tracked, check=True, capture_output=True, timeout=10)
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
