"""A process that shares a GPU; a script that writes when it worked, and when it was alone.

Arguments: the folder of the lease, what to do, and for how many seconds. Each line on standard
output is ``step`` or ``row`` with the moments of the monotonic clock at which it began and ended.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from reward.step_time.lease import Lease

STEP_S = 0.004
ROW_STEPS = 6


def main(folder: Path, role: str, seconds: float) -> None:
    """Train, with a row of pairs now and then, or hold the lease in one way."""
    queued: list[float] = []

    def synchronize() -> None:
        for moment in queued:  # work that was queued ends later than the call returns
            time.sleep(max(0.0, moment - time.monotonic()))
        queued.clear()

    lease = Lease("gpu", synchronize, folder)
    until = time.monotonic() + seconds
    with lease.working():
        if role in ("shared", "alone"):
            if role == "alone":
                lease.alone()
            _write("holds", time.monotonic(), 0.0)
            time.sleep(seconds)
            return
        steps = 0
        while time.monotonic() < until:
            start = time.monotonic()
            steps += 1
            if role == "timing" and steps % 5 == 0:
                lease.alone()
                start = time.monotonic()
                time.sleep(ROW_STEPS * STEP_S)
                end = time.monotonic()
                lease.together()
                _write("row", start, end)
                continue
            time.sleep(STEP_S)
            queued[:] = [time.monotonic() + STEP_S]
            _write("step", start, queued[0])
            lease.between_steps()
    _write("waited", lease.waited_s, 0.0)


def _write(what: str, start: float, end: float) -> None:
    sys.stdout.write(f"{what} {start} {end}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]))
