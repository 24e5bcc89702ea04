"""Shapes: a synthetic image classification set of any size, for searches on a CPU.

An image shows one polygon or star at a random place, scale, rotation and colour, over a textured
background with distractors and sensor noise. Its class is the combination of outline and fill, so
that a network must recognise both form and texture. Scenes are drawn in unit coordinates, so that
the image size changes their resolution only; at small sizes corners and fills blur.

With the defaults, ten proxy epochs of a network of the space ``small`` take about 19 s on one core
and reach an accuracy of 0.71 to 0.93 (docs/data.md).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

SIZE = 32
CLASSES = 12
TRAIN_COUNT = 512
MINIVAL_COUNT = 1000
TEST_COUNT = 2000

SPLITS = ("train", "minival", "test")
# Number of corners, and a star's inner radius as a share of the outer one; None for a polygon.
OUTLINES: tuple[tuple[int, float | None], ...] = (
    (3, None),
    (4, None),
    (5, 0.5),
    (6, None),
    (5, None),
    (6, 0.6),
)
FILLS = ("stripes", "checks", "hole", "plain")
MAX_CLASSES = len(OUTLINES) * len(FILLS)

# Ranges of lightness, from 0 (black) to 1 (white).
BACKGROUND, PAINT, INK = (0.05, 0.35), (0.75, 0.95), (0.35, 0.6)
NOISE = 0.05  # standard deviation of a pixel
TURN = 0.35  # radians, the largest rotation in either direction
DISTRACTORS = 2
_UNIFORMS = 64  # random numbers drawn for each scene, more than it uses
_LEAST_POINTS = 64  # in a row; smaller images are drawn at a multiple of their size and averaged
_POINTS_AT_ONCE = 2**17  # so that a chunk's arrays fit into the processor's cache


def shapes(
    split: str, count: int, size: int = SIZE, classes: int = CLASSES, seed: int = 0
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Draw the first ``count`` images of a split: pixels (N, 3, size, size) and labels (N,).

    Image ``i`` has class ``i % classes`` and depends on the seed, the split, ``i``, ``classes`` and
    ``size`` only. At another size it is the same scene under other noise.

    Raises:
        ValueError: an argument is out of range.
    """
    _check(split, count, size, classes, seed)
    pixels = np.empty((count, 3, size, size), np.uint8)
    labels = np.arange(count, dtype=np.int64) % classes
    sampling = -(-_LEAST_POINTS // size)
    chunk = max(1, _POINTS_AT_ONCE // (size * sampling) ** 2)
    for start in range(0, count, chunk):
        part = slice(start, min(start + chunk, count))
        generators = [
            np.random.default_rng((seed, SPLITS.index(split), i))
            for i in range(part.start, part.stop)
        ]
        # The scene's numbers come first, so that they do not depend on the size of the noise.
        uniforms = np.stack([g.random(_UNIFORMS, np.float32) for g in generators])
        noise = np.stack([g.standard_normal((3, size, size), np.float32) for g in generators])
        images = _shrink(_scene(_Draws(uniforms), labels[part], size * sampling), sampling)
        pixels[part] = np.rint(255 * np.clip(images + NOISE * noise, 0, 1))
    return pixels, labels


class _Draws:
    """Random numbers of N scenes, taken from a table (N, columns) one column at a time."""

    def __init__(self, uniforms: Floats) -> None:
        self._columns: Iterator[Floats] = iter(np.ascontiguousarray(uniforms.T))

    def uniform(self, low: float, high: float) -> Floats:
        """Draw one number for each image, (N, 1, 1)."""
        column = next(self._columns)[:, None, None]
        return (low + (high - low) * column).astype(np.float32)

    def colour(self, low: float, high: float) -> Floats:
        """Draw a tinted grey of lightness ``low`` to ``high`` for each image, (N, 3, 1, 1)."""
        lightness = self.uniform(low, high)
        tints = np.stack([self.uniform(-0.15, 0.15) for _ in range(3)], axis=1)
        return lightness[:, None] + tints


def _scene(draws: _Draws, labels: NDArray[np.int64], size: int) -> Floats:
    """Draw images (N, 3, H, W) from 0 to 1: background, distractors, then the labelled shape."""
    ticks: Floats = np.arange(0.5, size, dtype=np.float32) / np.float32(size)
    x, y = ticks[None, None, :], ticks[None, :, None]  # (1, 1, W), (1, H, 1)
    # Ink is closer to paint than to the background, so that outlines show through fills.
    base, paint, ink = (draws.colour(*greys) for greys in (BACKGROUND, PAINT, INK))
    texture = _wave(draws, x, y) + _wave(draws, x, y)
    images = base + texture[:, None]  # (N, 3, H, W)
    for _ in range(DISTRACTORS):
        images = _over(images, draws.colour(0, 0.9), _bar(draws, x, y, size))
    inside, ink_share = _shape(draws, labels, x, y, size)
    images = _over(images, paint, inside)
    return _over(images, ink, inside * ink_share)


def _over(below: Floats, colour: Floats, share: Floats) -> Floats:
    """Paint a colour (N, 3, 1, 1) over images (N, 3, H, W) to the ``share`` (N, H, W) of 0 to 1."""
    share = share[:, None]
    return below + share * (colour - below)


def _wave(draws: _Draws, x: Floats, y: Floats) -> Floats:
    """Draw a faint plane wave over the image, (N, H, W)."""
    angle, phase = draws.uniform(0, 2 * np.pi), draws.uniform(0, 2 * np.pi)
    frequency = 2 * np.pi * draws.uniform(2, 12)
    wave = np.sin(frequency * (x * np.cos(angle) + y * np.sin(angle)) + phase)
    return wave * draws.uniform(0, 0.08)


def _bar(draws: _Draws, x: Floats, y: Floats, size: int) -> Floats:
    """Draw a short bar, as the share of each point that it covers, (N, H, W)."""
    u, v = _turned(draws, x, y, 0, 1, np.pi)
    length, width = draws.uniform(0.05, 0.25), draws.uniform(0.02, 0.08)
    return _covered(np.maximum(np.abs(u) - length, np.abs(v) - width), size)


def _shape(
    draws: _Draws, labels: NDArray[np.int64], x: Floats, y: Floats, size: int
) -> tuple[Floats, Floats]:
    """Draw the shape, as the shares of each point that it and the ink in it cover, (N, H, W)."""
    outline, fill = labels // len(FILLS), labels % len(FILLS)
    u, v = _turned(draws, x, y, 0.37, 0.63, TURN)
    radius = draws.uniform(0.23, 0.36)
    distance = _polygon(outline, u, v, radius)
    cell = draws.uniform(0.05, 0.07)  # width of a stripe
    # A fill has a random phase, so that it does not reveal the outline's place.
    across, along = (_zigzag(w + draws.uniform(0, 1), cell) for w in (u, v))
    inks = {
        "stripes": _covered(across, size),
        "checks": _covered(_either(across, along), size),
        "hole": _covered(np.hypot(u, v) - 0.28 * radius, size),
        "plain": np.zeros_like(distance),
    }
    ink = np.choose(fill[:, None, None], [inks[name] for name in FILLS])
    return _covered(distance, size), ink


def _turned(
    draws: _Draws, x: Floats, y: Floats, low: float, high: float, turn: float
) -> tuple[Floats, Floats]:
    """Return coordinates (N, H, W) around a random centre, rotated by up to ``turn`` radians."""
    x, y = x - draws.uniform(low, high), y - draws.uniform(low, high)
    angle = draws.uniform(-turn, turn)
    cos, sin = np.cos(angle), np.sin(angle)
    return x * cos + y * sin, y * cos - x * sin


def _polygon(outline: NDArray[np.int64], u: Floats, v: Floats, radius: Floats) -> Floats:
    """Return the distance (N, H, W) to the outline of a regular polygon or star, negative inside.

    By symmetry, every point is mapped into half the sector of one corner. There, the outline is one
    line from the outer corner to the inner one.
    """
    table = [(n, np.cos(np.pi / n) if inner is None else inner) for n, inner in OUTLINES]
    corners, inner = np.asarray(table, np.float32)[outline].T[:, :, None, None]
    half = np.pi / corners
    angle = np.abs((np.arctan2(v, u) + half) % (2 * half) - half)
    distance = np.hypot(u, v)
    # The line through (1, 0) and the inner corner has the normal (rise, run).
    rise, run = inner * np.sin(half), 1 - inner * np.cos(half)
    side = rise * (distance * np.cos(angle) - radius) + run * distance * np.sin(angle)
    return np.asarray(side / np.hypot(rise, run), np.float32)


def _zigzag(u: Floats, cell: Floats) -> Floats:
    """Return the distance to the nearest edge of stripes, negative in every other one."""
    distance: Floats = np.abs(u % (2 * cell) - cell) - cell / 2
    return distance


def _either(a: Floats, b: Floats) -> Floats:
    """Return the distance to the points in exactly one of two regions."""
    distance: Floats = np.copysign(np.minimum(np.abs(a), np.abs(b)), a * b)
    return distance


def _covered(distance: Floats, size: int) -> Floats:
    """Return the share of each point, 1 / ``size`` wide, that lies at a negative distance."""
    share: Floats = np.clip(0.5 - distance * size, 0, 1)
    return share


def _shrink(images: Floats, side: int) -> Floats:
    """Average each square of ``side`` by ``side`` points into a pixel."""
    n, channels, size, _ = images.shape
    squares = images.reshape(n, channels, size // side, side, size // side, side)
    return np.asarray(squares.mean((3, 5)))


def _check(split: str, count: int, size: int, classes: int, seed: int) -> None:
    if split not in SPLITS:
        raise ValueError(f"split: got {split!r}, must be one of {SPLITS}")
    ranges = {"count": (count, 1, 10**9), "size": (size, 4, 4096), "seed": (seed, 0, 2**63 - 1)}
    for name, (value, low, high) in {**ranges, "classes": (classes, 2, MAX_CLASSES)}.items():
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"{name}: got {value!r}, must be a whole number from {low} to {high}")
