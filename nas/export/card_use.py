"""The Python code of a model card that runs the network, by the form of its file."""

from __future__ import annotations

from pathlib import PurePath

from nas.preprocessing import Preprocessing
from nas.weights import TORCHVISION_NETWORKS, Model


def onnx_code(model: Model, name: str, preprocessing: Preprocessing | None) -> str:
    """Return the code for the ONNX file ``name``."""
    image = _image(model)
    if preprocessing and preprocessing.is_in_graph:
        image = f"(N, {model.file.task.in_channels}, H, W) uint8"
    lines = (
        "import onnxruntime",
        "",
        f'session = onnxruntime.InferenceSession("{name}")',
        f'(logits,) = session.run(None, {{"images": images}})  # {image} -> {_logits(model)}',
    )
    return "\n".join(lines)


def weights_code(model: Model, name: str) -> str:
    """Return the code for the file ``name`` of weights by our names."""
    stem = PurePath(name).stem
    module = stem if stem.isidentifier() else "model"
    first = f"from {module} import build  # {module}.py: nas export SOURCE --to {module}.py"
    return _loading(model, name, first, "build()")


def torchvision_code(model: Model, name: str, published_name: str) -> str:
    """Return the code for the file ``name`` of weights by torchvision's names.

    ``published_name`` is the network's key in :data:`TORCHVISION_NETWORKS`.
    """
    function = TORCHVISION_NETWORKS[published_name][0]
    first = f"from torchvision.models import {function}"
    return _loading(model, name, first, f"{function}(num_classes={model.file.task.classes})")


def timm_code(model: Model, name: str) -> str:
    """Return the code for the file ``name`` of weights by timm's names."""
    module = PurePath(name).stem
    if not name.endswith(".safetensors"):
        return _loading(model, name, f"from {module} import build", "build()")
    lines = (
        "import timm",
        f"import {module}  # registers the network",
        "",
        f'network = timm.create_model("{module}", pretrained=True).eval()',
        f"logits = network(images)  # {_image(model)} -> {_logits(model)}",
        f'backbone = timm.create_model("{module}", pretrained=True, features_only=True)',
        "maps = backbone(images)  # for detection and segmentation",
    )
    return "\n".join(lines)


def _loading(model: Model, name: str, first: str, built: str) -> str:
    """Return the code that builds a network and loads weights into it."""
    if name.endswith(".safetensors"):
        imported, weights = "from safetensors.torch import load_file", f'load_file("{name}")'
    else:
        imported, weights = "import torch", f'torch.load("{name}", weights_only=True)'
    lines = (
        first,
        imported,
        "",
        f"network = {built}.eval()",
        f"network.load_state_dict({weights})",
        f"logits = network(images)  # {_image(model)} -> {_logits(model)}",
    )
    return "\n".join(lines)


def _image(model: Model) -> str:
    size = model.file.eval_size
    return f"(N, {model.file.task.in_channels}, {size}, {size})"


def _logits(model: Model) -> str:
    return f"(N, {model.file.task.classes})"
