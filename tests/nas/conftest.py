"""Fixtures: a tiny space and images, and a command that must be refused."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest
import torch

from nas.cli.main import main
from search_space.space import Space
from search_space.space_file import write_space
from tests.nas.tiny import tiny, write_tiny_images


@pytest.fixture
def _one_thread() -> Iterator[None]:
    """Torch on one thread, as a worker trains and measures."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def tiny_space() -> Space:
    """Two stages, 144 architectures."""
    return tiny()


@pytest.fixture
def tiny_space_file(tiny_space: Space, tmp_path: Path) -> Path:
    """The same, for ``--space``."""
    path = tmp_path / "tiny.yaml"
    path.write_text(write_space(tiny_space))
    return path


@pytest.fixture
def tiny_data_file(tmp_path: Path) -> Path:
    """Eighty images of 8 px in four classes by brightness, for ``--data``."""
    path = tmp_path / "tiny.npz"
    write_tiny_images(path)
    return path


class Refusal(Protocol):
    """``nas`` with these arguments, which it must refuse; returns the message."""

    def __call__(
        self, *arguments: object, exit_code: int = 2, is_announced: bool = False
    ) -> str: ...


@pytest.fixture
def refusal(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Refusal:
    """Run a command that must be refused, in this process.

    The contract of every refusal is checked here: the exit code, one line on standard error, so no
    traceback, and nothing on standard output, unless the command announces its work before it
    finds that it cannot begin (``is_announced``). The message is returned without its ``nas: ``.
    """

    def refuse(*arguments: object, exit_code: int = 2, is_announced: bool = False) -> str:
        monkeypatch.setattr(sys, "argv", ["nas", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, error = capfd.readouterr()
        assert ended.value.code == exit_code, error
        assert bool(out) == is_announced, out
        (line,) = error.splitlines()
        assert error == f"{line}\n"
        assert line.startswith("nas: ")
        assert "Traceback" not in line
        return line.removeprefix("nas: ")

    return refuse
