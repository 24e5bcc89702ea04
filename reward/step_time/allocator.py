"""The allocator's settings of a process that times steps on a CPU.

They take effect only before a process starts.
"""

from __future__ import annotations

import os
import platform
import sys
from contextlib import suppress

ALLOCATOR_SETTINGS = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "17179869184"}
"""Environment variables to set before a process that times on a CPU starts.

Without them glibc returns large buffers to the kernel at every step. The page faults of getting
them back bias the ratio of two networks, and do not only add noise.
"""


def lacks_settings() -> bool:
    """Return whether this process's allocator is glibc's, without the settings."""
    is_set = ALLOCATOR_SETTINGS.items() <= os.environ.items()
    return platform.libc_ver()[0] == "glibc" and not is_set


def restart_with_settings() -> None:
    """Replace this process by the same command under the settings, if it lacks them.

    A debugger would be lost, so under one nothing happens. The process keeps its id.
    """
    if not lacks_settings() or _is_debugged():
        return
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    with suppress(OSError):
        os.execve(sys.executable, sys.orig_argv, {**os.environ, **ALLOCATOR_SETTINGS})


def _is_debugged() -> bool:
    if sys.gettrace() is not None:
        return True
    monitoring = getattr(sys, "monitoring", None)  # since Python 3.12
    return monitoring is not None and monitoring.get_tool(monitoring.DEBUGGER_ID) is not None
