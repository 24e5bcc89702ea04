"""ONNX: onnxruntime's logits at any batch size, and the check against torch."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import onnx
import onnxruntime
import pytest
import torch

from nas.errors import UserError
from nas.export import onnx_file
from nas.export.onnx_file import Difference
from nas.export.request import Request
from nas.export.weights_file import with_random_weights
from nas.export.write import write
from nas.weights import Model
from search_space.architecture import ACTIVATIONS
from search_space.operators import OPERATORS
from tests.nas.export.models import every_operator, images


def test_any_batch_the_metadata_and_no_path_of_this_machine(
    digits_model: Model, tmp_path: Path
) -> None:
    path = tmp_path / "net.onnx"
    written = write(digits_model, Request(path), seed=0)
    assert written.paths == tuple(tmp_path / n for n in ("net.onnx", "net.onnx.md", "predict.py"))
    assert sorted(tmp_path.iterdir()) == sorted(written.paths)
    assert written.difference is not None
    assert written.difference.error < 1e-5 * written.difference.logit
    network = digits_model.build()
    session = onnxruntime.InferenceSession(path)
    for batch in (1, 2, 7):
        x = images(digits_model, batch)
        (logits,) = session.run(["logits"], {"images": x.numpy()})
        with torch.inference_mode():
            torch.testing.assert_close(torch.from_numpy(logits), network(x), rtol=1e-4, atol=1e-5)
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["architecture"]) == digits_model.file.to_json()
    assert json.loads(metadata["training"])["normalization"] == {"mean": [77.5], "std": [91.25]}
    assert digits_model.preprocessing is not None
    assert json.loads(metadata["preprocessing"]) == digits_model.preprocessing.to_json()
    assert json.loads(metadata["class_names"]) == list("0123456789")
    assert str(Path(onnx_file.__file__).parents[2]).encode() not in path.read_bytes()


def test_every_operator_and_activation(tmp_path: Path) -> None:
    """SiLU is that of stem and head."""
    file = every_operator()
    stages = file.architecture.stages
    assert {stage.operator for stage in stages} == set(OPERATORS)
    assert {stage.activation for stage in stages} == set(ACTIVATIONS) - {"silu"}
    written = write(with_random_weights(file, 0), Request(tmp_path / "net.onnx"), seed=0)
    assert written.difference is not None
    assert 0 < written.difference.error < 1e-4 * written.difference.logit


def test_weights_beyond_what_one_file_holds_are_beside_it(
    digits_model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_file, "PROTOBUF_BYTES", 1000)
    write(digits_model, Request(tmp_path / "net.onnx"), seed=0)
    assert {p.name for p in tmp_path.iterdir()} >= {"net.onnx", "net.onnx.data"}
    onnx.checker.check_model(tmp_path / "net.onnx", full_check=True)
    (logits,) = onnxruntime.InferenceSession(tmp_path / "net.onnx").run(
        None, {"images": images(digits_model).numpy()}
    )
    assert logits.shape == (2, 10)


def test_another_result_than_torchs_is_refused_and_leaves_no_file(
    digits_model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here onnxruntime gets a network with a slightly changed classifier."""
    build = Model.build
    weights = dict(digits_model.weights)
    weights["classifier.bias"] = weights["classifier.bias"] + 0.01
    off = replace(digits_model, weights=weights)
    networks = iter([build(off), build(digits_model)])
    monkeypatch.setattr(Model, "build", lambda _: next(networks))
    monkeypatch.setattr(
        onnx_file,
        "largest_difference",
        lambda path, network, size, compare=onnx_file.largest_difference: compare(
            path, next(networks), size
        ),
    )
    with pytest.raises(UserError, match=r"not written: largest error 1\.0e-02 in logits") as caught:
        write(digits_model, Request(tmp_path / "net.onnx"), seed=0)
    assert caught.value.exit_code == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("difference", "is_rounding"),
    [
        (Difference(1e-6, 1, 1e-7), True),
        (Difference(1e-3, 1, 1e-7), False),
        (Difference(1e-3, 1, 1e-3), True),
        (Difference(1e-9, 1e-5, 1e-11), True),
        (Difference(1e-7, 1e-5, 1e-11), False),
        (Difference(math.nan, 1, 1e-7), False),
        (Difference(math.nan, math.nan, math.nan), False),
        (Difference(math.inf, math.inf, math.inf), False),
        (Difference(1e-7, math.inf, 1e-7), False),
    ],
)
def test_what_rounding_is(difference: Difference, is_rounding: bool) -> None:
    assert difference.is_rounding == is_rounding
