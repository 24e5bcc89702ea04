"""Export to ONNX, with a check of onnxruntime's logits against torch's."""

from __future__ import annotations

import json
import logging
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from nas.weights import Model

BATCHES = (1, 3)  # the batch sizes to check; the network is traced with 2
TOLERANCE = 1e-4  # of the largest logit; 32-bit rounding adds up to some 1e-6
LAST_BIT = 2.0**-23  # relative, of a 32-bit number
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


def write_onnx(path: Path, model: Model) -> Difference:
    """Write the network as ONNX, run it, and return how its logits differ from torch's.

    The input ``images`` is (batch, channels, H, W), normalised as in training, and the output
    ``logits`` is (batch, classes). The batch size is free; H and W are the evaluation size. The
    metadata hold the architecture, and the normalisation if it is known.
    """
    network = model.build()
    size = (model.file.task.in_channels, model.file.eval_size, model.file.eval_size)
    with _without_exporter_warnings():
        program = torch.onnx.export(
            network,
            (torch.zeros(2, *size),),
            dynamo=True,
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            input_names=["images"],
            output_names=["logits"],
            verbose=False,
        )
    if program is None:
        raise RuntimeError("torch.onnx.export returned no program")
    _set_metadata(program.model, model)
    weights = sum(tensor.nbytes for tensor in model.weights.values())
    program.save(path, external_data=weights > PROTOBUF_BYTES)
    return largest_difference(path, network, size)


def _set_metadata(graph: Any, model: Model) -> None:
    """Store what the network is, and remove the paths of this machine's source code."""
    for node in graph.graph.all_nodes():
        node.metadata_props.clear()
    training = None if model.training is None else asdict(model.training)
    graph.metadata_props.update(
        {
            "architecture": json.dumps(model.file.to_json()),
            "origin": model.origin,
            "training": json.dumps(training),
        }
    )


def largest_difference(path: Path, network: nn.Module, size: tuple[int, ...]) -> Difference:
    """Compare the file with the network on random images of ``size`` (channels, H, W)."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(0)
    rows = []
    for batch in BATCHES:
        images = torch.randn(batch, *size, generator=generator)
        signs = torch.randn(batch, *size, generator=generator).sign()
        (logits,) = session.run(None, {"images": images.numpy()})
        with torch.inference_mode():
            expected = network(images)
            moved = network(images * (1 + LAST_BIT * signs))
        rows.append(
            (torch.from_numpy(logits) - expected, expected, moved - expected)  # (batch, classes)
        )
    error, logit, jitter = (
        float(torch.cat(tensors).abs().max()) for tensors in zip(*rows, strict=True)
    )
    return Difference(error, logit, jitter)


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
