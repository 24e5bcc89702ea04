"""The size of a set's images, and the size that they are trained at by default."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from nas.data.cache.survey import Survey, default_size, survey
from nas.data.formats.folder import training_folder


@pytest.mark.parametrize(
    ("sides", "on_cpu", "on_gpu"),
    [
        ((32, 32, 32), 32, 32),  # CIFAR
        ((28, 28, 28), 28, 28),
        ((128, 128, 128), 128, 128),
        ((160, 160, 160), 96, 160),  # of one size, but too large for a CPU
        ((400, 400, 400), 96, 192),
        ((160, 213, 400), 96, 192),  # photos
        ((20, 45, 90), 40, 40),  # a multiple of 8, no larger than half of them
        ((5, 6, 300), 8, 8),
    ],
)
def test_default_sizes(sides: tuple[int, int, int], on_cpu: int, on_gpu: int) -> None:
    assert default_size(Survey(*sides), has_gpu=False)[0] == on_cpu
    assert default_size(Survey(*sides), has_gpu=True)[0] == on_gpu


def test_the_reason_is_said_unless_the_images_keep_their_size() -> None:
    assert default_size(Survey(32, 32, 32), has_gpu=False)[1] == ""
    assert default_size(Survey(400, 400, 400), has_gpu=False)[1] == (
        "reduced from 400 px, for training on a CPU"
    )
    assert default_size(Survey(160, 213, 400), has_gpu=True)[1] == (
        "the images have 160 to 400 px, half of them 213 or more, reduced for training on a GPU"
    )
    assert default_size(Survey(20, 45, 90), has_gpu=True)[1] == (
        "the images have 20 to 90 px, half of them 45"
    )
    assert default_size(None, has_gpu=True) == (64, "")


def test_the_shorter_sides_of_readable_images_count(tmp_path: Path) -> None:
    for name in ("ant", "bee"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for i, size in enumerate(((10, 30), (40, 20), (25, 25))):
            Image.new("L", size).save(tmp_path / "pets" / name / f"{i}.png")
        (tmp_path / "pets" / name / "bad.png").write_bytes(b"no image")
    source = training_folder(tmp_path / "pets")
    assert survey(source) == Survey(10, 20, 25)
    for image in (tmp_path / "pets").rglob("*.png"):
        image.write_bytes(b"")
    assert survey(source) == Survey(10, 20, 25)  # kept beside the cache
