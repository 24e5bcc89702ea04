"""Measure one network against a reference network, in a process of its own.

``python -m nas.bench.measure`` reads a JSON object from standard input and writes one. A process of
its own, because the allocator's settings take effect only before a process starts, and so that a
network that does not fit into memory takes nothing else with it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from nas.architectures import modules_of_operators
from nas.errors import UserError
from results.files import step_time_json
from results.multiply_adds import RULE
from reward.step_time.measurement import Conditions, StepTime, median_s
from search_space.architecture import Architecture
from search_space.task import IMAGENET, Task

if TYPE_CHECKING:
    import torch

    from reward.step_time.standalone import MakeStep, TimedNetwork

DEFAULT_CAP_S = 30.0
_PIXELS_A_BATCH = 128 * 32**2  # what a CPU does in a fraction of a second
_PIXELS_A_BATCH_ON_GPU = 64 * _PIXELS_A_BATCH
_LATENCY_RUNS, _LATENCY_WARMUP = 15, 3


@dataclass(frozen=True)
class SizedArchitecture:
    """An architecture with the sides of its images in pixels, in training and at inference."""

    architecture: Architecture
    image_size: int
    eval_size: int | None = None  # None: the same


@dataclass(frozen=True)
class MeasurementRequest:
    """The network to measure, its reference, and how.

    ``batch_size`` is by default what suits the reference's image size, 2 to 128. ``cap_s`` bounds
    the timing of the step, in seconds. With ``is_compiled``
    both are compiled by ``torch.compile``.
    """

    network: SizedArchitecture
    reference: SizedArchitecture
    task: Task = IMAGENET
    batch_size: int | None = None
    cap_s: float = DEFAULT_CAP_S
    is_compiled: bool = False


@dataclass(frozen=True)
class NetworkMeasurement:
    """The measured training step, the counts, and the seconds of each forward pass.

    ``latencies_s`` are passes of one image, ``batch_latencies_s`` of a batch; either is empty where
    it did not fit into memory.
    """

    step_time: StepTime
    parameters: int
    multiply_adds: int
    latencies_s: tuple[float, ...]
    batch_latencies_s: tuple[float, ...]


@dataclass(frozen=True)
class Row:
    """A network's row in the table of ``nas bench``.

    ``measurement`` is None where nothing could be measured; then ``problem`` gives the reason.
    """

    name: str
    architecture_id: str
    train_size: int
    eval_size: int
    reference: str
    measurement: NetworkMeasurement | None
    problem: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the row by the command line's keys: seconds, bytes, images a second, or null.

        ``images_per_s`` is in training; ``inference_time_s`` is one image's median latency and
        ``inference_images_per_s`` the rate in batches. ``normalized_step_time`` is relative to the
        reference's step at the same sizes, measured in turn.
        """
        return {
            "name": self.name,
            "architecture_id": self.architecture_id,
            "image_size": {"train": self.train_size, "eval": self.eval_size},
            "reference": self.reference,
            "problem": self.problem,
            **(
                _measurement_json(self.measurement)
                if self.measurement
                else dict.fromkeys(_MEASURED)
            ),
        }


_MEASURED = (
    "parameters",
    "multiply_adds",
    "multiply_adds_rule",
    "step_time_s",
    "step_time_ci_s",
    "normalized_step_time",
    "normalized_step_time_ci",
    "images_per_s",
    "inference_time_s",
    "inference_images_per_s",
    "peak_memory_bytes",
    "device",
    "batch_size",
    "micro_batch_size",
    "steps",
    "is_precise",
    "unsteady",
    "conditions",
)


def _measurement_json(measurement: NetworkMeasurement) -> dict[str, Any]:
    timed, step_s = measurement.step_time, median_s(measurement.step_time)
    batch_s = median(measurement.batch_latencies_s) if measurement.batch_latencies_s else None
    values = {
        **step_time_json(timed),
        "parameters": measurement.parameters,
        "multiply_adds": measurement.multiply_adds,
        "multiply_adds_rule": RULE,
        "images_per_s": timed.batch_size / step_s,
        "inference_time_s": median(measurement.latencies_s) if measurement.latencies_s else None,
        "inference_images_per_s": batch_s and timed.batch_size / batch_s,
        "micro_batch_size": timed.micro_batch_size or timed.batch_size,
        "steps": len(timed.samples_s),
        "is_precise": timed.is_precise,
    }
    return {key: values[key] for key in _MEASURED}


_INTERVALS = ("step_time_ci_s", "normalized_step_time_ci")


def flat_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of :meth:`Row.to_json` with two columns for a pair: train, eval; low, high."""
    flat: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, Mapping):
            flat |= {f"{key}_{name}": part for name, part in value.items()}
        elif key in _INTERVALS:
            low, high = value or (None, None)
            flat |= {f"{key}_low": low, f"{key}_high": high}
        else:
            flat[key] = value
    return flat


def measure_in_subprocess(request: MeasurementRequest) -> NetworkMeasurement:
    """Measure on the GPU, or on one thread of the CPU.

    Takes seconds for small networks and minutes for EfficientNetV2-S at 300 px on a CPU.

    Raises:
        UserError: the process ended without a measurement, such as for want of memory.
    """
    from reward.step_time.allocator import ALLOCATOR_SETTINGS

    content = asdict(request)
    networks = request.network.architecture, request.reference.architecture
    content["modules"] = modules_of_operators(networks)
    for role in ("network", "reference"):
        content[role]["architecture"] = getattr(request, role).architecture.to_json()
    # Our own packages first, and nothing from the user's folder, which may have a results.py.
    path = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, **ALLOCATOR_SETTINGS, "PYTHONPATH": os.pathsep.join(path)}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "nas.bench.measure"],
        input=json.dumps(content),
        capture_output=True,
        text=True,
        env=environment,
    )
    if done.returncode:
        raise UserError(f"could not be measured: {_failure_reason(done)}", exit_code=1)
    answer = json.loads(done.stdout)
    timed = answer["step_time"]
    step_time = StepTime(**{**timed, "conditions": Conditions(**timed["conditions"])})
    return NetworkMeasurement(**{**answer, "step_time": step_time})


def _failure_reason(done: subprocess.CompletedProcess[str]) -> str:
    if done.returncode == -9:
        return "the system ended its process, most often for want of memory"
    return (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1][:300]


def _measure(request: dict[str, Any]) -> NetworkMeasurement:
    """Measure in this process what :func:`measure_in_subprocess` was asked for, in JSON types."""
    import torch

    from nas.devices import training_device
    from nas.imports import import_modules
    from nas.training.recipes import proxy
    from nas.training.step import step_without_learning
    from reward.complexity import complexity
    from reward.step_time.memory_and_latency import is_out_of_memory, latencies_s
    from reward.step_time.paired import Precision
    from reward.step_time.standalone import measure_step_time
    from reward.step_time.warmup import Reference

    import_modules(tuple(request["modules"]))
    torch.set_num_threads(1)
    device = training_device()
    task = Task(**request["task"])
    batch_size = request["batch_size"] or _batch_size(request["reference"]["image_size"], device)
    recipe = replace(proxy(), is_compiled=request["is_compiled"])
    make_step = partial(step_without_learning, recipe)
    reference = Reference(
        build=lambda: _timed_network(request["reference"], task, batch_size, device, make_step),
        make_step=make_step,
        device=device,
        classes=task.classes,
        warmup=0,  # the measurement has its own
    )
    timed = _timed_network(request["network"], task, batch_size, device, make_step)
    step = timed.fitting_step()
    precision = Precision.default(device, request["cap_s"])
    step_time = measure_step_time(timed, step, reference, device, precision)
    del reference, step  # inference gets their memory
    network = timed.network
    network.zero_grad(set_to_none=True)
    eval_size = request["network"]["eval_size"] or request["network"]["image_size"]
    count = complexity(network, task.in_channels, eval_size)

    def inference(images: int) -> tuple[float, ...]:
        batch = _random_images(task, images, eval_size, device)
        try:
            return latencies_s(network, batch, device, _LATENCY_RUNS, _LATENCY_WARMUP)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            return ()

    counts = count.parameters, count.multiply_adds
    return NetworkMeasurement(step_time, *counts, inference(1), inference(batch_size))


def _batch_size(image_size: int, device: torch.device) -> int:
    pixels = _PIXELS_A_BATCH_ON_GPU if device.type == "cuda" else _PIXELS_A_BATCH
    return max(2, min(128, pixels // image_size**2))


def _timed_network(
    sized: dict[str, Any],
    task: Task,
    batch_size: int,
    device: torch.device,
    make_step: MakeStep,
) -> TimedNetwork:
    """Build the network of a :class:`SizedArchitecture` in JSON types, with a batch to time it."""
    import torch

    from reward.step_time.clocks import to_channels_last
    from reward.step_time.standalone import TimedNetwork
    from search_space.network import Network

    architecture = Architecture.from_json(sized["architecture"])
    network = Network(architecture, task.classes, task.in_channels, dropout=0.0, survival=1.0)
    images = _random_images(task, batch_size, sized["image_size"], device)
    labels = torch.arange(batch_size, device=device) % task.classes
    return TimedNetwork(to_channels_last(network, device), images, labels, make_step)


def _random_images(task: Task, count: int, size: int, device: torch.device) -> torch.Tensor:
    import torch

    images = torch.randn(count, task.in_channels, size, size)
    return images.to(device, memory_format=torch.channels_last)


if __name__ == "__main__":
    json.dump(asdict(_measure(json.load(sys.stdin))), sys.stdout)
