"""A search whose space has an operator for each way to fail; a script, run by a test.

Run as a script, so that the operators travel to the workers by value, as a user's own do.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import torch
from torch import Tensor, nn

from nas.search.prepare import prepare
from nas.search.request import SearchRequest
from nas.search.run import run_search
from search_space.architecture import Block
from search_space.operators import OPERATORS, mbconv


class NotANumber(nn.Module):
    """Passes NaN on."""

    def forward(self, x: Tensor) -> Tensor:
        return x * float("nan")


class Slow(nn.Module):
    """Sleeps twelve seconds a step."""

    def forward(self, x: Tensor) -> Tensor:
        time.sleep(12)
        return x


def no_memory(block: Block) -> nn.Module:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")


def not_a_number(block: Block) -> nn.Module:
    return nn.Sequential(mbconv(block), NotANumber())


def slow(block: Block) -> nn.Module:
    return nn.Sequential(mbconv(block), Slow())


def broken(block: Block) -> nn.Module:
    raise ValueError("this operator\nis broken")


def deadly(block: Block) -> nn.Module:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def deadly_once(block: Block) -> nn.Module:
    marker = Path(os.environ["DEADLY_ONCE"]) / str(block.hidden_channels)
    if not marker.exists():
        marker.touch()
        deadly(block)
    return mbconv(block)


def main(space: str, data: str, out: str) -> None:
    """Searches the space until it is used up."""
    OPERATORS.update(
        no_memory=no_memory,
        not_a_number=not_a_number,
        slow=slow,
        broken=broken,
        deadly=deadly,
        deadly_once=deadly_once,
    )
    request = SearchRequest(
        data=data,
        space=space,
        out=Path(out),
        budget=100,
        epochs=1,
        time_limit_s=30.0,
        max_failures=100,
    )
    prepared = prepare(request)
    with prepared:
        run_search(prepared, workers=2)


if __name__ == "__main__":
    main(*sys.argv[1:])
