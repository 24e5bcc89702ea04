"""Set up the process of a CPU benchmark: the allocator's settings, and one thread."""

from __future__ import annotations

import os
import sys

import torch

from reward.step_time.allocator import ALLOCATOR_SETTINGS


def follow(module: str) -> None:
    """Limit torch to one thread, and restart ``python -m module`` if the settings are missing.

    The allocator reads its settings only when a process starts. Call this before measuring.
    """
    if ALLOCATOR_SETTINGS.items() - os.environ.items():
        os.environ.update(ALLOCATOR_SETTINGS)
        os.execv(sys.executable, [sys.executable, "-m", module, *sys.argv[1:]])
    torch.set_num_threads(1)
