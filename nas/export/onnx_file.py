"""Export to ONNX, with a check of onnxruntime's logits against torch's."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from nas.export.pixels import Pixels, WithPixels
from nas.export.weights_file import metadata
from nas.preprocessing import Preprocessing
from nas.weights import Model

BATCHES = (1, 3)  # the batch sizes to check; the network is traced with 2
TOLERANCE = 1e-4  # of the largest logit; 32-bit rounding adds up to some 1e-6
LAST_BIT = 2.0**-23  # relative, of a 32-bit number
ROUNDING = 2.0**-10  # of a pixel from 0 to 255, above the error of its sum in 32 bits
PROTOBUF_BYTES = 2 * 10**9  # the limit of a file; larger weights go to FILE.onnx.data


@dataclass(frozen=True)
class Difference:
    """How far onnxruntime's logits differ from torch's.

    ``error`` is the largest difference and ``logit`` the largest of torch's logits. ``jitter`` is
    how far torch's own logits move if the last bit of the images changes. It is small, unless the
    weights make the logits depend on rounding.
    """

    error: float
    logit: float
    jitter: float

    @property
    def is_rounding(self) -> bool:
        """Whether rounding explains the error; False also if a logit is not a finite number."""
        return self.error <= max(TOLERANCE * self.logit, 10 * self.jitter) < math.inf

    def __str__(self) -> str:
        return f"largest error {self.error:.1e} in logits of up to {self.logit:.1e}"


def write_onnx(path: Path, model: Model, with_preprocessing: bool = False) -> Difference:
    """Write the network as ONNX, run it, and return how its logits differ from torch's.

    The input ``images`` is (batch, channels, H, W), normalised as in training, and the output
    ``logits`` is (batch, classes). The batch size is free; H and W are the evaluation size. With
    ``with_preprocessing``, the input is uint8 pixels of any H and W, which the network cuts to
    their middle square, resizes and normalises. The metadata hold the architecture, the class
    names, and how an image becomes the input, if that is known.

    Raises:
        ValueError: with ``with_preprocessing``, it is not known.
    """
    preprocessing = model.preprocessing
    network: nn.Module = model.build()
    channels, size = model.file.task.in_channels, model.file.eval_size
    images, free = torch.zeros(2, channels, size, size), {0: torch.export.Dim("batch")}
    if with_preprocessing:
        if preprocessing is None:
            raise ValueError("how images become pixels is not known")
        preprocessing = replace(preprocessing, is_in_graph=True)
        network = WithPixels(Pixels(preprocessing), network).eval()
        images = torch.zeros(2, channels, size + 1, size + 2, dtype=torch.uint8)
        free |= {2: torch.export.Dim("height"), 3: torch.export.Dim("width")}
    with _without_exporter_warnings():
        program = torch.onnx.export(
            network,
            (images,),
            dynamo=True,
            dynamic_shapes=(free,),
            input_names=["images"],
            output_names=["logits"],
            verbose=False,
        )
    if program is None:
        raise RuntimeError("torch.onnx.export returned no program")
    _set_metadata(program.model, model, preprocessing)
    weights = sum(tensor.nbytes for tensor in model.weights.values())
    program.save(path, external_data=weights > PROTOBUF_BYTES)
    return largest_difference(path, network, (channels, size, size))


def _set_metadata(graph: Any, model: Model, preprocessing: Preprocessing | None) -> None:
    """Store what the network is, and remove the paths of this machine's source code."""
    for node in graph.graph.all_nodes():
        node.metadata_props.clear()
    graph.metadata_props.update(metadata(model, preprocessing))


def largest_difference(path: Path, network: nn.Module, size: tuple[int, ...]) -> Difference:
    """Compare the file with the network on random images of ``size`` (channels, H, W).

    A network that resizes gets images of that size and of others.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(0)
    rows = []
    for images, moved in _checks(network, size, generator):
        (logits,) = session.run(None, {"images": images.numpy()})
        with torch.inference_mode():
            expected = network(images)
        rows.append(
            (torch.from_numpy(logits) - expected, expected, moved - expected)  # (batch, classes)
        )
    error, logit, jitter = (
        float(torch.cat(tensors).abs().max()) for tensors in zip(*rows, strict=True)
    )
    return Difference(error, logit, jitter)


@torch.inference_mode()
def _checks(
    network: nn.Module, size: tuple[int, ...], generator: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches of images, and the logits (batch, classes) if rounding went otherwise.

    The last bit of normalised images is changed; resized pixels are rounded at another fraction.
    """
    if not isinstance(network, WithPixels):
        for batch in BATCHES:
            images = torch.randn(batch, *size, generator=generator)
            signs = torch.randn(batch, *size, generator=generator).sign()
            yield images, network(images * (1 + LAST_BIT * signs))
        return
    channels, height, width = size
    for batch, shape in zip(BATCHES, ((height, width), (height + 7, 2 * width)), strict=True):
        images = torch.randint(0, 256, (batch, channels, *shape), generator=generator)
        images = images.to(torch.uint8)
        network.pixels.rounding = 0.5 - ROUNDING
        moved = network(images)
        network.pixels.rounding = 0.5
        yield images, moved


@contextmanager
def _without_exporter_warnings() -> Iterator[None]:
    """Silence the warnings of torch's exporter that are not about the network."""
    registration = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = registration.level
    registration.setLevel(logging.ERROR)  # "torchvision is not installed. Skipping ..."
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", r"`isinstance\(treespec, LeafSpec\)` is deprecated", FutureWarning
            )
            yield
    finally:
        registration.setLevel(level)
