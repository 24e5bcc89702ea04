"""A network as ONNX, checked by onnxruntime against torch."""

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

BATCHES = (1, 3)  # checked; traced with 2
TOLERANCE = 1e-4  # of the largest logit; rounding of 32 bits adds up to 1e-6 or so
LAST_BIT = 2.0**-23
PROTOBUF_BYTES = 2 * 10**9  # a file holds no more; weights then go to FILE.onnx.data


@dataclass(frozen=True)
class Difference:
    """From torch, the largest of all logits that were compared.

    ``error`` is onnxruntime's, ``logit`` the largest logit itself, and ``jitter`` how far torch's
    own logits move with the last bit of the images: little, unless the weights are such that
    rounding anywhere decides the logits.
    """

    error: float
    logit: float
    jitter: float

    @property
    def is_rounding(self) -> bool:
        """False where a logit is not a finite number, too."""
        return self.error <= max(TOLERANCE * self.logit, 10 * self.jitter) < math.inf

    def __str__(self) -> str:
        return f"largest error {self.error:.1e} in logits of up to {self.logit:.1e}"


def write_onnx(path: Path, model: Model) -> Difference:
    """Writes ``images`` (batch, channels, H, W) to ``logits`` (batch, classes) and compares.

    The batch is free; H and W are the size to evaluate at. Images are those of training,
    normalised; the file's metadata says by what, if it is known.
    """
    network = model.build()
    size = (model.file.task.in_channels, model.file.eval_size, model.file.eval_size)
    with _quiet():
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
    _describe(program.model, model)
    weights = sum(tensor.nbytes for tensor in model.weights.values())
    program.save(path, external_data=weights > PROTOBUF_BYTES)
    return _difference(path, network, size)


def _describe(graph: Any, model: Model) -> None:
    """What the network is, instead of where on this machine its code was."""
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


def _difference(path: Path, network: nn.Module, size: tuple[int, ...]) -> Difference:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(0)
    rows = []
    for batch in BATCHES:
        images = torch.randn(batch, *size, generator=generator)
        signs = torch.randn(batch, *size, generator=generator).sign()
        (found,) = session.run(None, {"images": images.numpy()})
        with torch.inference_mode():
            expected = network(images)
            moved = network(images * (1 + LAST_BIT * signs))
        rows.append(
            (torch.from_numpy(found) - expected, expected, moved - expected)  # (batch, classes)
        )
    error, logit, jitter = (
        float(torch.cat(tensors).abs().max()) for tensors in zip(*rows, strict=True)
    )
    return Difference(error, logit, jitter)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what torch's exporter says about itself and not about the network."""
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
