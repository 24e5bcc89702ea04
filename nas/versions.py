"""The versions of the software that made a measurement."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


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
