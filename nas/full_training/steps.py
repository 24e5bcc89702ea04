"""How far a training is within an epoch, told a few times a second."""

from __future__ import annotations

import time

import torch

from nas.full_training.events import Listener, Stepped

EVERY_S = 0.25


class Steps:
    """Hears of every step, and tells the listener now and then at what rate they go by."""

    def __init__(self, tell: Listener) -> None:
        self._tell = tell
        self._batch_size = 0
        self._start = self._told = 0.0

    def begin(self, batch_size: int) -> None:
        """An epoch of batches of so many images, over all processes, is about to begin."""
        self._batch_size = batch_size
        self._start = self._told = time.monotonic()

    def __call__(self, step: int, count: int) -> None:
        """``step``, from 1, of ``count`` in the epoch is done."""
        now = time.monotonic()
        if now - self._told < EVERY_S:
            return
        self._told = now
        self._tell(Stepped(step, count, step * self._batch_size / (now - self._start)))


def device_name(device: torch.device) -> str:
    """What people call the device."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
