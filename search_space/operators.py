"""Operators, which build the layers of a stage: MBConv, Fused-MBConv, more, and the user's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import nn

from search_space.architecture import Block
from search_space.modules import (
    activation,
    convolution,
    inverted_bottleneck,
    squeeze_excitation,
)
from search_space.more_operators import bottleneck, convnext, mbconv_k7
from search_space.named import is_reference, lookup_function


def mbconv(block: Block) -> nn.Sequential:
    """Build an inverted bottleneck with the stage's kernel (EfficientNet, 1905.11946)."""
    return inverted_bottleneck(block, block.kernel)


def fused_mbconv(block: Block) -> nn.Sequential:
    """Build MBConv with its first two convolutions fused into one (EfficientNetV2, Figure 2).

    At expansion 1 there is no projection: the one convolution then has the output's channels.
    """
    hidden = block.hidden_channels
    if hidden == block.in_channels:
        hidden, projection = block.out_channels, []
    else:
        projection = convolution(hidden, block.out_channels, 1)
    layers = convolution(block.in_channels, hidden, block.kernel, block.stride)
    layers += [activation(block.activation), *squeeze_excitation(block, hidden)]
    return nn.Sequential(*layers, *projection)


Operator = Callable[[Block], nn.Module]

OPERATORS: dict[str, Operator] = {
    "mbconv": mbconv,
    "fused_mbconv": fused_mbconv,
    "mbconv_k7": mbconv_k7,
    "convnext": convnext,
    "bottleneck": bottleneck,
}
"""Operators by name. ``OPERATORS["mine"] = my_operator`` adds one that a space can then list.

An operator is a function from a :class:`Block` to a module that maps (N, in_channels, H, W) to
(N, out_channels, H / stride, W / stride), rounded up. One of the user's own can also be named as
``package.module:attribute``: see :func:`find_operator`.
"""


def find_operator(name: str, operators: Mapping[str, Operator] = OPERATORS) -> Operator:
    """Return the operator of a name, or of ``package.module:attribute`` in an imported module.

    Raises:
        ValueError: there is none; the message is one line.
    """
    if name in operators:
        return operators[name]
    if not is_reference(name):
        raise ValueError(
            f"operator: got {name!r}, must be one of {', '.join(sorted(operators))}, or "
            "package.module:attribute; name the module that adds it by --import MODULE"
        )
    try:
        return lookup_function(name)
    except ValueError as error:
        raise type(error)(f"operator: {error}") from None
