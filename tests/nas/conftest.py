"""A space and images so small that a candidate takes a moment."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest
import torch

from nas.cli.main import main
from search_space.architecture import Architecture, Stage
from search_space.choices import StageChoices
from search_space.space import Space
from search_space.space_file import write_space

TINY_BACKBONE = Architecture(
    stages=(Stage("mbconv", 3, 1, 1, 4, 1, 0.25), Stage("mbconv", 3, 2, 2, 8, 1, 0.25)),
    stem_channels=4,
    stem_stride=2,
    head_channels=16,
)


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
    choices = (
        StageChoices(("mbconv", "fused_mbconv"), (1, 2), (3,), (1, 2, 4)),
        StageChoices(("mbconv", "fused_mbconv"), (1, 2), (3,), (1, 2, 4)),
    )
    return Space("tiny", TINY_BACKBONE, choices)


@pytest.fixture
def tiny_space_file(tiny_space: Space, tmp_path: Path) -> Path:
    """The same, for ``--space``."""
    path = tmp_path / "tiny.yaml"
    path.write_text(write_space(tiny_space))
    return path


@pytest.fixture
def tiny_data_file(tmp_path: Path) -> Path:
    """Eighty images of 8 px in four classes by brightness, for ``--data``."""
    generator = np.random.default_rng(0)
    labels = np.arange(80) % 4
    noise = generator.normal(0, 25, (80, 8, 8))
    images = np.clip(60 * labels[:, None, None] + 30 + noise, 0, 255).astype(np.uint8)
    path = tmp_path / "tiny.npz"
    np.savez(path, images=images, labels=labels)
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
