"""``nas train`` in a process that is killed at the Nth file it writes, before it is in its place.

A script, run by a test: N and the command's arguments.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from nas.cli.main import main


def kill_at(count: int) -> None:
    """At the ``count``-th sync of a file, when it is written and not yet moved."""
    sync = os.fsync
    left = count

    def fsync(descriptor: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        sync(descriptor)

    os.fsync = fsync  # type: ignore[assignment]


if __name__ == "__main__":
    kill_at(int(sys.argv[1]))
    sys.argv = ["nas", *sys.argv[2:]]
    main()
