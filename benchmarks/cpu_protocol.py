"""The process that a CPU is measured in: the allocator's settings, and one thread."""

from __future__ import annotations

import os
import sys

import torch

from reward.step_time.paired import ALLOCATOR_SETTINGS


def follow(module: str) -> None:
    """Starts ``python -m module`` anew where the settings are missing, and takes one thread.

    They take effect at a process's start only. To be called before anything is measured.
    """
    if ALLOCATOR_SETTINGS.items() - os.environ.items():
        os.environ.update(ALLOCATOR_SETTINGS)
        os.execv(sys.executable, [sys.executable, "-m", module, *sys.argv[1:]])
    torch.set_num_threads(1)
