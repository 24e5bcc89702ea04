"""The template of the Python file that ``nas export`` writes, with EfficientNetV2-S as its network.

:mod:`nas.export.python_file` replaces this docstring, and the network between the two comment lines
that begin with "The network". Nothing except torch may be imported.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn


class Stage(NamedTuple):
    """A sequence of equal layers; the first one changes channels and resolution."""

    operator: str  # a key of OPERATORS
    kernel: int
    stride: int  # of the first layer
    expansion: int  # hidden channels / input channels of a layer
    channels: int  # output
    layers: int
    se_ratio: float = 0.0  # squeeze channels / input channels of a layer, 0 for none
    activation: str = "silu"  # a key of ACTIVATIONS


# The network.
NAME = "efficientnetv2-s"
CLASSES = 1000
IMAGE_CHANNELS = 3
IMAGE_SIZE = 384  # pixels, to evaluate; any other will do
STEM_CHANNELS, STEM_STRIDE = 24, 2
STAGES = (
    # operator, kernel, stride, expansion, channels, layers, se_ratio, activation
    Stage("fused_mbconv", 3, 1, 1, 24, 2),
    Stage("fused_mbconv", 3, 2, 4, 48, 4),
    Stage("fused_mbconv", 3, 2, 4, 64, 4),
    Stage("mbconv", 3, 2, 4, 128, 6, 0.25),
    Stage("mbconv", 3, 1, 6, 160, 9, 0.25),
    Stage("mbconv", 3, 2, 6, 256, 15, 0.25),
)
HEAD_CHANNELS = 1280
# In the order of the logits; empty: unknown.
CLASS_NAMES: tuple[str, ...] = ()
# How an image becomes pixels, for predict.py; empty: unknown.
PREPROCESSING: dict[str, Any] = {}
# The network's parts.

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "silu": nn.SiLU,
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "hardswish": nn.Hardswish,
    "gelu": nn.GELU,
    "mish": nn.Mish,
}


class Block(NamedTuple):
    """A layer, as an operator builds it."""

    kernel: int
    stride: int
    in_channels: int
    hidden_channels: int
    out_channels: int
    squeeze_channels: int  # 0: no squeeze-and-excitation
    activation: str

    @property
    def is_residual(self) -> bool:
        """Whether the layer adds its input to its output."""
        return self.stride == 1 and self.in_channels == self.out_channels


def convolution(
    in_channels: int,
    out_channels: int,
    kernel: int,
    stride: int = 1,
    groups: int = 1,
) -> list[nn.Module]:
    """Return a convolution without bias, and its batch normalisation."""
    padding = kernel // 2
    sizes = (in_channels, out_channels, kernel, stride, padding)
    return [
        nn.Conv2d(*sizes, groups=groups, bias=False),
        nn.BatchNorm2d(out_channels, eps=1e-3, momentum=0.01),
    ]


def activation(name: str) -> nn.Module:
    """Return a new activation."""
    return ACTIVATIONS[name]()


class SqueezeExcitation(nn.Module):
    """Scales each channel by a factor from the whole image (arXiv 1709.01507)."""

    def __init__(self, channels: int, squeeze_channels: int, name: str) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, squeeze_channels, 1)
        self.activation = activation(name)
        self.expand = nn.Conv2d(squeeze_channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        scale = x.mean((2, 3), keepdim=True)  # (N, C, H, W) -> (N, C, 1, 1)
        scale = self.expand(self.activation(self.reduce(scale)))
        return x * torch.sigmoid(scale)


def squeeze_excitation(block: Block, channels: int) -> list[nn.Module]:
    """Return the block's squeeze-and-excitation, or nothing."""
    if not block.squeeze_channels:
        return []
    return [SqueezeExcitation(channels, block.squeeze_channels, block.activation)]


def inverted_bottleneck(block: Block, kernel: int) -> nn.Sequential:
    """1x1 expansion, depthwise convolution, squeeze-and-excitation, 1x1 projection."""
    layers: list[nn.Module] = []
    hidden = block.hidden_channels
    if hidden != block.in_channels:
        layers += convolution(block.in_channels, hidden, 1)
        layers.append(activation(block.activation))
    layers += convolution(hidden, hidden, kernel, block.stride, groups=hidden)
    layers += [activation(block.activation), *squeeze_excitation(block, hidden)]
    return nn.Sequential(*layers, *convolution(hidden, block.out_channels, 1))


def mbconv(block: Block) -> nn.Sequential:
    """An inverted bottleneck with the stage's kernel."""
    return inverted_bottleneck(block, block.kernel)


def fused_mbconv(block: Block) -> nn.Sequential:
    """MBConv with expansion and depthwise convolution fused into one full convolution.

    At expansion 1 there is no projection, which would have the same width.
    """
    expands = block.hidden_channels != block.in_channels
    hidden = block.hidden_channels if expands else block.out_channels
    layers = convolution(block.in_channels, hidden, block.kernel, block.stride)
    layers += [activation(block.activation), *squeeze_excitation(block, hidden)]
    if expands:
        layers += convolution(hidden, block.out_channels, 1)
    return nn.Sequential(*layers)


OPERATORS: dict[str, Callable[[Block], nn.Module]] = {
    "mbconv": mbconv,
    "fused_mbconv": fused_mbconv,
}


class Residual(nn.Module):
    """A residual connection, ``x + body(x)``, with stochastic depth (arXiv 1603.09382).

    In training, the body is kept with probability ``survival`` for each image.
    """

    def __init__(self, body: nn.Module, survival: float) -> None:
        super().__init__()
        self.body = body
        self.survival = survival

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.body(x)
        if self.training and self.survival < 1:
            kept = x.new_empty(len(x), 1, 1, 1).bernoulli_(self.survival)
            y = y * kept.div_(self.survival)
        return x + y


class Network(nn.Module):
    """Stem, blocks, head, classifier: images (N, IMAGE_CHANNELS, H, W) to logits."""

    def __init__(
        self,
        classes: int = CLASSES,
        dropout: float = 0.2,
        survival: float = 0.8,
    ) -> None:
        super().__init__()
        stem = convolution(IMAGE_CHANNELS, STEM_CHANNELS, 3, STEM_STRIDE)
        self.stem = nn.Sequential(*stem, nn.SiLU())
        self.blocks = nn.Sequential(*blocks(survival))
        head = convolution(STAGES[-1].channels, HEAD_CHANNELS, 1)
        self.head = nn.Sequential(*head, nn.SiLU())
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(HEAD_CHANNELS, classes)
        self.apply(initialize)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(self.stem(x))  # (N, IMAGE_CHANNELS, H, W) -> (N, C, h, w)
        x = self.head(x).mean((2, 3))  # -> (N, HEAD_CHANNELS)
        logits: Tensor = self.classifier(self.dropout(x))
        return logits

    def features(self, x: Tensor) -> list[Tensor]:
        """Return the map after each stage, for detection and segmentation."""
        x, maps, end = self.stem(x), [], 0
        for stage in STAGES:
            end += stage.layers
            x = self.blocks[end - stage.layers : end](x)
            maps.append(x)
        return maps


def blocks(survival: float) -> list[nn.Module]:
    """Return all layers; layer i of n survives with 1 - (1 - survival) * i / n."""
    rows = [(stage, layer) for stage in STAGES for layer in range(stage.layers)]
    modules: list[nn.Module] = []
    in_channels = STEM_CHANNELS
    for i, (stage, layer) in enumerate(rows):
        squeeze_channels = max(1, int(stage.se_ratio * in_channels))
        block = Block(
            kernel=stage.kernel,
            stride=stage.stride if layer == 0 else 1,
            in_channels=in_channels,
            hidden_channels=in_channels * stage.expansion,
            out_channels=stage.channels,
            squeeze_channels=squeeze_channels if stage.se_ratio else 0,
            activation=stage.activation,
        )
        body: nn.Module = OPERATORS[stage.operator](block)
        if block.is_residual:
            body = Residual(body, 1 - (1 - survival) * i / len(rows))
        modules.append(body)
        in_channels = stage.channels
    return modules


def initialize(module: nn.Module) -> None:
    """Initialize as published: normal convolutions, a uniform classifier."""
    if isinstance(module, nn.Conv2d):
        outputs = module.out_channels // module.groups * module.kernel_size[0] ** 2
        nn.init.normal_(module.weight, 0, math.sqrt(2 / outputs))
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Linear):
        bound = 1 / math.sqrt(module.out_features)
        nn.init.uniform_(module.weight, -bound, bound)
        nn.init.zeros_(module.bias)


def build(
    classes: int = CLASSES,
    dropout: float = 0.2,
    survival: float = 0.8,
) -> Network:
    """Build the network with random weights; ``load_state_dict`` loads trained ones."""
    return Network(classes, dropout, survival)


if __name__ == "__main__":
    network = build().eval()
    count = sum(parameter.numel() for parameter in network.parameters())
    images = torch.zeros(1, IMAGE_CHANNELS, IMAGE_SIZE, IMAGE_SIZE)
    logits = network(images)
    print(f"{NAME}: {count:,} parameters")  # noqa: T201
    print(f"images {tuple(images.shape)} -> logits {tuple(logits.shape)}")  # noqa: T201
