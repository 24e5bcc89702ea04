"""Work on many items in processes, for what holds Python's lock: torch's DataLoader runs them."""

from __future__ import annotations

import pickle
import signal
import sys
import warnings
from collections.abc import Callable, Generator, Iterable
from typing import Any, TypeVar

import numpy.random  # noqa: F401 - what the processes import is better imported before the fork
import torch
from torch.utils.data import DataLoader, Dataset

from nas.errors import UserError

Item = TypeVar("Item")
Result = TypeVar("Result")

CAN_FORK = sys.platform == "linux"
_AHEAD = 2  # items that wait for each process


def in_processes(
    work: Callable[[Item], Result], items: Iterable[Item], processes: int
) -> Generator[Result, None, None]:
    """Yield ``work(item)`` for every item, in order; ``processes`` begin at once.

    The items may be endless: only a few are taken ahead. Tensors come back through shared memory.
    The processes are forked, so they have what ``work`` refers to, and end when the generator is
    closed, or soon after this process dies. torch's global generators are left as they are.

    Raises:
        Exception: what ``work`` raised, after the results before it; or an item cannot be pickled.
        UserError: a process died.
    """
    with warnings.catch_warnings():
        # Of more processes than cores, and of a fork beside threads, which ours do not rely on.
        warnings.filterwarnings("ignore", "This DataLoader will create", UserWarning)
        warnings.filterwarnings("ignore", ".*multi-threaded", DeprecationWarning)
        loader: DataLoader[Any] = DataLoader(
            _Work(work),
            batch_size=None,
            # Pickled here, as DataLoader would wait forever for an item that cannot be pickled.
            sampler=map(pickle.dumps, items),
            num_workers=processes,
            collate_fn=_unchanged,
            prefetch_factor=_AHEAD,
            multiprocessing_context="fork",
            worker_init_fn=_begin,
            generator=torch.Generator(),  # the default one is training's
        )
        return _results(iter(loader))


def _results(outcomes: Any) -> Generator[Any, None, None]:
    try:
        for outcome in outcomes:
            if isinstance(outcome, _Raised):
                raise outcome.error
            yield outcome
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        reason = " ".join(str(error).split())
        raise UserError(
            "a process that decodes images died, perhaps for want of memory or of room in "
            f"/dev/shm ({reason})",
            exit_code=1,
        ) from error
    finally:
        del outcomes  # which ends the processes; the traceback of an error may outlive them


class _Raised:
    def __init__(self, error: Exception) -> None:
        try:
            pickle.dumps(error)
            self.error = error
        except Exception:
            self.error = RuntimeError(f"{type(error).__name__}: {error}")


class _Work(Dataset[Any]):
    """What a process does with an item; an error is a result, as DataLoader would rewrite it."""

    def __init__(self, work: Callable[[Any], Any]) -> None:
        self._work = work

    def __getitem__(self, item: bytes) -> Any:
        try:
            return self._work(pickle.loads(item))
        except Exception as error:
            return _Raised(error)


def _unchanged(result: Result) -> Result:
    return result


def _begin(_: int) -> None:
    """Leave Ctrl-C to the parent, which ends this process; end at once when it asks for it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
