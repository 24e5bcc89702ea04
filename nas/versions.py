"""The versions of what a measurement was made with."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def versions() -> dict[str, str]:
    """The releases of Python, of this tool and of what it measures with, and its git commit."""
    found = {"python": platform.python_version()}
    for package in ("nas-engine", "torch", "ray", "optuna", "fvcore"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # run from a folder, not installed
            continue
    commit = _git_commit()
    return {**found, "git_commit": commit} if commit else found


def _git_commit() -> str | None:
    """The checkout's commit, if this code is in one, with ``+`` where it was changed since."""
    here = Path(__file__).parent
    command = ["git", "-C", str(here), "describe", "--always", "--abbrev=40", "--dirty=+"]
    try:
        # A checkout of something else that this is installed into (a .venv inside it) is not ours.
        tracked = ["git", "-C", str(here), "ls-files", "--error-unmatch", Path(__file__).name]
        subprocess.run(tracked, check=True, capture_output=True, timeout=10)
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
