"""Compare training rates with timm's: EfficientNetV2-S at 300 px and EfficientNet-B4 at 380 px.

pip install timm
python -m benchmarks.against_timm                                  # a minute or two on a GPU
python -m benchmarks.against_timm --image-size 64 --batch-size 8   # on a CPU

Both networks train in turn in one process, on one batch of noise, by the step of a search: AdamW,
channels last, and on a GPU a CUDA graph and, where it has bfloat16, mixed precision. Both run
without dropout and stochastic depth. timm publishes 488 and 242 images/s on an RTX 3090, from eager
steps with SGD, a ratio of 2.0.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version

import torch
from torch import nn

from benchmarks.cpu_protocol import follow
from benchmarks.timed_step import time_in_turn
from nas.devices import training_device
from reward.step_time.clocks import device_name
from reward.step_time.measurement import (
    StepTime,
    median_s,
    normalized,
    normalized_interval,
    reference_median_s,
)
from reward.step_time.paired import Precision
from search_space.network import Network
from search_space.published import published
from search_space.task import IMAGENET

CAP_S = 60.0


@dataclass(frozen=True)
class Compared:
    """A network by our name and by timm's, with its training size in pixels."""

    name: str
    timm_name: str
    image_size: int


NETWORKS = (
    Compared("efficientnetv2-s", "tf_efficientnetv2_s", 300),
    Compared("efficientnet-b4", "tf_efficientnet_b4", 380),
)


def main() -> None:
    """Print images per second, their ratio, n, the spread and the device."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument(
        "--image-size",
        type=int,
        help="training size in pixels of both networks (default: 300 and 380)",
    )
    parser.add_argument(
        "--time-cap", type=float, default=CAP_S, help="longest measurement in seconds"
    )
    options = parser.parse_args()
    device = training_device()
    if device.type == "cpu":
        follow("benchmarks.against_timm")
    print(
        f"{device_name(device)}, {os.cpu_count()} cores, torch {torch.__version__}, "
        f"timm {version('timm')}, batch {options.batch_size}"
    )
    precision = Precision.default(device, options.time_cap)
    rates = []
    for network in NETWORKS:
        size = options.image_size or network.image_size
        timed = _measured(network, size, options.batch_size, device, precision)
        rates.append(_rates(timed))
        _print(network, timed)
    (ours, theirs), (ours_b4, theirs_b4) = rates
    print(f"V2-S : B4  ours {ours / ours_b4:.2f}, timm's {theirs / theirs_b4:.2f}, published 2.0")


def _measured(
    compared: Compared, size: int, batch_size: int, device: torch.device, precision: Precision
) -> StepTime:
    """Time our step with timm's as the reference."""
    architecture = published(compared.name).architecture
    ours = Network(architecture, IMAGENET.classes, IMAGENET.in_channels, 0.0, 1.0)
    theirs = _timms(compared.timm_name)
    return time_in_turn(ours, theirs, (size, size), batch_size, device, precision)


def _timms(name: str) -> nn.Module:
    create_model: Callable[..., nn.Module] = import_module("timm").create_model
    return create_model(name, drop_rate=0.0, drop_path_rate=0.0)


def _rates(timed: StepTime) -> tuple[float, float]:
    """Return images per second, ours and timm's."""
    return timed.batch_size / median_s(timed), timed.batch_size / reference_median_s(timed)


def _print(compared: Compared, timed: StepTime) -> None:
    ours, theirs = _rates(timed)
    interval = normalized_interval(timed)
    spread = f" ({1 / interval[1]:.3f} to {1 / interval[0]:.3f})" if interval else ""
    print(
        f"{compared.name} at {timed.image_size} px: ours {ours:.4g} images/s, timm's {theirs:.4g}, "
        f"ours : timm's {1 / normalized(timed):.3f}{spread}, n = {len(timed.samples_s)} pairs"
        f"{', unsteady: ' + timed.unsteady if timed.unsteady else ''}",
        flush=True,
    )


if __name__ == "__main__":
    main()
