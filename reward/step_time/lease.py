"""A lease on a GPU that several processes share: steps run beside others, timing runs alone.

A process that works on the GPU holds the lease shared. For a row of timing pairs it holds it alone:
no other process has work on the GPU then, so that a step takes as long as on a GPU of its own.

The lease is two files under the temporary folder, locked with ``flock``, which the system releases
when a process dies. Who wants to be alone passes a turnstile first and stays in it; who shares
looks at the turnstile after each step and lets the lease go if somebody is in it. So nobody waits
to be alone for longer than the others' running steps take.

A process that was stopped, or hangs, keeps what it holds. So each wait ends after
:data:`PATIENCE_S`; then the process goes on beside the others, as without a lease.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum, auto
from pathlib import Path

import torch

PATIENCE_S = 60.0
"""Seconds after which a wait for other processes is given up, as one of them must hang."""
_POLL_S = 0.002


class _Mode(Enum):
    FREE = auto()
    SHARED = auto()
    ALONE = auto()


class Lease:
    """The lease of one process on one GPU.

    Inside :meth:`working` the process holds the lease shared, or alone from :meth:`alone` to
    :meth:`together`. ``waited_s`` are the seconds that it has waited for other processes.
    """

    def __init__(
        self, name: str, synchronize: Callable[[], None], folder: Path | None = None
    ) -> None:
        """``name`` is the GPU's, the same in all processes; ``synchronize`` waits until the GPU has
        done what this process has queued; ``folder`` is for the files, by default one of the
        user's under the temporary folder."""
        folder = folder or Path(tempfile.gettempdir()) / f"nas-leases-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        self._lock = _opened(folder / f"{name}.lock")
        self._turnstile = _opened(folder / f"{name}.turnstile")
        self._synchronize = synchronize
        self._mode = _Mode.FREE
        self.waited_s = 0.0
        self.gave_up = False  # a wait to be alone, since this was last set to False

    @classmethod
    def of_gpu(cls, device: torch.device) -> Lease:
        """Return the lease on a GPU, whose name is the GPU's UUID."""
        uuid = torch.cuda.get_device_properties(device).uuid
        return cls(str(uuid), lambda: torch.cuda.synchronize(device))

    @contextmanager
    def working(self) -> Iterator[None]:
        """Hold the lease while the context is open, and leave nothing on the GPU at its end."""
        self.together()
        try:
            yield
        finally:
            self._release()

    def between_steps(self) -> None:
        """Let those go first who wait to be alone; to be called after each step."""
        if self._mode is not _Mode.SHARED:
            return
        if _try_lock(self._turnstile, fcntl.LOCK_SH):
            fcntl.flock(self._turnstile, fcntl.LOCK_UN)
            return
        self._release()
        self.together()

    def together(self) -> None:
        """Share the GPU, once those are done who wait to be alone, or are."""
        if self._mode is _Mode.SHARED:
            return
        self._release()
        self._wait_for(self._turnstile, fcntl.LOCK_SH)
        self._wait_for(self._lock, fcntl.LOCK_SH)
        fcntl.flock(self._turnstile, fcntl.LOCK_UN)
        self._mode = _Mode.SHARED

    def alone(self) -> bool:
        """Be the only one on the GPU until :meth:`together`, or the end of the work.

        Return whether that is new. If another process did not let the GPU go in time, this one is
        not alone, and ``gave_up`` is set.
        """
        if self._mode is _Mode.ALONE:
            return False
        self._release()
        waits = [self._wait_for(lock, fcntl.LOCK_EX) for lock in (self._turnstile, self._lock)]
        self.gave_up |= not all(waits)
        self._mode = _Mode.ALONE
        return True

    def close(self) -> None:
        """Let the lease go for good."""
        os.close(self._lock)
        os.close(self._turnstile)

    def _release(self) -> None:
        if self._mode is _Mode.FREE:
            return
        with suppress(RuntimeError):  # of a GPU that has failed, on which nothing runs
            self._synchronize()
        fcntl.flock(self._lock, fcntl.LOCK_UN)
        fcntl.flock(self._turnstile, fcntl.LOCK_UN)
        self._mode = _Mode.FREE

    def _wait_for(self, descriptor: int, kind: int) -> bool:
        """Wait for a lock; return whether it was got before the patience was over."""
        start = time.monotonic()
        while not (is_got := _try_lock(descriptor, kind)):
            if time.monotonic() - start >= PATIENCE_S:
                break
            time.sleep(_POLL_S)
        self.waited_s += time.monotonic() - start
        return is_got


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
