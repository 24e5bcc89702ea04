"""The operations of RandAugment and AutoAugment, on whole batches in which each image has its own.

They are those of EfficientNetV2's published code (google/automl, arXiv 1909.13719 and 1805.09501):
PIL's formulas on uint8 pixels, the nearest pixel where an image is moved, and grey where that
leaves a gap. One differs: ``contrast`` is relative to the image's mean grey, as in PIL. That code
takes the number of pixels / 256, which is white from 256 px on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nas.data.read_ahead import copied

GREY = 128  # of gaps, and of what is cut out
_LEVELS = 256  # of a pixel
_LUMINANCE = (19595 / 65536, 38470 / 65536, 7471 / 65536)  # of red, green, and blue, as in PIL

# The kinds of operations. Those of one kind are done together, in this order; so are all blends.
_UNCHANGED, _TABLE, _AUTOCONTRAST, _EQUALIZE, _CONTRAST, _COLOR, _SHARPNESS, _MOVED, _CUT = range(9)
_BLENDS = (_CONTRAST, _COLOR, _SHARPNESS)
_KINDS = {
    "identity": _UNCHANGED,
    "invert": _TABLE,
    "posterize": _TABLE,
    "solarize": _TABLE,
    "solarize_add": _TABLE,
    "brightness": _TABLE,
    "autocontrast": _AUTOCONTRAST,
    "equalize": _EQUALIZE,
    "contrast": _CONTRAST,
    "color": _COLOR,
    "sharpness": _SHARPNESS,
    "rotate": _MOVED,
    "shear_x": _MOVED,
    "shear_y": _MOVED,
    "translate_x": _MOVED,
    "translate_y": _MOVED,
    "cutout": _CUT,
}


@dataclass(frozen=True)
class Operation:
    """An operation by its name and strength.

    The unit of ``value`` is the operation's:

    - ``rotate``: degrees; ``shear_x``: pixels along one axis per pixel along the other;
      ``translate_x``: a share of the image's side; ``cutout``: half the square's, likewise;
    - ``posterize``: the number of bits that are left, 1 to 8; ``solarize``: the grey level from
      which on pixels are inverted; ``solarize_add``: grey levels that dark pixels gain;
    - ``brightness``, ``contrast``, ``color``, ``sharpness``: PIL's factor; 1 changes nothing.

    The others have none.
    """

    name: str
    value: float = 0.0


class Distortions:
    """Operations for square images of one size, with all that they need on a device."""

    def __init__(
        self, operations: Sequence[Operation], channels: int, size: int, device: torch.device
    ) -> None:
        """Prepare ``operations`` for images (channels, size, size) on the device.

        Images of other than three channels have no colours: their grey is their channels' mean.
        """
        kinds = [_KINDS[operation.name] for operation in operations]
        stores = [_CONTRAST if kind in _BLENDS else kind for kind in kinds]
        tables, factors, maps, halves = (
            [o for o, other in zip(operations, stores, strict=True) if other == store]
            for store in (_TABLE, _CONTRAST, _MOVED, _CUT)
        )
        self._kinds = np.array(kinds)
        # Where each operation's part of its store is: a row, or where its table begins.
        rows = np.array([stores[:i].count(store) for i, store in enumerate(stores)])
        self._rows = np.where(self._kinds == _TABLE, rows * _LEVELS, rows).astype(np.int32)
        sides = [round(o.value * size) for o in halves]
        weights = _LUMINANCE if channels == 3 else (1 / channels,) * channels
        arrays = (
            np.array([_table(o) for o in tables], np.uint8).ravel(),
            np.array([o.value for o in factors], np.float32),
            np.array([_map(o, size) for o in maps], np.int64).reshape(-1, size * size),
            np.array(sides, np.float32),
            np.array(weights, np.float32).reshape(-1, 1, 1),
        )
        self._tables, self._factors, self._maps, self._halves, self._greyness = (
            copied(torch.from_numpy(array), device) for array in arrays
        )

    def __call__(self, pixels: Tensor, chosen: NDArray[np.int64]) -> Tensor:
        """Return uint8 images (N, C, H, W) after the operations ``chosen`` (rounds, N), in turn.

        ``chosen`` are positions in the operations. They are on the host, so that it knows how many
        images get each kind: a round puts the images into the order of their kinds, and each kind
        is a slice of them. All orders reach the device in one copy, and nothing is read from it.
        """
        kinds = self._kinds[chosen]
        order = np.argsort(kinds, axis=1, kind="stable")
        back = np.argsort(order, axis=1)
        # From each round's order to the next one's, and back to the first.
        moves = [order[0], *(b[o] for b, o in zip(back, order[1:], strict=False)), back[-1]]
        rows = np.take_along_axis(self._rows[chosen], order, 1)
        numbers = torch.from_numpy(np.stack([*moves, *rows]).astype(np.int32))
        on_device = copied(numbers, pixels.device).unbind()
        for i, counts in enumerate(np.bincount(row, minlength=_CUT + 1) for row in kinds):
            pixels = pixels.index_select(0, on_device[i])
            pixels = self._round(pixels, on_device[len(moves) + i], counts.tolist())
        return pixels.index_select(0, on_device[len(order)])

    def _round(self, pixels: Tensor, rows: Tensor, counts: list[int]) -> Tensor:
        """Return images that are in the order of their kinds, of which there are ``counts``.

        ``rows`` (N,) are the operations' rows.
        """
        blends = counts[_CONTRAST : _SHARPNESS + 1]
        sizes = [*counts[:_CONTRAST], sum(blends), *counts[_MOVED:]]
        unchanged, tabled, autocontrast, equal, blended, moved, cut = torch.split(pixels, sizes)
        _, tables, _, _, factors, maps, halves = torch.split(rows, sizes)
        parts = [
            unchanged,
            _looked_up(tabled, self._tables, tables),
            _autocontrast(autocontrast),
            _equalized(equal),
            _blended(blended, self._greyness, self._factors.index_select(0, factors), blends),
            _moved(moved, self._maps.index_select(0, maps)),
            cut.masked_fill(random_squares(cut, self._halves.index_select(0, halves)), GREY),
        ]
        return torch.cat(parts)


def random_squares(images: Tensor, halves: Tensor | float) -> Tensor:
    """Return the mask (N, 1, H, W) of a square in each of the images (N, C, H, W).

    Its centre is anywhere in the image, so part of it may lie outside. ``halves`` is half its side
    in pixels, for all images or for each one (N,).
    """
    n, size, device = len(images), images.shape[-1], images.device
    centres = torch.rand(2, n, 1, device=device) * size
    distances = (torch.arange(0.5, size, device=device) - centres).abs()  # (2, N, H), for H = W
    if isinstance(halves, Tensor):
        halves = halves[:, None]
    rows, columns = (distances < halves).unbind()
    return (rows[:, :, None] & columns[:, None, :])[:, None]


def _table(operation: Operation) -> NDArray[np.int64]:
    """Return the new grey level (256,) of each old one."""
    levels: NDArray[np.int64] = np.arange(_LEVELS)
    value = operation.value
    if operation.name == "invert":
        return _LEVELS - 1 - levels
    if operation.name == "posterize":
        lost = 8 - min(max(int(value), 1), 8)  # bits
        return levels - levels % (1 << lost)
    if operation.name == "solarize":
        return np.where(levels < int(value), levels, _LEVELS - 1 - levels)
    if operation.name == "solarize_add":
        return np.where(levels < GREY, np.minimum(levels + int(value), _LEVELS - 1), levels)
    brighter: NDArray[np.int64] = np.minimum(levels * value, _LEVELS - 1).astype(np.int64)
    return brighter


def _map(operation: Operation, size: int) -> NDArray[np.int64]:
    """Return where each pixel comes from, as numbers (H * W,); H * W for a gap.

    Rotations are about the middle, counterclockwise; shears are about the upper left corner.
    """
    y, x = np.mgrid[:size, :size] + 0.5
    value, middle = operation.value, size / 2
    if operation.name == "rotate":
        cosine, sine = math.cos(math.radians(value)), math.sin(math.radians(value))
        x, y = x - middle, y - middle
        x, y = cosine * x - sine * y + middle, sine * x + cosine * y + middle
    elif operation.name == "shear_x":
        x = x + value * y
    elif operation.name == "shear_y":
        y = y + value * x
    elif operation.name == "translate_x":
        x = x + round(value * size)
    else:
        y = y + round(value * size)
    columns, rows = (np.floor(place).astype(np.int64) for place in (x, y))
    is_inside = (columns >= 0) & (columns < size) & (rows >= 0) & (rows < size)
    places: NDArray[np.int64] = np.where(is_inside, rows * size + columns, size * size)
    return places.ravel()


def _looked_up(pixels: Tensor, tables: Tensor, starts: Tensor) -> Tensor:
    """Return images (N, C, H, W) after those of the tables (256,) that begin at ``starts`` (N,)."""
    places = pixels + starts.view(-1, 1, 1, 1)
    return tables.index_select(0, places.view(-1)).view_as(pixels)


def _moved(pixels: Tensor, maps: Tensor) -> Tensor:
    """Return images (N, C, H, W) whose pixels come from the places ``maps`` (N, H * W)."""
    padded = nn.functional.pad(pixels.flatten(2), (0, 1), value=GREY)
    return padded.gather(2, maps[:, None].expand(-1, pixels.shape[1], -1)).view_as(pixels)


def _autocontrast(pixels: Tensor) -> Tensor:
    """Stretch each channel of (N, C, H, W) to the range from 0 to 255, if it has two levels."""
    levels = pixels.flatten(2).float()
    darkest, brightest = torch.aminmax(levels, dim=2, keepdim=True)
    spread = brightest - darkest
    is_flat = spread == 0
    darkest, spread = darkest.masked_fill(is_flat, 0), spread.masked_fill(is_flat, _LEVELS - 1)
    stretched = levels.sub_(darkest).mul_(_LEVELS - 1).div_(spread)
    return stretched.to(torch.uint8).view_as(pixels)


def _equalized(pixels: Tensor) -> Tensor:
    """Let each channel of (N, C, H, W) have all grey levels alike; PIL's formula, in integers."""
    levels = pixels.flatten(2).flatten(0, 1).long()  # (N * C, H * W)
    counts = levels.new_zeros(len(levels), _LEVELS)
    counts.scatter_add_(1, levels, levels.new_ones(1, 1).expand_as(levels))
    darker = counts.cumsum(1) - counts  # the pixels that are darker than each level
    step = darker.gather(1, levels.amax(1, keepdim=True)) // (_LEVELS - 1)
    tables = ((darker + step // 2) // step.clamp(min=1)).clamp_(max=_LEVELS - 1)
    tables = torch.where(step > 0, tables, torch.arange(_LEVELS, device=pixels.device))
    return tables.to(torch.uint8).gather(1, levels).view_as(pixels)


def _blended(pixels: Tensor, greyness: Tensor, factors: Tensor, counts: list[int]) -> Tensor:
    """Blend images (N, C, H, W) with duller ones of themselves: PIL's contrast, color, sharpness.

    So many of them as ``counts`` are blended with their mean grey, with their greys, and with a
    smooth image, whose border is theirs. Factors (N,) above 1 lead away from the duller image.
    ``greyness`` (C, 1, 1) are the weights of the channels.
    """
    images = pixels.float()
    flattened, greyed, sharpened = torch.split(images, counts)
    greys = (images[: counts[0] + counts[1]] * greyness).sum(1, keepdim=True)
    greys = greys.add_(0.5).floor_()
    means = greys[: counts[0]].mean((2, 3), keepdim=True).add_(0.5).floor_()
    greys = greys[counts[0] :].expand_as(greyed)
    dull = torch.cat([means.expand_as(flattened), greys, sharpened])
    # The middle of 3 by 3 pixels has the weight 5 of 13.
    middles = sharpened[:, :, 1:-1, 1:-1]
    smooth = nn.functional.avg_pool2d(sharpened, 3, 1).mul_(9 / 13).add_(middles, alpha=4 / 13)
    dull[counts[0] + counts[1] :, :, 1:-1, 1:-1] = smooth.round_()
    blended = torch.lerp(dull, images, factors.view(-1, 1, 1, 1))
    return blended.clamp_(0, _LEVELS - 1).to(torch.uint8)
