"""Dropout in a network that is built already."""

from __future__ import annotations

from torch import nn


def set_dropout(network: nn.Module, rate: float | None) -> None:
    """Gives every ``nn.Dropout`` of the network this rate; None leaves them as they are."""
    if rate is None:
        return
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = rate
