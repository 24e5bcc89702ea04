"""Classify images by a network that nas export wrote: python predict.py model.onnx IMAGE...

It needs NumPy, Pillow, and onnxruntime for .onnx, or torch for .pth and .safetensors. These have
the network's Python file of the same name beside them.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps


def load(path: Path) -> tuple[Callable[[Any], Any], dict[str, Any], list[str]]:
    """Return the function from images to logits, how images are read, and the class names."""
    if path.suffix == ".onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(path)
        about = session.get_modelmeta().custom_metadata_map
        how, names = json.loads(about["preprocessing"]), json.loads(about["class_names"])
        return lambda images: session.run(None, {"images": images})[0], how, names
    import torch

    spec = importlib.util.spec_from_file_location(path.stem, path.with_suffix(".py"))
    module: Any = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        weights = load_file(path)
    else:
        weights = torch.load(path, weights_only=True)
    network = module.build().eval()
    network.load_state_dict(weights)

    def logits(images: Any) -> Any:
        with torch.inference_mode():
            return network(torch.from_numpy(images)).numpy()

    return logits, module.PREPROCESSING, list(module.CLASS_NAMES)


def read(path: Path, how: dict[str, Any]) -> Any:
    """Return an image as the network takes it, (1, channels, H, W)."""
    size = (how["size"], how["size"])
    with Image.open(path) as image:
        image.draft("RGB", (2 * how["size"], 2 * how["size"]))  # JPEG: no more than is needed
        upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith(("I", "F")):  # more than 8 bits a channel
        low, high = how["values"]
        share = (np.asarray(upright, np.float64) - low) / (high - low)
        upright = Image.fromarray(np.rint(255 * share.clip(0, 1)).astype(np.uint8))
    elif upright.mode[-1] in "Aa" or "transparency" in upright.info:
        layer = upright.convert("RGBA")
        ground = Image.new("RGBA", layer.size, (*how["background"], 255))
        upright = Image.alpha_composite(ground, layer)
    pixels = upright.convert("RGB" if how["channels"] == 3 else "L")
    if not how["is_in_graph"]:
        pixels = ImageOps.fit(pixels, size, Image.Resampling[how["interpolation"].upper()])
    array = np.atleast_3d(np.asarray(pixels)).transpose(2, 0, 1)[None]  # (H, W, C) -> (1, C, H, W)
    if how["is_in_graph"]:
        return np.ascontiguousarray(array)
    mean, std = (np.array(how[key], np.float32).reshape(-1, 1, 1) for key in ("mean", "std"))
    return np.ascontiguousarray((array.astype(np.float32) - mean) / std)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: python predict.py model.onnx IMAGE...")
    run, how, names = load(Path(sys.argv[1]))
    for image in sys.argv[2:]:
        (logits,) = run(read(Path(image), how)).astype(np.float64)
        shares = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
        best = [(names[i] if names else str(i), 100 * shares[i]) for i in np.argsort(-shares)[:3]]
        print(image, *(f"{name} {share:.1f} %" for name, share in best), sep="  ")  # noqa: T201
