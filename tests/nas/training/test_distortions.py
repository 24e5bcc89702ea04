"""Each operation of RandAugment against PIL's, image by image, at the published strengths."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageOps
from torch import Tensor

from nas.training.distortions import GREY, Distortions, Operation, random_squares
from nas.training.randaugment import NAMES, strength

LEVELS = (1.0, 8.33, 15.0, 30.0)
MOVES = ("rotate", "shear_x", "shear_y", "translate_x", "translate_y")
Pixels = NDArray[np.uint8]


def _images(channels: int, size: int, n: int = 6) -> Tensor:
    """Return noise, smooth images of few grey levels, and flat ones."""
    generator = torch.Generator().manual_seed(channels * size)
    noise = torch.rand(n, channels, size, size, generator=generator) * 255
    slope = torch.linspace(40, 180, size).expand(2, channels, size, size)
    slope = slope + 40 * torch.rand(2, channels, 1, 1, generator=generator)
    flat = torch.full((1, channels, size, size), 77.0)
    dark = 120 * torch.rand(1, channels, size, size, generator=generator) ** 4
    return torch.cat([noise, slope, flat, dark]).to(torch.uint8)


def _distorted(images: Tensor, name: str, value: float) -> Tensor:
    _, channels, size, _ = images.shape
    distortions = Distortions([Operation(name, value)], channels, size, images.device)
    return distortions(images, np.zeros((1, len(images)), np.int64))


def _by_pil(images: Tensor, name: str, level: float) -> Pixels:
    """Return the images after the published operation, one by one: (N, C, H, W)."""
    arrays = images.permute(0, 2, 3, 1).numpy()
    done = [
        np.array(_published(Image.fromarray(array.squeeze()), name, level / 10)) for array in arrays
    ]
    return np.stack(done).reshape(arrays.shape).transpose(0, 3, 1, 2)


def _published(image: Image.Image, name: str, share: float) -> Image.Image:
    """Return the image after an operation at ten times ``share``: PIL's, or the formula itself."""
    factor = share * 1.8 + 0.1
    operations: dict[str, Callable[[], Image.Image]] = {
        "autocontrast": lambda: ImageOps.autocontrast(image),
        "equalize": lambda: ImageOps.equalize(image),
        "invert": lambda: ImageOps.invert(image),
        "posterize": lambda: ImageOps.posterize(image, min(8, max(1, int(share * 4)))),
        "solarize": lambda: ImageOps.solarize(image, int(share * 256)),
        "solarize_add": lambda: image.point(
            lambda v: min(255, v + int(share * 110)) if v < 128 else v
        ),
        "color": lambda: ImageEnhance.Color(image).enhance(factor),
        "contrast": lambda: ImageEnhance.Contrast(image).enhance(factor),
        "brightness": lambda: ImageEnhance.Brightness(image).enhance(factor),
        "sharpness": lambda: ImageEnhance.Sharpness(image).enhance(factor),
        **{move: lambda: _moved(image, name, share) for move in MOVES},
    }
    return operations[name]()


def _moved(image: Image.Image, name: str, share: float) -> Image.Image:
    grey = (GREY,) * len(image.getbands())
    fill = grey[0] if len(grey) == 1 else grey
    if name == "rotate":
        return image.rotate(share * 30, Image.Resampling.NEAREST, fillcolor=fill)
    shift = round(share * 100 / 300 * image.width)
    matrix = {
        "shear_x": (1, share * 0.3, 0, 0, 1, 0),
        "shear_y": (1, 0, 0, share * 0.3, 1, 0),
        "translate_x": (1, 0, shift, 0, 1, 0),
        "translate_y": (1, 0, 0, 0, 1, shift),
    }[name]
    affine, nearest = Image.Transform.AFFINE, Image.Resampling.NEAREST
    return image.transform(image.size, affine, matrix, nearest, fillcolor=fill)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", [name for name in NAMES if name not in (*MOVES, "cutout")])
def test_levels_and_colours_are_pils_to_one_grey_level(
    name: str, level: float, channels: int
) -> None:
    for size in (8, 33):
        images = _images(channels, size)
        distorted = _distorted(images, name, strength(name, level)).numpy()
        difference = distorted.astype(int) - _by_pil(images, name, level)
        assert np.abs(difference).max() <= 1
        assert distorted.dtype == np.uint8


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", MOVES)
def test_moved_images_are_pils_apart_from_ties(
    name: str, level: float, sign: int, channels: int
) -> None:
    """PIL takes the nearest pixel, of places that are rounded to 1/65536 of a pixel.

    So a place at the border of two pixels may fall to either. All others are equal.
    """
    for size in (16, 32, 45):
        images = _images(channels, size)
        distorted = _distorted(images, name, sign * strength(name, level)).numpy()
        expected = _by_pil(images, name, sign * level)
        is_tie = _is_tie(name, sign * level / 10, size)
        assert is_tie.mean() < 0.15
        assert np.array_equal(distorted[:, :, ~is_tie], expected[:, :, ~is_tie])


def _is_tie(name: str, share: float, size: int) -> NDArray[np.bool_]:
    """Return which pixels (H, W) come from within 1/100 of a pixel of a border of pixels."""
    y, x = np.mgrid[:size, :size] + 0.5
    angle, shear = math.radians(share * 30), share * 0.3
    if name == "rotate":
        x, y = x - size / 2, y - size / 2
        x, y = x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle)
        x, y = x + size / 2, y + size / 2
    elif name == "shear_x":
        x = x + shear * y
    elif name == "shear_y":
        y = y + shear * x
    return np.asarray((np.abs(x - np.round(x)) < 0.01) | (np.abs(y - np.round(y)) < 0.01))


def test_magnitude_ten_is_as_published() -> None:
    """The published code's constants; at 300 px also in pixels."""
    at_ten = {name: strength(name, 10) for name in NAMES}
    assert at_ten["rotate"] == 30
    assert at_ten["shear_x"] == at_ten["shear_y"] == 0.3
    assert at_ten["translate_x"] * 300 == at_ten["translate_y"] * 300 == 100
    assert at_ten["cutout"] * 300 == 40  # to each side
    assert at_ten["color"] == at_ten["contrast"] == pytest.approx(1.9)
    assert at_ten["brightness"] == at_ten["sharpness"] == pytest.approx(1.9)
    assert (at_ten["posterize"], at_ten["solarize"], at_ten["solarize_add"]) == (4, 256, 110)
    assert len(NAMES) == len(set(NAMES)) == 16


def test_a_shift_leaves_grey() -> None:
    images = _images(3, 30)
    shifted = _distorted(images, "translate_x", strength("translate_x", 10))
    assert torch.equal(shifted[..., :20], images[..., 10:])
    assert bool((shifted[..., 20:] == GREY).all())


def test_cutout_greys_one_square_of_each_image() -> None:
    torch.manual_seed(0)
    images = torch.randint(0, 100, (200, 3, 32, 32), dtype=torch.uint8)
    cut = _distorted(images, "cutout", strength("cutout", 15))
    is_cut = cut == GREY
    assert torch.equal(cut, images.masked_fill(is_cut, GREY))
    assert bool((is_cut == is_cut[:, :1]).all())
    rows, columns = is_cut[:, 0].any(2).sum(1), is_cut[:, 0].any(1).sum(1)
    assert bool((is_cut[:, 0].sum((1, 2)) == rows * columns).all())
    assert int(rows.max()) == int(columns.max()) == 12  # twice 60 / 300 of 32 pixels, rounded
    assert int(((rows == 12) & (columns == 12)).sum()) > 50  # the others are cut by the border
    assert int(is_cut[:, 0].any(0).sum()) == 32 * 32  # it may lie anywhere


def test_squares_have_the_sides_that_are_asked_for() -> None:
    torch.manual_seed(0)
    halves = torch.tensor([1.0, 2.0, 5.0]).repeat(50)
    squares = random_squares(torch.zeros(150, 1, 16, 16), halves)
    sides = squares.any(2).sum((1, 2)).view(50, 3).amax(0)
    assert sides.tolist() == [2, 4, 10]


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_images_that_are_distorted_together_become_what_each_would_alone(channels: int) -> None:
    """Two rounds of operations, each image with its own two; no image takes another's place."""
    names = [name for name in NAMES if name != "cutout"]  # random in itself
    operations = [Operation("identity"), *(Operation(name, strength(name, 7)) for name in names)]
    images = _images(channels, 16, n=50)
    distortions = Distortions(operations, channels, 16, images.device)
    chosen = np.random.default_rng(0).integers(len(operations), size=(2, len(images)))
    together = distortions(images, chosen)
    for i, image in enumerate(images):
        alone = image[None]
        for position in chosen[:, i]:
            alone = _distorted(alone, operations[position].name, operations[position].value)
        assert torch.equal(together[i], alone[0])


def test_the_images_that_are_given_stay_as_they_are() -> None:
    images = _images(3, 16)
    before = images.clone()
    for name in NAMES:
        _distorted(images, name, strength(name, 15))
    assert torch.equal(images, before)
