"""The size of a set's images, and the size that they are trained at by default."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nas.data.cache.survey import Survey, default_size, survey
from nas.data.formats.folder import training_folder
from nas.data.load import load_search_data, load_test_data
from nas.data.options import DataOptions


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


def test_the_sample_is_spread_over_the_set(tmp_path: Path) -> None:
    """A thousand small images of one class come before twenty large 16-bit ones of another."""
    for name, count, image in (
        ("a", 1000, Image.new("L", (8, 8))),
        ("b", 20, Image.fromarray(np.full((64, 64), 4000, np.uint16))),
    ):
        (tmp_path / name).mkdir()
        for i in range(count):
            image.save(tmp_path / name / f"{i:04}.png")
    found = survey(training_folder(tmp_path))
    assert found is not None
    assert (found.least, found.median, found.greatest) == (8, 8, 64)
    assert found.values == (0, 4095)


def test_options_do_not_change_the_survey(tmp_path: Path) -> None:
    """The size does not depend on what was asked for before."""
    for name, count, size in (("ant", 6, 32), ("bee", 6, 32), ("cow", 1, 64)):
        (tmp_path / "set" / name).mkdir(parents=True)
        for i in range(count):
            Image.new("L", (size, size), i).save(tmp_path / "set" / name / f"{i}.png")
    sizes = [
        load_search_data(str(tmp_path / "set"), options=DataOptions(min_per_class=n)).size_reason
        for n in (5, 1, 5)
    ]
    assert len(set(sizes)) == 1


def test_the_range_of_the_training_is_that_of_the_test(tmp_path: Path) -> None:
    """Whatever the validation images hold."""
    for split, top in (("train", 4000), ("val", 5000), ("test", 9)):
        for name in ("ant", "bee"):
            (tmp_path / split / name).mkdir(parents=True)
            for i in range(5):
                image = Image.fromarray(np.full((8, 8), top, np.uint16))
                image.save(tmp_path / split / name / f"{i}.png")
    data = load_search_data(str(tmp_path), 8)
    assert data.values == (0, 4095)
    assert data.training.pixels.max() == round(255 * 4000 / 4095)
    assert data.minival.pixels.max() == 255
    options = DataOptions(values=data.values)
    assert load_test_data(str(tmp_path), 8, ("ant", "bee"), options).test.pixels.max() == 1


def test_a_process_that_the_data_is_sent_to_has_the_range_too(tmp_path: Path) -> None:
    """A training's process writes it into the checkpoint."""
    for name in ("ant", "bee"):
        (tmp_path / "set" / name).mkdir(parents=True)
        for i in range(5):
            image = Image.fromarray(np.full((8, 8), 4000, np.uint16))
            image.save(tmp_path / "set" / name / f"{i}.png")
    sent = pickle.loads(pickle.dumps(load_search_data(str(tmp_path / "set"), 8)))
    assert sent.values == (0, 4095)
