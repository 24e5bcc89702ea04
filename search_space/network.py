"""Build the torch module that an Architecture describes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from search_space.architecture import Architecture, Block
from search_space.modules import activation, convolution
from search_space.named import lookup_function
from search_space.operators import OPERATORS, Operator, find_operator


class StochasticDepth(nn.Module):
    """A residual block, ``x + body(x)``, with stochastic depth (arXiv 1603.09382).

    In training, ``body`` is dropped for each image with probability 1 - ``survival``.
    """

    def __init__(self, body: nn.Module, survival: float) -> None:
        super().__init__()
        self.body = body
        self.survival = survival

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.body(x)
        if self.training and self.survival < 1:
            kept = torch.empty(len(x), 1, 1, 1, device=x.device, dtype=x.dtype)
            y = y * kept.bernoulli_(self.survival).div_(self.survival)
        return x + y


class FeatureMap(NamedTuple):
    """The map after a stage: (N, ``channels``, H / ``stride``, W / ``stride``).

    ``stage`` counts from 1. ``is_last`` says whether it is the last map of its stride, which a
    feature pyramid takes.
    """

    stage: int
    channels: int
    stride: int
    is_last: bool


class Network(nn.Module):
    """The network of an architecture: stem, blocks, head, classifier.

    It maps images (N, in_channels, H, W) to logits (N, classes), for any H and W. Stem and head
    have SiLU; each stage has its own activation. As a backbone for detection or segmentation,
    :meth:`features` gives the maps after the stages, which ``feature_info`` describes. A network of
    the user's own is ``whole``, and has no such maps.
    """

    def __init__(
        self,
        architecture: Architecture,
        classes: int = 1000,
        in_channels: int = 3,
        dropout: float = 0.2,
        survival: float = 0.8,
        norm_momentum: float = 0.01,
        operators: Mapping[str, Operator] = OPERATORS,
    ) -> None:
        """Build the network with new weights.

        Block i of N, counted from 0, has survival probability 1 - (1 - ``survival``) * i / N
        (EfficientNetV2, section 5.1). As in torch, ``norm_momentum`` is the new batch's weight. A
        network of the user's own keeps its own dropout and stochastic depth.

        Raises:
            ValueError: an operator of the architecture is not among ``operators``, and not the
                ``package.module:attribute`` of an imported module; or a network of the user's own
                cannot be made.
        """
        super().__init__()
        self.feature_info = _feature_info(architecture)
        self._layers = tuple(stage.layers for stage in architecture.stages)
        self.whole: nn.Module | None = None
        if architecture.network is None:
            self._build(architecture, classes, in_channels, dropout, survival, operators)
        else:
            self.whole = _own(architecture.network, classes, in_channels, operators)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = norm_momentum

    def _build(
        self,
        architecture: Architecture,
        classes: int,
        in_channels: int,
        dropout: float,
        survival: float,
        operators: Mapping[str, Operator],
    ) -> None:
        stem = architecture.stem_channels
        self.stem = nn.Sequential(
            *convolution(in_channels, stem, 3, architecture.stem_stride), activation()
        )
        blocks = tuple(architecture.blocks())
        self.blocks = nn.Sequential(
            *(
                _residual(block, 1 - (1 - survival) * i / len(blocks), operators)
                for i, block in enumerate(blocks)
            )
        )
        head = architecture.head_channels
        self.head = nn.Sequential(*convolution(blocks[-1].out_channels, head, 1), activation())
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(head, classes)
        self.apply(_initialize)

    def forward(self, x: Tensor) -> Tensor:
        if self.whole is not None:
            found: Tensor = self.whole(x)
            return found
        x = self.head(self.blocks(self.stem(x)))  # (N, in_channels, H, W) -> (N, head, h, w)
        x = x.mean((2, 3))  # -> (N, head)
        logits: Tensor = self.classifier(self.dropout(x))
        return logits

    def features(self, x: Tensor) -> list[Tensor]:
        """Return the map after each stage, in the order of ``feature_info``.

        A map is (N, channels, H / stride, W / stride), with sizes rounded up at each stride.
        """
        x, maps, end = self.stem(x), [], 0
        for layers in self._layers:
            end += layers
            x = self.blocks[end - layers : end](x)
            maps.append(x)
        return maps


def _feature_info(architecture: Architecture) -> tuple[FeatureMap, ...]:
    stride, info = architecture.stem_stride, []
    following = [stage.stride for stage in architecture.stages[1:]]
    for number, stage in enumerate(architecture.stages, 1):
        stride *= stage.stride
        is_last = number == len(architecture.stages) or following[number - 1] > 1
        info.append(FeatureMap(number, stage.channels, stride, is_last))
    return tuple(info)


def _own(reference: str, classes: int, in_channels: int, operators: Mapping[str, Any]) -> nn.Module:
    """Make a network of the user's own, by a function among ``operators`` or a looked-up one.

    Raises:
        ValueError: there is no such function, or it failed; the message is one line.
        RuntimeError: torch refused something, perhaps on the meta device alone.
    """
    make = operators.get(reference)
    try:
        make = make or lookup_function(reference)
    except ValueError as error:
        raise type(error)(f"network: {error}") from None
    given = {"num_classes": classes, **({} if in_channels == 3 else {"in_chans": in_channels})}
    try:
        network = make(**given)
    except RuntimeError:
        raise
    except Exception as error:  # of any type, as it is the user's function
        text = " ".join(str(error).split())[:200]
        called = ", ".join(f"{name}={value}" for name, value in given.items())
        raise ValueError(
            f"network: {reference}({called}): {type(error).__name__}: {text}"
        ) from error
    if not isinstance(network, nn.Module):
        raise ValueError(
            f"network: {reference}: got a {type(network).__name__}, must return a torch.nn.Module"
        )
    return network


def _residual(block: Block, survival: float, operators: Mapping[str, Operator]) -> nn.Module:
    body = find_operator(block.operator, operators)(block)
    return StochasticDepth(body, survival) if block.is_residual else body


def _initialize(module: nn.Module) -> None:
    """Draw a module's weights as in EfficientNet's public code.

    Convolutions are normal with variance 2 / (k * k * outputs per group), where a depthwise
    convolution has one output per group. The classifier is uniform within +-1 / sqrt(classes).
    """
    if isinstance(module, nn.Conv2d):
        outputs = module.out_channels // module.groups * module.kernel_size[0] ** 2
        nn.init.normal_(module.weight, 0, math.sqrt(2 / outputs))
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Linear):
        bound = 1 / math.sqrt(module.out_features)
        nn.init.uniform_(module.weight, -bound, bound)
        nn.init.zeros_(module.bias)
