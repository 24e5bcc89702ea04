"""torchvision's names, by complete lists that follow from its constructors' arguments, and by
outputs where torchvision is at hand (``pip install --no-deps torchvision`` is enough)."""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch

from nas.weights import (
    TORCHVISION_NETWORKS,
    Model,
    NotInTorchvision,
    from_torchvision,
    name_in_torchvision,
    to_torchvision,
    torchvision_names,
)
from search_space.network import Network
from search_space.published import PUBLISHED, published
from tests.nas.export.models import images, published_model

pytestmark = pytest.mark.usefixtures("_one_thread")

Shapes = list[tuple[str, tuple[int, ...]]]

# As in torchvision 0.29: fused?, expand_ratio, kernel, input_channels, out_channels, num_layers.
V1 = (
    (False, 1, 3, 32, 16, 1),
    (False, 6, 3, 16, 24, 2),
    (False, 6, 5, 24, 40, 2),
    (False, 6, 3, 40, 80, 3),
    (False, 6, 5, 80, 112, 3),
    (False, 6, 5, 112, 192, 4),
    (False, 6, 3, 192, 320, 1),
)
V2 = {
    "efficientnetv2-s": (
        (True, 1, 3, 24, 24, 2),
        (True, 4, 3, 24, 48, 4),
        (True, 4, 3, 48, 64, 4),
        (False, 4, 3, 64, 128, 6),
        (False, 6, 3, 128, 160, 9),
        (False, 6, 3, 160, 256, 15),
    ),
    "efficientnetv2-m": (
        (True, 1, 3, 24, 24, 3),
        (True, 4, 3, 24, 48, 5),
        (True, 4, 3, 48, 80, 5),
        (False, 4, 3, 80, 160, 7),
        (False, 6, 3, 160, 176, 14),
        (False, 6, 3, 176, 304, 18),
        (False, 6, 3, 304, 512, 5),
    ),
    "efficientnetv2-l": (
        (True, 1, 3, 32, 32, 4),
        (True, 4, 3, 32, 64, 7),
        (True, 4, 3, 64, 96, 7),
        (False, 4, 3, 96, 192, 10),
        (False, 6, 3, 192, 224, 19),
        (False, 6, 3, 224, 384, 25),
        (False, 6, 3, 384, 640, 7),
    ),
}
# width_mult, depth_mult
V1_MULTIPLIERS = (
    (1, 1),
    (1, 1.1),
    (1.1, 1.2),
    (1.2, 1.4),
    (1.4, 1.8),
    (1.6, 2.2),
    (1.8, 2.6),
    (2, 3.1),
)
# ``num_params`` of its weights' metadata
PARAMETERS = {
    "efficientnet-b0": 5_288_548,
    "efficientnet-b1": 7_794_184,
    "efficientnet-b2": 9_109_994,
    "efficientnet-b3": 12_233_232,
    "efficientnet-b4": 19_341_616,
    "efficientnet-b5": 30_389_784,
    "efficientnet-b6": 43_040_704,
    "efficientnet-b7": 66_347_960,
    "efficientnetv2-s": 21_458_488,
    "efficientnetv2-m": 54_139_356,
    "efficientnetv2-l": 118_515_272,
}


def _rows(name: str) -> tuple[tuple[tuple[bool, int, int, int, int, int], ...], int]:
    """torchvision's settings, and the channels of its head."""
    if name in V2:
        return V2[name], 1280
    width, depth = V1_MULTIPLIERS[int(name[-1])]
    rows = tuple(
        (fused, expand, kernel, _by_8(i * width), _by_8(o * width), math.ceil(n * depth))
        for fused, expand, kernel, i, o, n in V1
    )
    return rows, 4 * rows[-1][4]


def _by_8(channels: float) -> int:
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * channels else rounded + 8


def _expected(name: str) -> Shapes:
    rows, head = _rows(name)
    found = list(_unit("features.0", 3, rows[0][3], 3))
    for stage, (fused, expand, kernel, first, out, layers) in enumerate(rows, 1):
        for layer in range(layers):
            channels = first if layer == 0 else out
            units = _fused if fused else _mbconv
            found += units(f"features.{stage}.{layer}.block", expand, kernel, channels, out)
    found += _unit(f"features.{len(rows) + 1}", rows[-1][4], head, 1)
    return [*found, ("classifier.1.weight", (1000, head)), ("classifier.1.bias", (1000,))]


def _unit(
    prefix: str, channels: int, out: int, kernel: int
) -> Iterator[tuple[str, tuple[int, ...]]]:
    """A convolution and its batch normalisation; ``channels`` are those of a group."""
    yield f"{prefix}.0.weight", (out, channels, kernel, kernel)
    for tensor in ("weight", "bias", "running_mean", "running_var"):
        yield f"{prefix}.1.{tensor}", (out,)
    yield f"{prefix}.1.num_batches_tracked", ()


def _fused(prefix: str, expand: int, kernel: int, channels: int, out: int) -> Shapes:
    if expand == 1:
        return list(_unit(f"{prefix}.0", channels, out, kernel))
    hidden = expand * channels
    return [*_unit(f"{prefix}.0", channels, hidden, kernel), *_unit(f"{prefix}.1", hidden, out, 1)]


def _mbconv(prefix: str, expand: int, kernel: int, channels: int, out: int) -> Shapes:
    hidden, squeeze = expand * channels, max(1, channels // 4)
    found: Shapes = []
    if expand > 1:
        found += _unit(f"{prefix}.0", channels, hidden, 1)
    i = int(expand > 1)
    found += _unit(f"{prefix}.{i}", 1, hidden, kernel)
    found += [
        (f"{prefix}.{i + 1}.fc1.weight", (squeeze, hidden, 1, 1)),
        (f"{prefix}.{i + 1}.fc1.bias", (squeeze,)),
        (f"{prefix}.{i + 1}.fc2.weight", (hidden, squeeze, 1, 1)),
        (f"{prefix}.{i + 1}.fc2.bias", (hidden,)),
    ]
    return [*found, *_unit(f"{prefix}.{i + 2}", hidden, out, 1)]


@pytest.mark.parametrize("name", TORCHVISION_NETWORKS)
def test_names_and_shapes_are_torchvisions_in_its_order(name: str) -> None:
    with torch.device("meta"):
        network = Network(published(name).architecture)
    shapes = {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
    renamed = [(theirs, shapes[ours]) for ours, theirs in torchvision_names(name).items()]
    assert renamed == _expected(name)
    buffers = ("running_mean", "running_var", "num_batches_tracked")
    counted = (math.prod(shape) for key, shape in renamed if not key.endswith(buffers))
    assert sum(counted) == PARAMETERS[name]


@pytest.mark.parametrize("name", sorted(set(PUBLISHED) - set(TORCHVISION_NETWORKS)))
def test_a_network_that_torchvision_has_not_is_refused(name: str) -> None:
    with pytest.raises(NotInTorchvision, match="efficientnetv2-l"):
        name_in_torchvision(published(name).architecture)


def test_a_network_is_known_by_what_it_is_not_by_its_name() -> None:
    architecture = published("efficientnetv2-s").architecture
    assert name_in_torchvision(architecture) == "efficientnetv2-s"
    with pytest.raises(NotInTorchvision):
        name_in_torchvision(replace(architecture, stem_channels=32))


@pytest.fixture(scope="module")
def v2_s() -> Model:
    return published_model("efficientnetv2-s")


def test_there_and_back_is_the_same_to_the_bit(v2_s: Model) -> None:
    network = v2_s.file.architecture
    back = from_torchvision(network, to_torchvision(network, v2_s.weights))
    assert list(back) == list(v2_s.weights)
    assert all(torch.equal(back[key], v2_s.weights[key]) for key in back)


def test_another_epsilon_is_in_the_weights_of_batch_normalisation() -> None:
    """torchvision's B0 has 1e-5, ours 1e-3: weight / sqrt(var + eps) is the same in both."""
    model = published_model("efficientnet-b0", 32)
    theirs = to_torchvision(model.file.architecture, model.weights)
    ours, variance = model.weights["stem.1.weight"], model.weights["stem.1.running_var"]
    assert torch.equal(theirs["features.0.1.running_var"], variance)
    found = theirs["features.0.1.weight"] / (variance + 1e-5).sqrt()
    torch.testing.assert_close(found, ours / (variance + 1e-3).sqrt())
    assert not torch.allclose(theirs["features.0.1.weight"], ours, rtol=1e-6)
    back = from_torchvision(model.file.architecture, theirs)
    torch.testing.assert_close(back, dict(model.weights), rtol=1e-6, atol=0)


@pytest.fixture(scope="module")
def torchvision_models() -> Any:
    """torchvision.models, whether or not its C++ operators load beside this torch: a network of
    this family calls none of them, but they must be declared to import the package."""
    if importlib.util.find_spec("torchvision") is None:
        pytest.skip("torchvision is not installed")
    for name in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, name):
            arguments = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
            torch.library.define(f"torchvision::{name}", arguments)
    return importlib.import_module("torchvision.models")


@pytest.mark.parametrize("name", ["efficientnet-b0", "efficientnet-b5", "efficientnetv2-s"])
def test_torchvisions_network_gives_the_same_logits(name: str, torchvision_models: Any) -> None:
    _same_logits(name, torchvision_models)


@pytest.mark.slow
@pytest.mark.parametrize("name", TORCHVISION_NETWORKS)
def test_every_one_does(name: str, torchvision_models: Any) -> None:
    _same_logits(name, torchvision_models)


def _same_logits(name: str, torchvision_models: Any) -> None:
    model = published_model(name)
    theirs = getattr(torchvision_models, TORCHVISION_NETWORKS[name][0])().eval()
    theirs.load_state_dict(to_torchvision(model.file.architecture, model.weights))
    x = images(model)
    with torch.inference_mode():
        logits = model.build()(x)
        torch.testing.assert_close(theirs(x), logits, rtol=0, atol=float(1e-4 * logits.abs().max()))
