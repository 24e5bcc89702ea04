"""Weights by torchvision's names, for the networks that both have.

As in torchvision/models/efficientnet.py (0.29): ``features.0`` is the stem, ``features.1`` to the
last but one the stages, ``features.<stage>.<layer>.block.<unit>`` a convolution with its batch
normalisation or a squeeze-and-excitation, the last of ``features`` the head.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from search_space.architecture import Architecture
from search_space.network import Network, StochasticDepth
from search_space.operators import NORM_EPS, SqueezeExcitation
from search_space.published import published

NETWORKS: Mapping[str, tuple[str, float]] = {
    **{f"efficientnet-b{i}": (f"efficientnet_b{i}", 1e-5 if i < 5 else 1e-3) for i in range(8)},
    "efficientnetv2-s": ("efficientnet_v2_s", 1e-3),
    "efficientnetv2-m": ("efficientnet_v2_m", 1e-3),
    "efficientnetv2-l": ("efficientnet_v2_l", 1e-3),
}
"""By published name: torchvision's function, and the epsilon of its batch normalisations."""


class NotInTorchvision(ValueError):
    """An architecture that torchvision has no function for; the message is one line."""


def name_in_torchvision(architecture: Architecture) -> str:
    """The key of :data:`NETWORKS` that builds the same network.

    Raises:
        NotInTorchvision: there is none.
    """
    for name in NETWORKS:
        if published(name).architecture.architecture_id == architecture.architecture_id:
            return name
    raise NotInTorchvision(f"a network that torchvision has, one of {', '.join(NETWORKS)}")


def to_torchvision(architecture: Architecture, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Our weights by torchvision's names, such that its network infers as ours does.

    Raises:
        NotInTorchvision: it has no such network.
    """
    name = name_in_torchvision(architecture)
    renamed = {theirs: weights[ours] for ours, theirs in keys(name).items() if ours in weights}
    return _with_eps(renamed, NORM_EPS, NETWORKS[name][1])


def from_torchvision(
    architecture: Architecture, weights: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """The inverse of :func:`to_torchvision`; a name that it does not know stays as it is.

    Raises:
        NotInTorchvision: it has no such network.
    """
    name = name_in_torchvision(architecture)
    ours = {theirs: our for our, theirs in keys(name).items()}
    renamed = {ours.get(key, key): value for key, value in weights.items()}
    return _with_eps(renamed, NETWORKS[name][1], NORM_EPS)


def keys(name: str) -> dict[str, str]:
    """Every name of our state dict, with torchvision's for it, in our order."""
    architecture = published(name).architecture
    with torch.device("meta"):
        network = Network(architecture)
    modules = dict(_modules(architecture, network))
    return {key: _renamed(key, modules) for key in network.state_dict()}


def _renamed(key: str, modules: Mapping[str, str]) -> str:
    module, _, tensor = key.rpartition(".")
    return f"{modules[module]}.{tensor}"


def _modules(architecture: Architecture, network: Network) -> Iterator[tuple[str, str]]:
    """Names of modules that have weights, ours and torchvision's."""
    places = [
        f"{stage}.{layer}"
        for stage, own in enumerate(architecture.stages, 1)
        for layer in range(own.layers)
    ]
    head = len(architecture.stages) + 1
    for ours, theirs in (("stem", 0), ("head", head)):
        for i in (0, 1):
            yield f"{ours}.{i}", f"features.{theirs}.{i}"
    yield "classifier", "classifier.1"
    for i, (block, place) in enumerate(zip(network.blocks, places, strict=True)):
        prefix = f"blocks.{i}.body" if isinstance(block, StochasticDepth) else f"blocks.{i}"
        body = network.get_submodule(prefix)
        yield from _block(body, prefix, f"features.{place}.block")


def _block(body: nn.Module, ours: str, theirs: str) -> Iterator[tuple[str, str]]:
    """A convolution begins a unit, as a squeeze-and-excitation does."""
    unit = -1
    for name, module in body.named_children():
        unit += isinstance(module, nn.Conv2d | SqueezeExcitation)
        if isinstance(module, SqueezeExcitation):
            yield f"{ours}.{name}.reduce", f"{theirs}.{unit}.fc1"
            yield f"{ours}.{name}.expand", f"{theirs}.{unit}.fc2"
        elif isinstance(module, nn.Conv2d | nn.BatchNorm2d):
            yield f"{ours}.{name}", f"{theirs}.{unit}.{int(isinstance(module, nn.BatchNorm2d))}"


def _with_eps(weights: Mapping[str, Tensor], old: float, new: float) -> dict[str, Tensor]:
    """The same batch normalisations, written for another epsilon.

    ``weight / sqrt(running_var + eps)`` stays what it was.
    """
    changed = dict(weights)
    for key, variance in weights.items():
        scale = key.removesuffix("running_var") + "weight"
        if old == new or not key.endswith(".running_var") or scale not in weights:
            continue
        wide = variance.double()
        factor = ((wide + new) / (wide + old)).sqrt()
        changed[scale] = (weights[scale].double() * factor).to(weights[scale].dtype)
    return changed
