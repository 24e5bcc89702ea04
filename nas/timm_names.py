"""A network as timm writes it: strings for its blocks, and the names of its weights.

timm's networks without ``tf_`` in their name pad as torch does, which is as ours do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby

import torch
from torch import Tensor, nn

from search_space.architecture import Architecture, Block
from search_space.modules import SqueezeExcitation
from search_space.more_operators import mbconv_k7
from search_space.network import Network, StochasticDepth
from search_space.operators import OPERATORS, fused_mbconv, mbconv

_DIVISOR = 8  # timm rounds the channels within a block to multiples of it
_ACTIVATIONS = {"silu": "", "relu": "_nre", "relu6": "_nr6", "hardswish": "_nhs", "mish": "_nmi"}
# By kind of block: the names of its convolutions, in their order. Those of the batch normalisations
# are bn1, bn2 and so on.
_CONVOLUTIONS = {
    "ir": ("conv_pw", "conv_dw", "conv_pwl"),
    "ds": ("conv_dw", "conv_pw"),
    "er": ("conv_exp", "conv_pwl"),
    "cn": ("conv",),
}


class NotInTimm(ValueError):
    """A network that timm's blocks cannot form; the message completes "has ..."."""


def block_strings(architecture: Architecture) -> list[list[str]]:
    """Return timm's strings for the blocks of each stage, such as ``ir_r2_k3_s2_e4_c64_se0.25``.

    A stage has several where its first layer differs from the others in more than the stride.

    Raises:
        NotInTimm: a layer is none that timm has.
    """
    if architecture.stem_stride > 2:
        raise NotInTimm(f"a stem of stride {architecture.stem_stride}, must be 1 or 2")
    blocks, stages = architecture.blocks(), []
    for stage in architecture.stages:
        texts = [_layer(next(blocks), stage.se_ratio, stage.expansion) for _ in range(stage.layers)]
        groups = [(text, len(list(equal))) for text, equal in groupby(texts)]
        strides = [stage.stride, *[1] * len(groups)]
        stages.append(
            [
                text.format(layers=layers, stride=stride)
                for (text, layers), stride in zip(groups, strides, strict=False)
            ]
        )
    return stages


def to_timm(architecture: Architecture, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename our weights to timm's names; its network then gives the same logits as ours.

    Raises:
        NotInTimm: a layer is none that timm has.
    """
    names = timm_names(architecture)
    return {names[key]: tensor for key, tensor in weights.items()}


def from_timm(architecture: Architecture, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename timm's weights to our names, the inverse of :func:`to_timm`; others are kept.

    Raises:
        NotInTimm: a layer is none that timm has.
    """
    our_names = {theirs: ours for ours, theirs in timm_names(architecture).items()}
    return {our_names.get(key, key): tensor for key, tensor in weights.items()}


def timm_names(architecture: Architecture) -> dict[str, str]:
    """Map every name in our state dict to timm's, in our order.

    Raises:
        NotInTimm: a layer is none that timm has.
    """
    block_strings(architecture)
    with torch.device("meta"):
        network = Network(architecture)
    modules = {
        "stem.0": "conv_stem",
        "stem.1": "bn1",
        "head.0": "conv_head",
        "head.1": "bn2",
        "classifier": "classifier",
        **dict(_module_names(architecture, network)),
    }
    names = {}
    for key in network.state_dict():
        module, _, tensor = key.rpartition(".")
        names[key] = f"{modules[module]}.{tensor}"
    return names


def _layer(block: Block, se_ratio: float, expansion: int) -> str:
    """Return the string of a layer, with the fields ``layers`` and ``stride`` still to fill in."""
    kind, kernel = _kind(block), 7 if OPERATORS[block.operator] is mbconv_k7 else block.kernel
    if block.stride > 2:
        raise NotInTimm(f"a layer of stride {block.stride}, must be 1 or 2")
    if expansion > 1 and block.hidden_channels % _DIVISOR:
        raise NotInTimm(
            f"a layer with {block.hidden_channels} channels within, must be a multiple of "
            f"{_DIVISOR}"
        )
    if block.activation not in _ACTIVATIONS:
        raise NotInTimm(
            f"the activation {block.activation}, must be one of {', '.join(_ACTIVATIONS)}"
        )
    squeeze = _squeeze(block, se_ratio, expansion) if block.squeeze_channels else ""
    end = f"{squeeze}{_ACTIVATIONS[block.activation]}{'_skip' if kind == 'cn' else ''}"
    text = f"{kind}_r{{layers}}_k{kernel}_s{{stride}}_e{expansion}_c{block.out_channels}"
    return text + end


def _kind(block: Block) -> str:
    """Return timm's name of the kind of block: ir, ds, er or cn.

    Raises:
        NotInTimm: it has no such kind.
    """
    operator = OPERATORS.get(block.operator)
    expands = block.hidden_channels != block.in_channels
    if operator in (mbconv, mbconv_k7):
        return "ir" if expands else "ds"
    if operator is not fused_mbconv:
        raise NotInTimm(f"the operator {block.operator!r}, must be mbconv or fused_mbconv")
    if not expands and block.squeeze_channels:
        raise NotInTimm("squeeze-and-excitation in fused_mbconv of expansion 1")
    return "er" if expands else "cn"


def _squeeze(block: Block, se_ratio: float, expansion: int) -> str:
    """Return the part of a string for squeeze-and-excitation, such as ``_se0.25``.

    The ratio is ours unless timm, which rounds another way, would have other channels by it.
    """
    exact = block.squeeze_channels / block.in_channels
    for ratio in (f"{se_ratio:g}", f"{exact:.6g}"):
        if round(block.hidden_channels * (float(ratio) / expansion)) == block.squeeze_channels:
            return f"_se{ratio}"
    raise NotInTimm(f"squeeze-and-excitation with {block.squeeze_channels} channels")


def _module_names(architecture: Architecture, network: Network) -> Iterator[tuple[str, str]]:
    """Yield our name and timm's name of every module of the blocks that has weights."""
    places = [
        f"blocks.{number}.{layer}"
        for number, stage in enumerate(architecture.stages)
        for layer in range(stage.layers)
    ]
    layers = zip(architecture.blocks(), network.blocks, places, strict=True)
    for i, (block, module, place) in enumerate(layers):
        is_residual = isinstance(module, StochasticDepth)
        body = network.get_submodule(f"blocks.{i}.body" if is_residual else f"blocks.{i}")
        ours = f"blocks.{i}.body" if is_residual else f"blocks.{i}"
        for name, theirs in _block_names(body, _CONVOLUTIONS[_kind(block)]):
            yield f"{ours}.{name}", f"{place}.{theirs}"


def _block_names(body: nn.Module, convolutions: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield our name and timm's name of the modules of a block that have weights."""
    remaining, normalisations = iter(convolutions), 0
    for name, module in body.named_children():
        if isinstance(module, SqueezeExcitation):
            yield f"{name}.reduce", "se.conv_reduce"
            yield f"{name}.expand", "se.conv_expand"
        elif isinstance(module, nn.Conv2d):
            yield name, next(remaining)
        elif isinstance(module, nn.BatchNorm2d):
            normalisations += 1
            yield name, f"bn{normalisations}"
