"""Where networks lie while they are trained, timed or evaluated."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import nn

N = TypeVar("N", bound=nn.Module)


def placed(network: N, device: torch.device) -> N:
    """The network itself, on the device and channels last, which convolutions are faster in.

    Its images (N, C, H, W) are to be in the same format.
    """
    moved: N = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return moved
