"""The measured training step of one architecture against another's, in a process of its own.

``python -m nas.step_time_of`` reads a JSON object from standard input and writes one. It is a
process of its own because the allocator's settings only take effect before one starts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import Any

from nas.errors import UserError
from reward.measurements import StepTime
from search_space.architecture import Architecture

PAIRS = 9
WARMUP_STEPS = 3
_PIXELS_A_BATCH = 128 * 32**2  # what a CPU does in a fraction of a second
_PIXELS_A_BATCH_ON_GPU = 64 * _PIXELS_A_BATCH


@dataclass(frozen=True)
class Timed:
    """What is timed: a network at an image size."""

    architecture: Architecture
    image_size: int


def step_time_of(own: Timed, reference: Timed, classes: int, in_channels: int) -> StepTime:
    """The step of ``own`` in turn with the reference's, on the GPU or on one thread of the CPU.

    The batch is the same for both: 2 to 128 images, by the reference's size. Takes seconds for
    small networks and minutes for EfficientNetV2-S at 300 px on a CPU.

    Raises:
        UserError: the process ended without a measurement, such as for want of memory.
    """
    from reward.step_time import ALLOCATOR_SETTINGS

    question = {
        "networks": [
            {"architecture": one.architecture.to_json(), "image_size": one.image_size}
            for one in (own, reference)
        ],
        "classes": classes,
        "in_channels": in_channels,
    }
    done = subprocess.run(
        [sys.executable, "-m", "nas.step_time_of"],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        env={**os.environ, **ALLOCATOR_SETTINGS},
    )
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1]
        raise UserError(f"step time: could not be measured ({said[:300]})", exit_code=1)
    return StepTime(**json.loads(done.stdout))


def _measure(question: dict[str, Any]) -> StepTime:
    import torch

    from nas.timing import Subject, measured_step_time
    from nas.training.recipe import proxy
    from search_space.network import Network

    torch.set_num_threads(1)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    classes, in_channels = question["classes"], question["in_channels"]
    pixels = _PIXELS_A_BATCH_ON_GPU if device.type == "cuda" else _PIXELS_A_BATCH
    batch_size = max(2, min(128, pixels // question["networks"][1]["image_size"] ** 2))
    labels = torch.arange(batch_size, device=device) % classes
    subjects = []
    for one in question["networks"]:
        network = Network(Architecture.from_json(one["architecture"]), classes, in_channels)
        network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        images = torch.randn(batch_size, in_channels, one["image_size"], one["image_size"])
        images = images.to(device, memory_format=torch.channels_last)
        subjects.append(Subject(network, images, labels))
    own, reference = subjects
    return measured_step_time(own, reference, proxy(), device, warmup=WARMUP_STEPS, pairs=PAIRS)


if __name__ == "__main__":
    json.dump(asdict(_measure(json.load(sys.stdin))), sys.stdout)
