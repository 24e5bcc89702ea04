"""Ray Train: starts the processes of a training, connects them, and restarts them after a crash.

They run in Ray on this machine, or in a cluster that exists, and send their checkpoints to this
process, which writes them.
"""

from __future__ import annotations

import platform
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields
from functools import partial
from typing import Any

import ray
from fsspec.implementations.memory import MemoryFileSystem  # type: ignore[import-untyped]
from pyarrow.fs import FSSpecHandler, PyFileSystem  # type: ignore[import-untyped]
from ray import train
from ray.exceptions import RayError, RaySystemError, RayTaskError
from ray.train.torch import TorchConfig, TorchTrainer
from ray.util.queue import Queue
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from nas.cluster import Cluster, assigned_device, ray_cluster
from nas.cluster_pulse import ask, nodes
from nas.errors import ClusterLost, UserError, there_are
from nas.full_training.progress import (
    Event,
    Listener,
    Waiting,
    WorkerLost,
)
from nas.full_training.settings import Job
from nas.full_training.worker import run_worker
from nas.imports import sources_of
from nas.training.distributed import World

LOST_WORKER_TRIES = 3

MACHINE_PATIENCE_S = 30.0
"""Seconds that a training waits for another machine after the cluster lost one."""
_QUIET_S = 10.0  # in which nothing is said on what is waited for
_POLL_S = 0.5
_LOOK_S = 60.0  # for a process to start on each machine
# Only we know the last checkpoint, so that Ray Train restarts nothing itself.
_NO_RESTARTS: dict[str, Any] = {
    limit.name: 0
    for limit in fields(train.FailureConfig)
    if limit.name in ("max_failures", "controller_failure_limit", "max_preemption_failures")
}
_EVENTS_WAITING = 8  # of the workers, each perhaps with checkpoints of gigabytes


class _WorkersFailed(Exception):
    """A process of the training died, or raised an error that is not the user's to mend."""


def train_on_workers(job: Job, workers: int, listener: Listener, address: str | None) -> None:
    """Train in ``workers`` processes on this machine, or on the Ray cluster at ``address``.

    Each has a GPU if there are any, or else a core. If one dies, all of them are started again from
    the last checkpoint, at most :data:`LOST_WORKER_TRIES` times. The listener, which runs here,
    receives the checkpoints, so that the machines need not share a disk.

    Raises:
        UserError: there are more workers than GPUs or cores, or training ended early.
    """
    sources = sources_of((*job.operators.values(), job.metric.function))
    with ray_cluster(address, sources=sources) as cluster:
        _check_workers(workers, cluster, job.recipe.batch_size)
        _check_gpus(cluster)
        sent = ray.put(job)
        for tries_left in reversed(range(LOST_WORKER_TRIES + 1)):
            _await_devices(cluster, workers, listener)
            try:
                _train_once(sent, job.directory.read_last(), workers, cluster, listener)
                return
            except _WorkersFailed as error:
                if not tries_left:
                    text = " ".join(str(error).split())[:300]
                    raise UserError(f"Ray Train gave up: {text}", exit_code=1) from error
                listener(WorkerLost(str(error)))


def _await_devices(cluster: Cluster, workers: int, listener: Listener) -> None:
    """Wait until there is a free device for every worker.

    Raises:
        ClusterLost: the cluster has had too few for :data:`MACHINE_PATIENCE_S`, in use or not.
    """
    began = enough_at = time.monotonic()
    is_said = False
    while True:
        cluster.check_is_alive()
        total, free, now = cluster.total(), cluster.free(), time.monotonic()
        if min(total, free) >= workers:
            return
        devices = f"{cluster.device}s" if workers > 1 else cluster.device
        if total >= workers:
            enough_at = now
        elif now - enough_at > MACHINE_PATIENCE_S:
            raise ClusterLost(
                f"--workers {workers}: machines were lost, and the cluster has {total} of "
                f"{workers} {devices} now; with fewer --workers, training fits on what is left",
                exit_code=1,
            )
        if not is_said and now - began > _QUIET_S:
            is_said = True
            listener(Waiting(f"waiting for {workers} {devices}: {free} of {total} are free"))
        time.sleep(_POLL_S)


def _check_gpus(cluster: Cluster) -> None:
    """Check that torch can use the GPUs of every machine that has some.

    Raises:
        UserError: on one of them it cannot.
    """
    if not cluster.has_gpus:
        return
    look: Any = ray.remote(max_retries=0)(assigned_device)
    answers = [
        look.options(
            num_cpus=0,
            num_gpus=0.01,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False),
        ).remote()
        for node in nodes()
        if node["Alive"] and node["Resources"].get("GPU", 0)
    ]
    try:
        ray.get(answers, timeout=_LOOK_S)
    except RayTaskError as error:
        if isinstance(error.cause, UserError):
            raise UserError(str(error.cause), exit_code=1) from error
    except RayError:
        pass  # a machine was lost, or is busy: training will tell


def _train_once(
    job: Any, last: bytes | None, workers: int, cluster: Cluster, listener: Listener
) -> None:
    """Train on workers from the content of the last checkpoint; ``job`` is a reference.

    Raises:
        UserError: training ended early, and would do so again.
        _WorkersFailed: a process died.
    """
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    options = {"num_cpus": 0, "scheduling_strategy": here}
    queue = Queue(_EVENTS_WAITING, actor_options=options)
    trainer = TorchTrainer(
        _worker,
        train_loop_config={"sent": [job, ray.put(last)], "queue": queue},
        torch_config=TorchConfig(backend="nccl" if cluster.has_gpus else "gloo"),
        scaling_config=train.ScalingConfig(num_workers=workers, use_gpu=cluster.has_gpus),
        run_config=train.RunConfig(
            # Ray Train wants to create files on every machine, but nothing of ours is in them.
            storage_path="nas-train",
            storage_filesystem=PyFileSystem(FSSpecHandler(MemoryFileSystem())),
            failure_config=train.FailureConfig(**_NO_RESTARTS),
        ),
    )
    try:
        _listen(trainer.fit, queue, cluster, listener)
    finally:
        with suppress(RayError, ClusterLost):
            ask(partial(queue.shutdown, force=True))


def _worker(config: dict[str, Any]) -> None:
    """Run the training in a worker process.

    An error that a restart would meet again is sent to the driver instead of raised.
    """
    queue: Queue = config["queue"]
    context = train.get_context()
    world = World(context.get_world_rank(), context.get_world_size())
    try:
        job, last = _received(config["sent"])
        run_worker(job, last, world, train.torch.get_device(), _event_sender(queue, world))
    except UserError as error:
        queue.put(error)
        # The other processes may be waiting for this one: the driver ends them all.
        threading.Event().wait()


def _received(sent: list[Any]) -> tuple[Job, bytes | None]:
    """Return the job and the last checkpoint that the driver sent.

    Raises:
        UserError: this machine does not have the data.
    """
    try:
        job, last = ray.get(sent)
    except RaySystemError as error:  # with the traceback of an error in a pickle
        prefix = f"{UserError.__module__}.{UserError.__qualname__}: "
        cause = str(error).strip().splitlines()[-1].removeprefix(prefix)
        raise UserError(f"{platform.node()}: {cause}", exit_code=1) from error
    return job, last


def _event_sender(queue: Queue, world: World) -> Listener:
    """Return a listener that sends events to the driver, but only from the first process."""

    def send(event: Event) -> None:
        if world.rank == 0:
            queue.put(event)

    return send


def _listen(fit: Callable[[], Any], queue: Queue, cluster: Cluster, listener: Listener) -> None:
    """Run ``fit`` in a thread, and pass the events in the queue to the listener until it ends.

    Ctrl-C then reaches this thread, which does not block, and ends the wait at once.

    Raises:
        UserError: a worker sent one, or a process of Ray itself died.
        _WorkersFailed: ``fit`` raised.
    """
    errors: list[BaseException] = []

    def run() -> None:
        try:
            fit()
        except BaseException as error:
            errors.append(error)
        with suppress(Exception):  # the queue is gone if nobody listens any more
            queue.put(None)

    threading.Thread(target=run, name="ray-train", daemon=True).start()
    while (event := _next_event(queue, cluster)) is not None:
        if isinstance(event, UserError):
            raise event
        listener(event)
    if errors:
        raise _WorkersFailed(str(errors[0])) from errors[0]


def _next_event(queue: Queue, cluster: Cluster) -> Event | UserError | None:
    actor: Any = queue.actor  # Ray's types do not know its methods
    answer = actor.get.remote()
    while not ray.wait([answer], timeout=_POLL_S)[0]:
        cluster.check_is_alive()
    try:
        event: Event | UserError | None = ray.get(answer)
    except RayError as error:
        raise ClusterLost(
            f"Ray's queue of events is lost ({' '.join(str(error).split())[:200]})", 1
        ) from error
    return event


def _check_workers(workers: int, cluster: Cluster, batch_size: int) -> None:
    """Check that the cluster has a device for every worker, and the batch an image."""
    most = min(cluster.capacity, batch_size)
    if workers > most:
        raise UserError(
            f"--workers: got {workers}, must be from 1 to {most}: "
            f"{there_are(cluster.capacity, cluster.device)}, and {batch_size} images in a batch"
        )
