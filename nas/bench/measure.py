"""The measurements of one network against a reference, in a process of their own.

``python -m nas.bench.measure`` reads a JSON object from standard input and writes one. It is a
process of its own because the allocator's settings only take effect before one starts, and so
that a network that does not fit into memory takes nothing else with it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from nas.errors import UserError
from results.files import step_time_json
from reward.step_time.measurement import StepTime, median_s
from search_space.architecture import Architecture
from search_space.task import IMAGENET, Task

if TYPE_CHECKING:
    import torch

    from reward.step_time.standalone import TimedNetwork


DEFAULT_CAP_S = 30.0


_PIXELS_A_BATCH = 128 * 32**2  # what a CPU does in a fraction of a second


_PIXELS_A_BATCH_ON_GPU = 64 * _PIXELS_A_BATCH


_RUNS, _WARMUP = 15, 3


@dataclass(frozen=True)
class SizedArchitecture:
    """What is timed: a network, with the pixels that it trains and is evaluated at."""

    architecture: Architecture
    image_size: int
    eval_size: int | None = None  # None: the same


@dataclass(frozen=True)
class MeasurementRequest:
    """What to measure and how.

    ``batch_size`` is by default what suits the reference's image size, 2 to 128. ``cap_s`` bounds
    the timing of the step, in seconds.
    """

    own: SizedArchitecture
    reference: SizedArchitecture
    task: Task = IMAGENET
    batch_size: int | None = None
    cap_s: float = DEFAULT_CAP_S


@dataclass(frozen=True)
class NetworkMeasurement:
    """The training step, the counts, and seconds of each forward pass: of one image, of a batch.

    The passes are none where they did not fit into memory.
    """

    step_time: StepTime
    parameters: int
    multiply_adds: int
    latencies_s: tuple[float, ...]
    batch_latencies_s: tuple[float, ...]


def measure_in_subprocess(question: MeasurementRequest) -> NetworkMeasurement:
    """Measures on the GPU, or on one thread of the CPU.

    Takes seconds for small networks and minutes for EfficientNetV2-S at 300 px on a CPU.

    Raises:
        UserError: the process ended without a measurement, such as for want of memory.
    """
    from reward.step_time.paired import ALLOCATOR_SETTINGS

    asked = asdict(question)
    for name in ("own", "reference"):
        asked[name]["architecture"] = getattr(question, name).architecture.to_json()
    # From wherever these rooms are, and not from the user's folder, which may have a results.py.
    rooms = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, **ALLOCATOR_SETTINGS, "PYTHONPATH": os.pathsep.join(rooms)}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "nas.bench.measure"],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        env=environment,
    )
    if done.returncode:
        raise UserError(f"could not be measured: {_failure_reason(done)}", exit_code=1)
    answer = json.loads(done.stdout)
    return NetworkMeasurement(**{**answer, "step_time": StepTime(**answer["step_time"])})


def _failure_reason(done: subprocess.CompletedProcess[str]) -> str:
    if done.returncode == -9:
        return "the system ended its process, most often for want of memory"
    return (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1][:300]


def _measure(asked: dict[str, Any]) -> NetworkMeasurement:
    import torch

    from nas.search.evaluator import failure
    from nas.training.recipes import proxy
    from reward.complexity import complexity
    from reward.step_time.memory_and_latency import latencies_s
    from reward.step_time.paired import Precision
    from reward.step_time.standalone import measure_step_time
    from reward.step_time.warmup import fill_heap_holes, warm_up_heap

    torch.set_num_threads(1)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    task = Task(**asked["task"])
    batch_size = asked["batch_size"] or _batch_size(asked["reference"]["image_size"], device)
    kept = fill_heap_holes(device)
    reference = _subject(asked["reference"], task, batch_size, device)
    other = reference.fitting_step(proxy())
    reference_step = partial(other, reference.images, reference.labels)
    warm_up_heap(reference, reference_step, task.classes)
    own = _subject(asked["own"], task, batch_size, device)
    step = own.fitting_step(proxy())
    precision = Precision.default(device, asked["cap_s"])
    timed = measure_step_time(own, step, reference_step, device, precision)
    del kept, reference, reference_step, other, step  # inference has their memory
    own.network.zero_grad(set_to_none=True)
    eval_size = asked["own"]["eval_size"] or asked["own"]["image_size"]
    count = complexity(own.network, task.in_channels, eval_size)

    def inference(images: int) -> tuple[float, ...]:
        batch = _images(task, images, eval_size, device)
        try:
            return latencies_s(own.network, batch, device, _RUNS, _WARMUP)
        except Exception as error:
            if failure(error)[0] != "out_of_memory":
                raise
            return ()

    counts = count.parameters, count.multiply_adds
    return NetworkMeasurement(timed, *counts, inference(1), inference(batch_size))


def _batch_size(image_size: int, device: torch.device) -> int:
    pixels = _PIXELS_A_BATCH_ON_GPU if device.type == "cuda" else _PIXELS_A_BATCH
    return max(2, min(128, pixels // image_size**2))


def _subject(
    asked: dict[str, Any], task: Task, batch_size: int, device: torch.device
) -> TimedNetwork:
    import torch

    from nas.training.step import to_channels_last
    from reward.step_time.standalone import TimedNetwork
    from search_space.network import Network

    architecture = Architecture.from_json(asked["architecture"])
    network = to_channels_last(
        Network(architecture, task.classes, task.in_channels, 0.0, 1.0), device
    )
    labels = torch.arange(batch_size, device=device) % task.classes
    return TimedNetwork(network, _images(task, batch_size, asked["image_size"], device), labels)


def _images(task: Task, count: int, size: int, device: torch.device) -> torch.Tensor:
    import torch

    images = torch.randn(count, task.in_channels, size, size)
    return images.to(device, memory_format=torch.channels_last)


@dataclass(frozen=True)
class Row:
    """``answer`` is None where nothing could be measured; then ``problem`` says why."""

    name: str
    architecture_id: str
    train_size: int
    eval_size: int
    reference: str
    answer: NetworkMeasurement | None
    problem: str | None = None

    def to_json(self) -> dict[str, Any]:
        """In the command line's keys; seconds, bytes and images a second, null where not known.

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
            **(_measured(self.answer) if self.answer else dict.fromkeys(_MEASURED)),
        }


_MEASURED = (
    "parameters",
    "multiply_adds",
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
)


def _measured(answer: NetworkMeasurement) -> dict[str, Any]:
    timed, step_s = answer.step_time, median_s(answer.step_time)
    batch_s = median(answer.batch_latencies_s) if answer.batch_latencies_s else None
    values = {
        **step_time_json(timed),
        "parameters": answer.parameters,
        "multiply_adds": answer.multiply_adds,
        "images_per_s": timed.batch_size / step_s,
        "inference_time_s": median(answer.latencies_s) if answer.latencies_s else None,
        "inference_images_per_s": batch_s and timed.batch_size / batch_s,
        "micro_batch_size": timed.micro_batch_size or timed.batch_size,
        "steps": len(timed.samples_s),
        "is_precise": timed.is_precise,
    }
    return {key: values[key] for key in _MEASURED}


if __name__ == "__main__":
    json.dump(asdict(_measure(json.load(sys.stdin))), sys.stdout)
