"""What a measurement ran on."""

from __future__ import annotations

import pytest
import torch

from reward.step_time.clocks import device_name

CPU = torch.device("cpu")


@pytest.mark.parametrize(("threads", "end"), [(1, ", 1 thread"), (2, ", 2 threads")])
def test_a_cpus_name_says_its_threads(
    threads: int, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    name = device_name(CPU)
    assert name.endswith(end)
    assert len(name) > len(end)


def test_a_cpus_name_without_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(*_: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr("reward.step_time.clocks.Path.read_text", unreadable)
    monkeypatch.setattr("reward.step_time.clocks.platform.processor", lambda: "arm")
    assert device_name(CPU).startswith("arm, ")


@pytest.mark.gpu
def test_a_gpus_name() -> None:
    device = torch.device("cuda")
    assert device_name(device) == torch.cuda.get_device_name(device)
