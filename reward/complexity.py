"""Count the parameters and the multiply-adds of a network, without memory for its weights."""

from __future__ import annotations

import copy
import logging
from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from search_space.architecture import Architecture
from search_space.network import Network
from search_space.task import Task


@dataclass(frozen=True)
class Complexity:
    """Trainable parameters, and multiply-adds of one image's forward pass."""

    parameters: int
    multiply_adds: int


def architecture_complexity(architecture: Architecture, task: Task, image_size: int) -> Complexity:
    """Count the network of an architecture as :func:`complexity` does.

    Raises:
        ValueError: the architecture has an unknown operator.
    """
    return complexity(_build(architecture, task), task.in_channels, image_size)


def count_parameters(architecture: Architecture, task: Task) -> int:
    """Count the trainable parameters of the network of an architecture.

    Raises:
        ValueError: the architecture has an unknown operator.
    """
    return _trainable(_build(architecture, task))


def complexity(network: nn.Module, channels: int, image_size: int) -> Complexity:
    """Count trainable parameters, and the multiply-adds of one image.

    The image has the shape (channels, image_size, image_size). Multiply-adds are those of
    convolutions and matrix products, as in EfficientNet's Table 2 and torchvision's tables.
    Normalisation, activations, additions, elementwise products and means are left out on purpose:
    batch normalisation becomes part of the convolution before it in a deployed network. Earlier
    releases counted it, as fvcore does; :mod:`results.multiply_adds` converts their counts.

    The network is left as it was. A copy of it runs on torch's meta device, which computes shapes
    only. A network that needs values, or has an operator without a rule for shapes, is traced on
    the CPU by fvcore instead, which cannot trace on the meta device. The two agree on the operators
    above.
    """
    try:
        multiply_adds = _count_on_meta(network, channels, image_size)
    except (RuntimeError, TypeError):
        multiply_adds = _count_by_fvcore(network, channels, image_size)
    return Complexity(_trainable(network), multiply_adds)


def _build(architecture: Architecture, task: Task) -> Network:
    """Build the network on the meta device, unless an operator's constructor reads values."""
    try:
        with torch.device("meta"):
            return Network(architecture, task.classes, task.in_channels)
    except RuntimeError:
        return Network(architecture, task.classes, task.in_channels)


def _trainable(network: nn.Module) -> int:
    return sum(weights.numel() for weights in network.parameters() if weights.requires_grad)


def _count_on_meta(network: nn.Module, channels: int, image_size: int) -> int:
    duplicate = _copy(network, "meta").eval()
    images = torch.zeros(1, channels, image_size, image_size, device="meta")
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        duplicate(images)
    operations: int = counter.get_total_flops()
    return operations // 2  # A multiply-add is two operations.


def _count_by_fvcore(network: nn.Module, channels: int, image_size: int) -> int:
    from fvcore.nn import FlopCountAnalysis  # half a second, and rarely needed
    from fvcore.nn.jit_handles import elementwise_flop_counter

    logging.getLogger("fvcore.nn.jit_analysis").setLevel(logging.ERROR)
    images = torch.zeros(1, channels, image_size, image_size)
    counter = FlopCountAnalysis(_copy(network, "cpu").eval(), images)
    counter.set_op_handle(**dict.fromkeys(_NOT_COUNTED, elementwise_flop_counter(0, 0)))
    counter.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    counter.tracer_warnings("none")
    return int(counter.total())


def _copy(network: nn.Module, device: str) -> nn.Module:
    """Copy a network to a device. On the meta device the copy's weights take no memory."""
    weights = chain(network.parameters(), network.buffers())
    # For an object in its memo, deepcopy uses the memo's entry instead of copying the object.
    return copy.deepcopy(network, {id(tensor): _moved(tensor, device) for tensor in weights})


def _moved(tensor: Tensor, device: str) -> Tensor:
    if tensor.is_meta:  # It has no values to copy.
        return torch.zeros_like(tensor, device=device)
    return tensor.detach().to(device, copy=True)


# Operators that fvcore counts and the papers do not.
_NOT_COUNTED = (
    "aten::adaptive_avg_pool2d",
    "aten::batch_norm",
    "aten::grid_sampler",
    "aten::group_norm",
    "aten::instance_norm",
    "aten::layer_norm",
    "aten::upsample_bilinear2d",
    "aten::upsample_nearest2d",
)
