"""A script that runs ``nas train`` and kills it while it writes its Nth file.

Arguments: N, and those of the command.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from nas.cli.main import main


def kill_at(count: int) -> None:
    """Kill this process at the ``count``-th sync, when the file is written but not yet moved."""
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
