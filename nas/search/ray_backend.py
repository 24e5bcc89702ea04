"""Ray as the executor: its actors evaluate candidates; the record, not Ray, keeps the results."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import partial
from typing import Any

import ray
import torch
from ray.exceptions import RayError, RayTaskError

from nas.cluster import Cluster, assigned_device
from nas.cluster_pulse import ask
from nas.devices import remarks
from nas.errors import ClusterLost, UserError
from nas.search.evaluator import DEVICE_ERROR, EvaluationSettings, failure
from nas.search.executor import Driver, Evaluates, load_evaluator, probe
from nas.search.sharing import Probe
from results.candidate import Candidate, State
from reward.step_time.lease import Lease
from reward.step_time.memory_and_latency import is_about_memory

START_LIMIT_S = 300.0
"""Workers are started anew if none came up for so long, though the cluster has room for one."""
LOAD_LIMIT_S = 6 * 3600.0  # a machine may have to decode all images first
_STARTS_IN_A_ROW = 3  # that may fail while no worker runs
_SHORTEST_GRACE_S, _LONGEST_GRACE_S = 5.0, 60.0
_POLL_S = 0.5
_PATIENCE_S = 10.0  # of a full cluster, before the search says what it waits for


class Worker:
    """Evaluates one candidate after another in a process of its own, as a Ray actor."""

    _lease: Lease | None = None  # on a GPU that several workers share

    def answer(self) -> None:
        """Return, which shows that the process runs."""

    def load(self, evaluation: EvaluationSettings) -> list[str] | None:
        """Load the data onto the device, and build the backbone; return remarks on the device.

        Raises:
            UserError: torch cannot use the GPU that Ray has given this worker.
        """
        device = assigned_device()
        if evaluation.sharers > 1 and device.type == "cuda":
            self._lease = Lease.of_gpu(device)
        with self._working():
            self._evaluator: Evaluates = load_evaluator(evaluation, device, self._lease)
        return remarks(device)

    def advance(self, candidate: Candidate | None) -> Candidate:
        """Begin a candidate, or with None go on with the last one; return its next report."""
        with self._working():
            if candidate is not None:
                self._reports: Iterator[Candidate] = self._evaluator.evaluate(candidate)
                if self._lease is not None:
                    torch.cuda.empty_cache()  # others may need what the last candidate has left
            return next(self._reports)

    def _working(self) -> AbstractContextManager[None]:
        """Hold the lease on a shared GPU; while the driver is heard, nothing runs there."""
        return nullcontext() if self._lease is None else self._lease.working()


def run_candidates(
    driver: Driver,
    evaluation: EvaluationSettings,
    cluster: Cluster,
    workers: int,
    say: Callable[[str], None],
    worker: type[Worker] = Worker,
) -> None:
    """Evaluate the driver's candidates, ``workers`` at a time, until it is finished.

    A candidate that exceeds its time limit by more than a grace is ended with its process, and so
    is a process that does not start. ``say`` prints a line on what is waited for, or given up.

    Raises:
        UserError: no worker starts, or a process of Ray itself died.
        Exception: what the driver raised.
    """
    pool = _Pool(driver, evaluation, cluster, workers, say, worker)
    try:
        pool.run()
    except (ClusterLost, KeyboardInterrupt):
        raise  # nobody would answer, or there is no time: the workers end when Ray is left
    except BaseException:
        pool.close()
        raise
    pool.close()


def probed(evaluation: EvaluationSettings, cluster: Cluster, say: Callable[[str], None]) -> int:
    """Return how many candidates are to train on a GPU at once, by a probe on one that is free.

    Raises:
        UserError: the probe failed.
    """
    task: Any = ray.remote(num_cpus=1, num_gpus=1, max_retries=0)(_probe)
    answer = task.remote(evaluation)
    start, is_said = time.monotonic(), False
    while not ray.wait([answer], timeout=_POLL_S)[0]:
        cluster.check_is_alive()
        if not is_said and time.monotonic() - start > _PATIENCE_S and (what := cluster.shortage()):
            is_said = True
            say(what)
    try:
        found: Probe = ray.get(answer)
    except RayError as error:
        raise UserError(f"--per-gpu auto: the probe failed: {failure_of(error)[1]}", 1) from error
    count = found.sharers
    say(f"--per-gpu auto: {count} candidate{'s' * (count > 1)} on each GPU ({found})")
    return count


def _probe(evaluation: EvaluationSettings) -> Probe:
    return probe(evaluation, assigned_device())


class _Phase(Enum):
    STARTING = auto()  # the process is begun, or the cluster has no room for it yet
    LOADING = auto()
    IDLE = auto()
    EVALUATING = auto()


@dataclass(eq=False)
class _Slot:
    """One of the workers that run at once: its actor, and the answer that is waited for.

    ``begun`` and ``since`` are when it and its phase began, in seconds of the monotonic clock.
    ``number`` is that of the candidate in the phase EVALUATING.
    """

    actor: Any  # its handle; Ray's types do not know its methods
    answer: Any  # the reference to it, or None
    phase: _Phase = _Phase.STARTING
    begun: float = field(default_factory=time.monotonic)
    since: float = field(default_factory=time.monotonic)
    number: int = 0

    def enter(self, phase: _Phase, answer: Any = None) -> None:
        """Go on to a phase, and to the answer that ends it, if one does."""
        self.phase, self.answer, self.since = phase, answer, time.monotonic()

    def waited_s(self, now: float) -> float:
        """Return how long the phase has lasted."""
        return now - self.since


class _Pool:
    """The slots of a search, and the loop that hands candidates out and takes reports in."""

    def __init__(
        self,
        driver: Driver,
        evaluation: EvaluationSettings,
        cluster: Cluster,
        workers: int,
        say: Callable[[str], None],
        worker: type[Worker],
    ) -> None:
        self._driver = driver
        self._cluster = cluster
        self._say = say
        self._evaluation = ray.put(evaluation)
        self._time_limit_s = evaluation.time_limit_s
        self._actor: Any = ray.remote(worker).options(
            num_cpus=1, num_gpus=cluster.gpu_share, memory=cluster.worker_memory
        )
        self._failed_starts = 0  # since a worker last came up
        self._last_start = time.monotonic()
        self._shortage = cluster.shortage()  # until a worker has come up
        self._is_shortage_said = False
        self._said: set[str] = set()
        self._slots = [self._start() for _ in range(workers)]

    def run(self) -> None:
        """Go on until the driver is finished."""
        while not self._driver.is_finished():
            self._hand_out()
            for slot in self._answered():
                self._receive(slot)
            self._cluster.check_is_alive()
            self._end_overdue()

    def close(self) -> None:
        """End all workers, so that another search on the cluster can have their cores."""

        def end() -> None:
            for slot in self._slots:
                with suppress(Exception):
                    ray.kill(slot.actor)

        with suppress(ClusterLost):
            ask(end)

    def _start(self) -> _Slot:
        actor = self._actor.remote()
        return _Slot(actor, actor.answer.remote())

    def _restart(self, slot: _Slot) -> None:
        self._kill(slot)
        self._slots[self._slots.index(slot)] = self._start()

    def _hand_out(self) -> None:
        """Give each idle worker a candidate, as far as there are some."""
        for slot in self._slots:
            if slot.phase is not _Phase.IDLE:
                continue
            candidate = self._driver.next_candidate()
            if candidate is None:
                return
            slot.number = candidate.number
            slot.enter(_Phase.EVALUATING, slot.actor.advance.remote(candidate))

    def _answered(self) -> list[_Slot]:
        """Wait a moment for answers, and return the slots that have one."""
        slots = {slot.answer: slot for slot in self._slots if slot.answer is not None}
        answers = list(slots)
        if not answers:
            time.sleep(_POLL_S)  # all are idle: the driver waits for something
            return []
        ready, waiting = ray.wait(answers, timeout=_POLL_S)
        if ready and waiting:
            ready += ray.wait(waiting, num_returns=len(waiting), timeout=0)[0]
        return [slots[answer] for answer in ready]

    def _receive(self, slot: _Slot) -> None:
        try:
            value = ray.get(slot.answer)
        except RayError as error:
            self._failed(slot, error)
            return
        match slot.phase:
            case _Phase.STARTING:
                slot.enter(_Phase.LOADING, slot.actor.load.remote(self._evaluation))
                self._last_start, self._shortage = slot.since, None
            case _Phase.LOADING:
                slot.enter(_Phase.IDLE)
                self._failed_starts = 0
                self._say_once(value or ())
            case _:
                self._report(slot, value)

    def _say_once(self, remarks: Iterable[str]) -> None:
        for remark in remarks:
            if remark not in self._said:
                self._said.add(remark)
                self._say(remark)

    def _report(self, slot: _Slot, candidate: Candidate) -> None:
        if candidate.state is not State.RUNNING:
            slot.enter(_Phase.IDLE)
            if candidate.cause == DEVICE_ERROR:  # its process can use the GPU no more
                self._restart(slot)
            self._driver.ended(candidate)
        elif self._driver.progressed(candidate):
            slot.enter(_Phase.IDLE)
        else:
            slot.answer = slot.actor.advance.remote(None)

    def _failed(self, slot: _Slot, error: RayError) -> None:
        """Handle an error instead of an answer: a process died, or our code in it raised."""
        cause, detail = failure_of(error)
        if slot.phase is not _Phase.EVALUATING:
            self._failed_to_start(slot, detail)
            return
        slot.enter(_Phase.IDLE)
        if not isinstance(error, RayTaskError):
            self._restart(slot)
        self._driver.lost(slot.number, cause, detail)

    def _failed_to_start(self, slot: _Slot, why: str) -> None:
        """Start another process, or do with fewer if one after the other fails.

        Raises:
            UserError: they fail, and no worker runs.
        """
        self._failed_starts += 1
        if self._failed_starts < _STARTS_IN_A_ROW:
            self._restart(slot)
            return
        others = (other for other in self._slots if other is not slot)
        if all(other.phase is _Phase.STARTING for other in others):
            raise UserError(f"no worker starts: {why}", exit_code=1)
        self._failed_starts = 0
        self._kill(slot)
        self._slots.remove(slot)
        self._say(f"a worker does not start ({why}); going on with {len(self._slots)}")

    def _end_overdue(self) -> None:
        """End the processes that hang or were stopped, and begin others."""
        now, limit_s = time.monotonic(), self._time_limit_s
        for slot in list(self._slots):
            waited_s = slot.waited_s(now)
            if slot.phase is _Phase.EVALUATING and waited_s > limit_s + grace_s(limit_s):
                self._restart(slot)
                self._driver.lost(
                    slot.number, "time_limit", f"hung for over {limit_s:g} s; its process was ended"
                )
            elif slot.phase is _Phase.LOADING and waited_s > LOAD_LIMIT_S:
                self._failed_to_start(slot, f"loading the data took over {LOAD_LIMIT_S / 3600:g} h")
        late = [slot for slot in self._slots if self._starting_s(slot, now) >= _PATIENCE_S]
        if late:
            self._await_starts(late, now)

    def _starting_s(self, slot: _Slot, now: float) -> float:
        """Return how long a process is waited for since another one came up; 0 if it has."""
        return now - max(slot.since, self._last_start) if slot.phase is _Phase.STARTING else 0.0

    def _await_starts(self, slots: list[_Slot], now: float) -> None:
        """Wait for processes; say so if the cluster is full, and end those that hang."""
        shortage = self._shortage or self._cluster.shortage(len(self._slots))
        for slot in slots:
            if shortage is not None:
                self._await_room(slot, shortage, now)
            elif self._starting_s(slot, now) > START_LIMIT_S:
                self._failed_to_start(slot, f"none came up within {START_LIMIT_S:g} s")

    def _await_room(self, slot: _Slot, shortage: str, now: float) -> None:
        """Wait for a core or GPU.

        Ray does not tell a process that waits for its turn from one that got it and hangs. To begin
        it anew costs the former nothing, and helps the latter.
        """
        slot.since = now  # the process has probably not begun yet
        if not self._is_shortage_said and all(s.phase is _Phase.STARTING for s in self._slots):
            self._is_shortage_said = True
            self._say(shortage)
        if now - slot.begun > START_LIMIT_S:
            self._restart(slot)

    def _kill(self, slot: _Slot) -> None:
        """End a slot's process; Ray takes five seconds for one that was stopped.

        Raises:
            ClusterLost: Ray does not answer.
        """
        with suppress(RayError, ValueError):  # it may be gone
            ask(partial(ray.kill, slot.actor))


def grace_s(time_limit_s: float) -> float:
    """Return the seconds after a candidate's time limit in which its worker may end it itself."""
    return min(max(time_limit_s, _SHORTEST_GRACE_S), _LONGEST_GRACE_S)


def failure_of(error: RayError) -> tuple[str, str]:
    """Return cause and detail of a candidate whose evaluation gave an error instead of a result."""
    if isinstance(error, RayTaskError):
        return failure(error.cause)
    text = " ".join(str(error).split())[:300]
    return ("out_of_memory" if is_about_memory(text) else "worker_lost"), text
