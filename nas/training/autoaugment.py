"""AutoAugment: each image of a batch is distorted by a random part of a policy (arXiv 1805.09501).

The policy is ImageNet's, as EfficientNet's published code has it (policy v0 of google/automl and of
the TPU's EfficientNet). It differs from the one that AutoAugment's paper prints.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nas.training.distortions import Distortions, Operation
from nas.training.randaugment import mirrored, strength

# The parts of the policy. Each has two operations: name, probability, and level of 0 to 10.
POLICY = (
    (("equalize", 0.8, 1), ("shear_y", 0.8, 4)),
    (("color", 0.4, 9), ("equalize", 0.6, 3)),
    (("color", 0.4, 1), ("rotate", 0.6, 8)),
    (("solarize", 0.8, 3), ("equalize", 0.4, 7)),
    (("solarize", 0.4, 2), ("solarize", 0.6, 2)),
    (("color", 0.2, 0), ("equalize", 0.8, 8)),
    (("equalize", 0.4, 8), ("solarize_add", 0.8, 3)),
    (("shear_x", 0.2, 9), ("rotate", 0.6, 8)),
    (("color", 0.6, 1), ("equalize", 1.0, 2)),
    (("invert", 0.4, 9), ("rotate", 0.6, 0)),
    (("equalize", 1.0, 9), ("shear_y", 0.6, 3)),
    (("color", 0.4, 7), ("equalize", 0.6, 0)),
    (("posterize", 0.4, 6), ("autocontrast", 0.4, 7)),
    (("solarize", 0.6, 8), ("color", 0.6, 9)),
    (("solarize", 0.2, 4), ("rotate", 0.8, 9)),
    (("rotate", 1.0, 7), ("translate_y", 0.8, 9)),
    (("shear_x", 0.0, 0), ("solarize", 0.8, 4)),
    (("shear_y", 0.8, 0), ("color", 0.6, 4)),
    (("color", 1.0, 0), ("rotate", 0.6, 2)),
    (("equalize", 0.8, 4), ("equalize", 0.0, 8)),
    (("equalize", 1.0, 4), ("autocontrast", 0.6, 2)),
    (("shear_y", 0.4, 7), ("solarize_add", 0.6, 7)),
    (("posterize", 0.8, 2), ("solarize", 0.6, 10)),
    (("solarize", 0.6, 8), ("equalize", 0.6, 1)),
    (("color", 0.8, 6), ("rotate", 0.4, 5)),
)
_SHIFT = 2.5  # AutoAugment shifts by 250 pixels at level 10, RandAugment by 100
_PROBABILITIES = np.array([[probability for _, probability, _ in part] for part in POLICY])


def autoaugment(pixels: Tensor) -> Tensor:
    """Distort uint8 images (N, C, H, W) of H = W, each by a part of :data:`POLICY` of its own.

    The parts, whether each of their two operations happens, and its sign are drawn by torch's
    global generator of the CPU, as :class:`Distortions` wants them.
    """
    n, channels, size, _ = pixels.shape
    parts = torch.randint(len(POLICY), (n,)).numpy()
    signs = torch.randint(2, (2, n)).numpy()
    happens = torch.rand(2, n).numpy() < _PROBABILITIES[parts].T
    distortions, places = _prepared(channels, size, pixels.device)
    chosen = places[parts[None], np.array([[0], [1]]), signs]
    return distortions(pixels, np.where(happens, chosen, 0))


@lru_cache(4)
def _prepared(
    channels: int, size: int, device: torch.device
) -> tuple[Distortions, NDArray[np.int64]]:
    """Return the operations, of which the first is the identity, and where those of each part are.

    Those places are (parts, 2, 2): by the part, the place in it, and the sign.
    """
    signed = [
        (operation, mirrored(operation))
        for part in POLICY
        for operation in (_operation(name, level) for name, _, level in part)
    ]
    distinct = list(dict.fromkeys([Operation("identity"), *(o for pair in signed for o in pair)]))
    places = np.array([[distinct.index(operation) for operation in pair] for pair in signed])
    return Distortions(distinct, channels, size, device), places.reshape(-1, 2, 2)


def _operation(name: str, level: float) -> Operation:
    factor = _SHIFT if name.startswith("translate") else 1.0
    return Operation(name, factor * strength(name, level))
