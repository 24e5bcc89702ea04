"""Work in processes: order, errors, ends, and torch's generators."""

from __future__ import annotations

import os
import pickle
import signal
import time
from itertools import count, islice
from typing import Any

import pytest
import torch

from nas.data.processes import in_processes
from nas.errors import UserError


def _square(number: int) -> torch.Tensor:
    if number == 13:
        raise UserError("got 13", exit_code=1)
    return torch.full((2,), number * number)


def _raise_unpicklable(_: int) -> None:
    class Unpicklable(Exception):
        """Local classes cannot be pickled."""

    raise Unpicklable("some text")


def _pid_or_error(number: int) -> int:
    if number == 3:
        raise UserError("got 3")
    return os.getpid()


def _pid(_: int) -> int:
    time.sleep(0.02)
    return os.getpid()


def test_results_come_in_order_from_several_processes() -> None:
    results = [int(each[1]) for each in in_processes(_square, range(12), 3)]
    assert results == [number**2 for number in range(12)]
    pids = set(in_processes(_pid, range(8), 2))
    assert len(pids) == 2
    assert os.getpid() not in pids


def test_an_error_is_raised_as_it_was_after_the_results_before_it() -> None:
    results = in_processes(_square, range(10, 20), 2)
    assert [int(next(results)[0]) for _ in range(3)] == [100, 121, 144]
    with pytest.raises(UserError, match=r"^got 13$") as raised:
        next(results)
    assert raised.value.exit_code == 1


def test_what_cannot_be_pickled_is_an_error_and_not_a_wait() -> None:
    unpicklable: Any = lambda: 0  # noqa: E731
    with pytest.raises((AttributeError, pickle.PicklingError)):
        list(in_processes(_square, [unpicklable], 1))
    with pytest.raises(RuntimeError, match="Unpicklable: some text"):
        list(in_processes(_raise_unpicklable, [1], 1))


def test_items_may_be_endless_and_the_processes_end_with_the_generator() -> None:
    taken = []

    def items() -> object:
        for number in count():
            taken.append(number)
            yield number

    results = in_processes(_pid, items(), 2)  # type: ignore[arg-type]
    pids = set(islice(results, 4))
    assert len(taken) < 12
    results.close()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_the_processes_end_with_an_error_that_is_kept() -> None:
    results = in_processes(_pid_or_error, count(), 2)
    pids = {next(results) for _ in range(3)}
    with pytest.raises(UserError) as kept:
        next(results)
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert kept.value.args == ("got 3",)


def test_a_process_that_is_killed_is_an_error() -> None:
    results = in_processes(_pid, count(), 1)
    os.kill(next(results), signal.SIGKILL)
    with pytest.raises(UserError, match=r"^a process that decodes images died, .* worker .*\)$"):
        for _ in results:
            pass


def test_torchs_generators_are_left_as_they_are() -> None:
    state = torch.get_rng_state()
    list(in_processes(_square, range(3), 1))
    assert torch.equal(torch.get_rng_state(), state)


def test_processes_ignore_ctrl_c(capfd: pytest.CaptureFixture[str]) -> None:
    results = in_processes(_pid, range(20), 1)
    os.kill(next(results), signal.SIGINT)
    assert len(list(results)) == 19
    assert capfd.readouterr().err == ""
