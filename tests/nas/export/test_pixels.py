"""Resizing and normalisation as a part of the network: Pillow's pixels, from any size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps

from nas.export.pixels import Pixels
from nas.export.request import Request
from nas.export.write import write
from nas.preprocessing import Preprocessing
from nas.weights import Model

SIZES = [(24, 24), (31, 50), (12, 13), (25, 24), (100, 75), (480, 641), (5, 90)]  # height, width


def _noise(height: int, width: int, channels: int = 3) -> NDArray[np.uint8]:
    generator = np.random.default_rng(height * width)
    return generator.integers(0, 256, (height, width, channels), dtype=np.uint8)


def _ours(pixels: NDArray[np.uint8], interpolation: str) -> NDArray[np.float32]:
    module = Pixels(Preprocessing(24, 3, (0.0,) * 3, (1.0,) * 3, interpolation=interpolation))
    images = torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None]
    found: NDArray[np.float32] = module(images)[0].numpy().transpose(1, 2, 0)
    return found


@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_pillows_pixels_of_noise(height: int, width: int, interpolation: str) -> None:
    """All but a few, which are 1 greater or less as a sum near a half is rounded."""
    noise = _noise(height, width)
    method = Image.Resampling[interpolation.upper()]
    theirs = np.asarray(ImageOps.fit(Image.fromarray(noise), (24, 24), method))
    differences = np.abs(_ours(noise, interpolation) - theirs)
    assert differences.max() <= 1
    assert (differences > 0).mean() < 0.02


def test_smooth_tall_images_whichever_side_is_resized_first() -> None:
    image = Image.fromarray(_noise(90, 31)).filter(ImageFilter.GaussianBlur(2))
    theirs = np.asarray(ImageOps.fit(image, (24, 24), Image.Resampling.BICUBIC))
    assert np.abs(_ours(np.asarray(image), "bicubic") - theirs).max() <= 1


def test_an_onnx_file_takes_images_of_any_size(digits_model: Model, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    written = write(digits_model, Request(path, with_preprocessing=True), seed=0)
    assert written.difference is not None
    assert written.difference.is_rounding
    session = onnxruntime.InferenceSession(path)
    assert session.get_inputs()[0].type == "tensor(uint8)"
    network = digits_model.build()
    for count, height, width in ((1, 8, 8), (3, 8, 8), (2, 20, 9), (1, 7, 30)):
        images = np.stack([_noise(height, width, 1)] * count).transpose(0, 3, 1, 2)
        (logits,) = session.run(["logits"], {"images": np.ascontiguousarray(images)})
        fitted = ImageOps.fit(Image.fromarray(images[0, 0]), (8, 8), Image.Resampling.BILINEAR)
        pixels = torch.from_numpy(np.asarray(fitted, np.float32))[None, None]
        with torch.inference_mode():
            expected = network((pixels - 77.5) / 91.25)
        tolerance = 1e-4 if (height, width) == (8, 8) else 0.05  # of a pixel that is 1 off
        for row in logits:
            assert np.abs(row - expected[0].numpy()).max() <= tolerance * expected.abs().max()
