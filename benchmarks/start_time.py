"""Seconds from a command to its first result: a search with Ray and without, then a training.

    python -m benchmarks.start_time --repeats 5

The commands take turns, so that other work on the machine slows all of them alike. The network that
is trained is the one that the second search found.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

_SEARCH = ("search", "--budget", "1", "--epochs", "1", "--workers", "1", "--baseline", "0")


def main() -> None:
    """Run the commands in turn, and print the median and range of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    taken: dict[str, list[float]] = {}
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            for name, (line, arguments) in _commands(Path(folder)).items():
                taken.setdefault(name, []).append(_seconds(line, arguments))
    for name, seconds in taken.items():
        low, high = min(seconds), max(seconds)
        print(f"{name:22} {median(seconds):5.1f} s ({low:.1f} to {high:.1f}), n = {repeats}")


def _commands(folder: Path) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return the commands by name, each with the beginning of the line that is waited for."""
    ray, here, trained = (str(folder / name) for name in ("ray", "here", "trained"))
    train = ("train", "--arch", here, "--data", "digits", "--epochs", "1", "--out", trained)
    return {
        "search, with Ray": ("candidate 0", (*_SEARCH, "--out", ray)),
        "search --in-process": ("candidate 0", (*_SEARCH, "--in-process", "--out", here)),
        "train": ("epoch 1", train),
    }


def _seconds(line: str, arguments: tuple[str, ...]) -> float:
    """Return the seconds until a command prints a line that begins with ``line``."""
    command = [sys.executable, "-m", "nas", *arguments]
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    seen = 0.0
    for printed in process.stdout:
        if not seen and printed.startswith(line):
            seen = time.monotonic() - start
    if process.wait() or not seen:
        raise SystemExit(f"{' '.join(command)}: no line {line!r}, exit {process.returncode}")
    return seen


if __name__ == "__main__":
    main()
