"""The device to train on, and in words what keeps a GPU of this machine from being used in full."""

from __future__ import annotations

import os
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch

from reward.step_time.clocks import has_bfloat16

_SMI_S = 20.0  # that NVIDIA's tool may take, on a machine with many GPUs


def training_device() -> torch.device:
    """Return the device that this process trains on: its first CUDA device, or else the CPU.

    Apple's GPU (MPS) is not used: step times on it have never been measured.
    """
    return torch.device("cuda" if _cuda().is_usable else "cpu")


def visible_gpus() -> int:
    """Return how many GPUs torch can use here; 0 without any, or where it cannot use them.

    Slices of a divided GPU (MIG) that ``CUDA_VISIBLE_DEVICES`` names count each, though a process
    sees only one of them, and Ray by itself counts no more than there are whole GPUs.
    """
    if not _cuda().is_usable:
        return 0
    return len(_slices()) or torch.cuda.device_count()


def remarks(device: torch.device) -> list[str]:
    """Return lines on what the device lacks, or on a GPU of this machine that is not used."""
    if device.type == "cuda":
        lacks = [] if has_bfloat16(device) else [_without_bfloat16(device)]
        return lacks + ([_named_slices(len(_slices()))] if _slices() else [])
    if torch.backends.mps.is_available():
        return ["Apple's GPU (MPS) is not used: training on the CPU"]
    if _cuda().is_usable or _is_hidden() or not _has_nvidia_gpu():
        return []
    return [f"the GPU is not used, as {why_no_gpu()}: training on the CPU"]


def why_no_gpu() -> str:
    """Return why torch cannot use a GPU that is there, in words."""
    if torch.version.cuda is None:
        return f"torch {torch.__version__} is built without CUDA"
    return f"torch {torch.__version__} cannot use it ({_cuda().reason or 'CUDA finds no device'})"


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute on one thread; on a busy machine, more would wait for one another."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _without_bfloat16(device: torch.device) -> str:
    return f"{torch.cuda.get_device_name(device)} has no bfloat16: training in float32"


def _named_slices(count: int) -> str:
    return f"CUDA_VISIBLE_DEVICES names {count} MIG slice{'s' * (count > 1)}: each counts as a GPU"


class _Cuda:
    """Whether torch can use a CUDA device, and the reason that it gives if not."""

    def __init__(self) -> None:
        with warnings.catch_warnings(record=True) as given:
            warnings.simplefilter("always")
            self.is_usable = torch.cuda.is_available()
        text = str(given[0].message) if given else ""
        sentence = text.removeprefix("CUDA initialization: ").partition(". ")[0]
        self.reason = " ".join(sentence.split())[:200]


@cache  # torch warns once
def _cuda() -> _Cuda:
    return _Cuda()


def _slices() -> list[str]:
    named = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    return [name for name in named if name.strip().startswith("MIG-")]


def _is_hidden() -> bool:
    """Return whether the user keeps GPUs from programs."""
    return os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1", "NoDevFiles")


def _has_nvidia_gpu() -> bool:
    """Return whether NVIDIA's tool, which comes with its driver, lists a GPU."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return False
    try:
        listed = subprocess.run([tool, "-L"], capture_output=True, text=True, timeout=_SMI_S)
    except (OSError, subprocess.SubprocessError):
        return False
    return "GPU " in listed.stdout
