"""Set up the process of a CPU benchmark: the allocator's settings, and one thread."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from nas.errors import UserError
from reward.step_time.allocator import ALLOCATOR_SETTINGS


def follow(module: str) -> None:
    """Limit torch to one thread, and restart ``python -m module`` if the settings are missing.

    The allocator reads its settings only when a process starts. Call this before measuring.
    """
    if ALLOCATOR_SETTINGS.items() - os.environ.items():
        os.environ.update(ALLOCATOR_SETTINGS)
        os.execv(sys.executable, [sys.executable, "-m", module, *sys.argv[1:]])
    torch.set_num_threads(1)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """End the process with one line on what the user can mend, as the command line does."""
    try:
        yield
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from error
