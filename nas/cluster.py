"""The Ray cluster that a command runs on: this machine, or a cluster that is running."""

from __future__ import annotations

import atexit
import os
import platform
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import ray
import torch
from ray.exceptions import RayError
from ray.util.client import ray as client

from nas import interrupts
from nas.cluster_address import authentication, cannot_join, find_cluster
from nas.cluster_pulse import (
    CONTROL,
    RAYLET,
    Pulse,
    ask,
    listens,
    nodes,
    raylet_address,
)
from nas.devices import training_device, visible_gpus, why_no_gpu
from nas.errors import ClusterLost, UserError, there_are
from nas.imports import OURS
from nas.machine import available_cores, available_memory
from nas.scratch import scratch_folder
from reward.step_time.allocator import ALLOCATOR_SETTINGS

_ROOT = Path(__file__).parents[1]

_RAY_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # leave the GPUs of workers without one alone
    # Begin no processes before an actor needs one: those could not import our code.
    "RAY_prestart_worker_first_driver": "0",
}

CONTROL_PATIENCE_S = 30.0
"""Seconds without Ray's control process after which the work on a cluster ends.

Kubernetes may start it anew. After 60 s Ray itself would end our process without a word."""
_LEAVING_S = 15.0  # usually one or two
_LONGEST_TEMP_DIR = 45
"""Bytes of a folder in which the paths of Ray's sockets stay within the system's 107."""
_OWN_PROCESSES_BYTES = 500_000_000  # of a Ray that we start


@dataclass(frozen=True)
class Machine:
    """Cores and bytes of memory that a machine of a cluster declares; 0 bytes are not declared."""

    cores: int
    memory: int


@dataclass
class Cluster:
    """The Ray cluster in use, and how many candidates it can evaluate at once.

    ``pulse`` is None where Ray itself checks whether it lives (``ray://``). ``worker_memory`` are
    the bytes that Ray reserves for each worker; None for none. ``per_gpu`` workers share a GPU,
    and each needs a core besides.
    """

    devices: int  # GPUs, or else cores
    cores: int
    has_gpus: bool
    pulse: Pulse | None = None
    worker_memory: int | None = None
    per_gpu: int = 1

    @property
    def capacity(self) -> int:
        """How many workers run at once at most."""
        if self.per_gpu == 1:
            return self.devices
        return max(1, min(self.devices * self.per_gpu, self.cores))

    @property
    def gpu_share(self) -> float:
        """The share of a GPU that Ray reserves for a worker; it counts in steps of 0.0001."""
        return 10_000 // self.per_gpu / 10_000 if self.has_gpus else 0.0

    def room(self) -> str:
        """Return what there is for workers, such as ``there is 1 GPU, for 4 workers each``."""
        there = there_are(self.devices, self.device)
        if self.per_gpu == 1:
            return there
        cores = f", which need a core each, and {there_are(self.cores, 'core')}"
        return f"{there}, for {self.per_gpu} workers each{cores if self.lacks_cores else ''}"

    @property
    def lacks_cores(self) -> bool:
        """Whether fewer workers run than the GPUs are for, for want of cores."""
        return self.capacity < self.devices * self.per_gpu

    @property
    def device(self) -> str:
        """What each worker takes one of: a GPU if the cluster has any, or else a core."""
        return "GPU" if self.has_gpus else "core"

    def total(self) -> int:
        """Return the devices of all machines that answer."""
        return int(sum(each.get(self._resource, 0) for each in self._declared()))

    def machines(self) -> list[Machine]:
        """Return the machines that answer."""
        declared = self._declared()
        return [Machine(int(each.get("CPU", 0)), int(each.get("memory", 0))) for each in declared]

    def free(self) -> int:
        """Return the devices that nobody uses now."""
        return int(ask(ray.available_resources).get(self._resource, 0))

    def _declared(self) -> list[Mapping[str, float]]:
        """Return the resources of each machine that answers."""
        # For half a minute, Ray counts a machine that was lost.
        return [
            machine["Resources"]
            for machine in nodes()
            if machine["Alive"] and (self.pulse is None or listens(raylet_address(machine)))
        ]

    @property
    def _resource(self) -> str:
        return "GPU" if self.has_gpus else "CPU"

    def shortage(self, workers: int = 0) -> str | None:
        """Return what workers have to wait for, in one line; None if one could start now.

        ``workers`` are of this search and begun; what they may have taken counts as free.
        """
        everything, unused = ask(ray.cluster_resources), ask(ray.available_resources)
        total = everything.get(self._resource, 0)
        share = self.gpu_share or 1.0  # of a device, for a worker
        free = unused.get(self._resource, 0)
        what = self.device
        if total < 1:
            return f"waiting for a machine: the cluster has no {what} now"
        if free >= share or total - free <= workers * share:
            memory, free_memory = (each.get("memory", 0) for each in (everything, unused))
            return self._memory_shortage(memory, free_memory, workers)
        taken = (
            f"all {int(total)} of the cluster are" if total >= 2 else "the cluster's only one is"
        )
        return f"waiting for a {what}: {taken} in use, perhaps by other jobs"

    def _memory_shortage(self, total: float, free: float, workers: int) -> str | None:
        """Return that other jobs have reserved the memory that a worker needs; None if not."""
        needed = self.worker_memory or 0
        if free >= needed or total - free <= workers * needed:
            return None
        return (
            f"waiting for memory: each worker needs {needed / 1e9:.3g} GB, and other jobs have "
            f"reserved all but {free / 1e9:.3g} of {total / 1e9:.3g} GB"
        )

    def check_is_alive(self) -> None:
        """Check now and then that Ray's own processes answer.

        Raises:
            ClusterLost: one of them has been away for too long.
        """
        if self.pulse is not None:
            self.pulse.check()


@contextmanager
def ray_cluster(
    address: str | None, cores: int | None = None, sources: Sequence[str] = ()
) -> Iterator[Cluster]:
    """Start Ray on this machine, or join the cluster at ``address`` and send it our code.

    ``sources`` are folders and files of the user's own code, which are sent too. ``cores`` is how
    many a Ray of our own counts with, by default those that this process may use.

    Raises:
        UserError: no cluster answers there, it does not let us in, Ray does not start here, or
            this process uses Ray already.
    """
    if ray.is_initialized():  # by the script or notebook, whose Ray is not ours to end
        raise UserError(
            "this process uses Ray already, must have left it before: ray.shutdown(); or search "
            "without Ray: in_process=True"
        )
    os.environ.update(_RAY_SETTINGS)
    environment: dict[str, Any] = {
        "env_vars": {**ALLOCATOR_SETTINGS, "OMP_NUM_THREADS": "1"},
        "worker_process_setup_hook": _import_packages_from(str(_ROOT)),
    }
    with ExitStack() as stack:
        stack.enter_context(interrupts.kept())
        if address:
            # By name, as Ray Client cannot send a function here.
            environment["worker_process_setup_hook"] = "nas._import_packages"
            environment["py_modules"] = [*(str(_ROOT / name) for name in OURS), *sources]
            found = find_cluster(address)
            stack.enter_context(authentication(found.mode))
            _connect(address, found.address, environment)
        else:
            folder = stack.enter_context(scratch_folder("nas-ray-", _LONGEST_TEMP_DIR))
            _start(environment, folder, cores or available_cores())
        # Ray's own handler of SIGTERM ends the process at once; when it leaves, there is none.
        stack.callback(interrupts.reinstall)
        stack.callback(_leave)
        interrupts.reinstall()
        resources = ask(ray.cluster_resources)
        gpus = int(resources.get("GPU", 0))
        count = max(1, int(resources.get("CPU", 1)))
        pulse = _pulse(CONTROL_PATIENCE_S if address else 0.0)
        with _lost_connections_named():
            yield Cluster(gpus or count, count, gpus > 0, pulse)


def assigned_device() -> torch.device:
    """Return the device that Ray has given this process: a GPU, or else the CPU.

    A machine may have a GPU that its cluster does not give away.

    Raises:
        UserError: torch cannot use the GPU.
    """
    if not ray.get_gpu_ids():
        return torch.device("cpu")
    device = training_device()
    if device.type == "cpu":
        raise UserError(f"{platform.node()}: Ray gives its workers a GPU, but {why_no_gpu()}")
    return device


@contextmanager
def _lost_connections_named() -> Iterator[None]:
    """Turn the error of Ray Client whose server is gone into ClusterLost."""
    try:
        yield
    except ConnectionError as error:
        if isinstance(error, BrokenPipeError):  # of our own output
            raise
        raise ClusterLost(
            f"the cluster has died or cannot be reached ({_reason(error)})", 1
        ) from error


def _start(environment: dict[str, Any], folder: Path, cores: int) -> None:
    try:
        ray.init(
            address="local",  # never a cluster that happens to run on this machine
            num_cpus=cores,
            num_gpus=visible_gpus(),  # those that torch can use
            _memory=_free_memory(),
            include_dashboard=False,
            log_to_driver=False,
            runtime_env=environment,
            _temp_dir=str(folder),
        )
    except SystemExit:  # raised by Ray's own handler of SIGTERM, which it puts in place first
        interrupts.received(signal.SIGTERM)
    except Exception as error:  # a plain one, where its processes are slow to start
        raise UserError(
            f"Ray did not start on this machine ({_reason(error)})", exit_code=1
        ) from error


def _free_memory() -> int | None:
    """Return the bytes that workers may use on this machine; None if that is not known.

    Ray ends workers once 95 % of the memory is in use.
    """
    memory = available_memory()
    if memory is None:
        return None
    return max(1, memory.available - memory.total // 20 - _OWN_PROCESSES_BYTES)


def _connect(address: str, found: str, environment: dict[str, Any]) -> None:
    try:
        ray.init(address=found, log_to_driver=False, runtime_env=environment)
    except SystemExit:
        interrupts.received(signal.SIGTERM)
    except (ConnectionError, ValueError, RuntimeError, RayError) as error:
        raise cannot_join(address, _reason(error)) from error


def _leave() -> None:
    """Disconnect, and end a Ray of our own; give up where a process of Ray does not answer.

    What it leaves then of a Ray of our own ends with the scratch folder.
    """
    leaving = threading.Thread(target=ray.shutdown, daemon=True)
    leaving.start()
    until = time.monotonic() + _LEAVING_S
    while leaving.is_alive() and time.monotonic() < until:
        leaving.join(0.02)
        interrupts.reinstall()  # Ray puts the system's own handlers back meanwhile
    if leaving.is_alive():
        atexit.unregister(ray.shutdown)  # it would wait once more, and for ever
        interrupts.skip_last()  # Ray's threads would crash while Python ends


def _pulse(patience_s: float) -> Pulse | None:
    # Ray Client has no raylet here, and notices itself when its server is gone.
    if client.is_connected():  # type: ignore[no-untyped-call]
        return None
    context = ray.get_runtime_context()
    host, _, port = context.gcs_address.rpartition(":")
    node = context.get_node_id()
    (raylet,) = (raylet_address(known) for known in nodes() if known["NodeID"] == node)
    return Pulse(node, {CONTROL: (host, int(port)), RAYLET: raylet}, patience_s)


def _reason(error: BaseException) -> str:
    """Return the cause of an error of Ray, in one line."""
    text = " ".join(str(error.__cause__ or error).split())
    if "Raylet addresses" in text:
        return (
            "this machine is not one of the cluster's: run ray start --address=... on it, "
            "or connect to ray://host:10001"
        )
    return text[:300]


def _import_packages_from(root: str) -> Callable[[], None]:
    """Return a function that imports our packages in a worker before any file of the user.

    When the first task arrives, Ray puts the driver's working directory first on a worker's path.
    A ``results.py`` there would then be imported instead of our package, unless ours is imported
    before. ``root`` is the folder of our packages.
    """
    packages = OURS

    # Nested, so that Ray pickles it by value: the worker cannot import this module yet.
    def import_packages() -> None:

        sys.path.insert(0, root)
        for name in packages:
            import_module(name)
        sys.path.remove(root)  # a folder of all installed packages, perhaps

    return import_packages
