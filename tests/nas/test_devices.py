"""Which device is trained on, and what is said where a GPU is not used, or not in full."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from nas import devices
from nas.devices import remarks, training_device, visible_gpus

CPU = torch.device("cpu")
# As torch says it, on a machine whose driver is older than its CUDA.
TOO_OLD = (
    "CUDA initialization: The NVIDIA driver on your system is too old (found version 11040). "
    "Please update your GPU driver by downloading and installing a new version from the URL: x"
)


@pytest.fixture(autouse=True)
def _asked_anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    devices._cuda.cache_clear()
    yield
    devices._cuda.cache_clear()


@pytest.fixture
def smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for NVIDIA's tool, which lists a GPU."""
    tool = tmp_path / "nvidia-smi"
    tool.write_text('#!/bin/sh\n[ "$1" = -L ] && echo "GPU 0: Tesla K80 (UUID: GPU-1)"\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return tool


def _unusable() -> bool:
    warnings.warn(TOO_OLD, UserWarning, stacklevel=1)
    return False


def test_a_machine_without_a_gpu_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert training_device() == CPU
    assert visible_gpus() == 0
    assert remarks(CPU) == []


@pytest.mark.usefixtures("smi")
def test_a_driver_that_is_too_old_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", _unusable)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    assert training_device() == CPU
    (line,) = remarks(CPU)
    assert line == (
        f"the GPU is not used, as torch {torch.__version__} cannot use it (The NVIDIA driver on "
        "your system is too old (found version 11040)): training on the CPU"
    )
    assert visible_gpus() == 0, "torch counts GPUs whose driver it cannot use"


@pytest.mark.usefixtures("smi")
def test_a_torch_without_cuda_beside_a_gpu_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", None)
    (line,) = remarks(CPU)
    assert line.endswith("is built without CUDA: training on the CPU")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert remarks(CPU) == [], "hidden by the user"


def test_a_tool_that_lists_none_says_nothing(smi: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    smi.write_text("#!/bin/sh\necho 'No devices were found'\nexit 6\n")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert remarks(CPU) == []


def test_apples_gpu_is_not_used_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert training_device() == CPU
    assert remarks(CPU) == ["Apple's GPU (MPS) is not used: training on the CPU"]


@pytest.mark.parametrize(
    ("named", "count"),
    [("MIG-a", 1), ("MIG-a,MIG-b,MIG-c", 3), ("0,1", 1), ("", 1)],
)
def test_every_slice_of_a_gpu_counts(
    monkeypatch: pytest.MonkeyPatch, named: str, count: int
) -> None:
    """Of several slices a process sees one, so that torch counts one."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: True)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    assert visible_gpus() == count
    said = remarks(torch.device("cuda"))
    slices = named.count("MIG")
    assert len(said) == bool(slices)
    assert not slices or f"names {slices} MIG slice" in said[0]
