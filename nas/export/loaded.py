"""A trained network as a script uses it: with its class names, and from images to classes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from nas.data.decode import Decoding, open_image, to_rgb
from nas.errors import UserError
from nas.preprocessing import Preprocessing
from nas.weights import Model, TrainingSummary
from results.architecture_file import ArchitectureFile
from search_space.network import Network

ImageLike = str | PathLike[str] | Image.Image


@dataclass(frozen=True)
class LoadedNetwork:
    """A trained network, in evaluation mode.

    ``class_names`` are in the order of the logits, empty if they are unknown. ``preprocessing`` is
    how an image becomes the network's input, and ``training`` how it was trained, each None if it
    is unknown.
    """

    network: Network
    file: ArchitectureFile
    class_names: tuple[str, ...]
    preprocessing: Preprocessing | None
    training: TrainingSummary | None = None

    @classmethod
    def of(cls, model: Model) -> LoadedNetwork:
        """Build the network of a model."""
        return cls(
            model.build(), model.file, model.class_names, model.preprocessing, model.training
        )

    def __call__(self, images: Tensor) -> Tensor:
        """Return the logits (N, classes) of normalised images (N, channels, H, W)."""
        logits: Tensor = self.network(images)
        return logits

    def read(self, images: Iterable[ImageLike]) -> Tensor:
        """Read images, from files or of Pillow's, as the network's input (N, channels, H, W).

        Raises:
            UserError: how images become pixels is unknown, or a file cannot be read.
        """
        how = self.preprocessing
        if how is None:
            raise UserError("images: how they become pixels is not known of this network")
        return torch.from_numpy(np.stack([_normalised(image, how) for image in images]))

    @torch.inference_mode()
    def predict(self, images: Iterable[ImageLike]) -> list[dict[str, float]]:
        """Return each image's probabilities by class, the highest first.

        Classes without a name are called 0, 1 and so on.

        Raises:
            UserError: as :meth:`read`.
        """
        shares = self.network(self.read(images)).softmax(1)
        names = self.class_names or tuple(map(str, range(shares.shape[1])))
        return [
            {names[i]: float(row[i]) for i in row.argsort(descending=True).tolist()}
            for row in shares
        ]


def _normalised(image: ImageLike, how: Preprocessing) -> NDArray[np.float32]:
    """Return an image as the network's input (channels, size, size)."""
    mean, std = (np.array(x, np.float32).reshape(-1, 1, 1) for x in (how.mean, how.std))
    pixels = np.atleast_3d(np.asarray(_fitted(image, how), np.float32)).transpose(2, 0, 1)
    normalised: NDArray[np.float32] = (pixels - mean) / std
    return normalised


def _fitted(image: ImageLike, how: Preprocessing) -> Image.Image:
    """Return the middle square of an image, at the network's size and in its channels."""
    if not isinstance(image, Image.Image):
        try:
            content = Path(image).read_bytes()
        except OSError as error:
            raise UserError(f"images: {image}: cannot be read ({error.strerror})") from error
        try:
            with open_image(content) as opened:
                opened.draft("RGB", (2 * how.size, 2 * how.size))  # JPEG: no more than is needed
                return _fitted(ImageOps.exif_transpose(opened), how)
        except OSError as error:  # of Pillow, for what is no image
            raise UserError(f"images: {image}: no image that can be read ({error})") from error
    rgb = to_rgb(ImageOps.exif_transpose(image), Decoding(how.values, how.background))
    converted = rgb if how.channels == 3 else rgb.convert("L")
    method = Image.Resampling[how.interpolation.upper()]
    return ImageOps.fit(converted, (how.size, how.size), method)
