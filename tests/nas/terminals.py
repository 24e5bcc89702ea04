"""A terminal of a given size, as a program sees it, and what stands on it in the end."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tests.nas.command_line import environment

ROWS = 40
_TOKEN = re.compile(r"\x1b\[([?\d;]*)([A-Za-z])|[^\x1b]")


def in_terminal(arguments: Sequence[object], columns: int, cwd: Path) -> tuple[int, list[str]]:
    """Run ``nas`` in a terminal of so many columns; return its exit code, and the lines in it."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
    size = {"COLUMNS", "LINES"}
    process = subprocess.Popen(
        [sys.executable, "-m", "nas", *map(str, arguments)],
        stdin=its,
        stdout=its,
        stderr=its,
        cwd=cwd,
        env={k: v for k, v in environment().items() if k not in size} | {"TERM": "xterm-256color"},
    )
    os.close(its)
    output = b""
    with suppress(OSError):  # Linux's answer at the end
        while part := os.read(ours, 65536):
            output += part
    os.close(ours)
    return process.wait(), screen(output.decode(), columns)


def screen(text: str, columns: int) -> list[str]:
    """Return the lines that a terminal holds after a text, those that have scrolled by included."""
    lines: list[list[str]] = [[]]
    x = y = 0
    for token in _TOKEN.finditer(text):
        part, count = token[0], int(token[1]) if (token[1] or "").isdigit() else 1
        match token[2]:
            case "A":
                y = max(0, y - count)
            case "K":
                lines[y] = []
            case None if part == "\r":
                x = 0
            case None:
                if part == "\n" or x >= columns:
                    x, y = 0 if part != "\n" else x, y + 1
                lines += [[] for _ in range(y + 1 - len(lines))]
                if part != "\n":
                    lines[y] += " " * (x + 1 - len(lines[y]))
                    lines[y][x], x = part, x + 1
            case _:
                pass
    return ["".join(line).rstrip() for line in lines]
