"""Images from .npz files: the forms that are accepted, and those that are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from nas.data.formats.arrays import training_arrays
from nas.errors import UserError

PIXELS = np.arange(4 * 6 * 6, dtype=np.uint8).reshape(4, 6, 6)
LABELS = np.array([0, 1, 0, 1])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Path of a .npz file that does not exist yet."""
    return tmp_path / "set.npz"


@pytest.mark.parametrize(
    "names",
    [("train_images", "train_labels"), ("x_train", "y_train"), ("images", "labels")],
)
def test_three_ways_to_name_the_arrays(path: Path, names: tuple[str, str]) -> None:
    np.savez(path, **{names[0]: PIXELS, names[1]: LABELS})  # type: ignore[arg-type]
    split = training_arrays(path, None)
    assert np.array_equal(split.pixels, PIXELS[:, None])
    assert split.labels.dtype == np.int64
    assert split.labels.tolist() == [0, 1, 0, 1]


def test_a_test_set_in_the_file_is_not_read(path: Path) -> None:
    other = PIXELS[::-1]
    np.savez(
        path, x_test=other, y_test=LABELS, test_images=other, test_labels=LABELS, x_train=PIXELS,
        y_train=LABELS, val_images=other, val_labels=LABELS,
    )  # fmt: skip
    assert np.array_equal(training_arrays(path, None).pixels, PIXELS[:, None])


@pytest.mark.parametrize("channels", [1, 3])
def test_channels_come_last_in_the_file_and_first_here(path: Path, channels: int) -> None:
    images = np.arange(2 * 4 * 4 * channels, dtype=np.uint8).reshape(2, 4, 4, channels)
    np.savez(path, images=images, labels=LABELS[:2])
    pixels = training_arrays(path, None).pixels
    assert pixels.shape == (2, channels, 4, 4)
    assert pixels[1, channels - 1, 2, 3] == images[1, 2, 3, channels - 1]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_from_0_to_1_become_bytes(path: Path, dtype: type[np.floating[Any]]) -> None:
    np.savez(path, images=(PIXELS / 255).astype(dtype), labels=LABELS)
    assert np.array_equal(training_arrays(path, None).pixels[:, 0], PIXELS)


def test_labels_in_a_column_are_flattened(path: Path) -> None:
    np.savez(path, images=PIXELS, labels=LABELS[:, None].astype(np.uint8))
    assert training_arrays(path, None).labels.tolist() == [0, 1, 0, 1]


def test_images_are_made_square_at_their_own_size_or_at_the_one_asked_for(path: Path) -> None:
    np.savez(path, images=np.zeros((4, 6, 9), np.uint8), labels=LABELS)
    assert training_arrays(path, None).pixels.shape == (4, 1, 6, 6)
    assert training_arrays(path, 5).pixels.shape == (4, 1, 5, 5)


def _nan() -> NDArray[np.float64]:
    images = PIXELS / 255
    images[0, 0, 0] = np.nan
    return images


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"pixels": PIXELS, "labels": LABELS},
            "got arrays ['labels', 'pixels'], must contain train_im",
        ),
        ({"images": PIXELS}, "got arrays ['images'], must contain train_images + train_labels or"),
        ({"images": PIXELS[0], "labels": LABELS}, "got images of shape (6, 6), must be (N, H, W)"),
        ({"images": np.zeros((4, 6, 6, 2), np.uint8), "labels": LABELS}, "shape (4, 6, 6, 2)"),
        ({"images": np.zeros((4, 3, 6, 6), np.uint8), "labels": LABELS}, "shape (4, 3, 6, 6)"),
        ({"images": PIXELS.astype(np.int64), "labels": LABELS}, "got images of type int64"),
        (
            {"images": PIXELS > 9, "labels": LABELS},
            "got images of type bool, must be uint8, or floats",
        ),
        (
            {"images": PIXELS * 1.0, "labels": LABELS},
            "got floats outside 0 to 1, must be floats from 0",
        ),
        (
            {"images": PIXELS / -255, "labels": LABELS},
            "got floats outside 0 to 1, must be floats from 0",
        ),
        ({"images": _nan(), "labels": LABELS}, "got floats outside 0 to 1, must be floats from 0"),
        ({"images": PIXELS, "labels": LABELS[:3]}, "got 4 images and 3 labels, must be one"),
        ({"images": PIXELS, "labels": np.ones((4, 4), int)}, "got 4 images and 16 labels"),
        ({"images": PIXELS, "labels": LABELS + 0.5}, "got labels of type float64, must be one"),
        ({"images": PIXELS, "labels": np.array(["a", "b", "a", "b"])}, "got labels of type <U1"),
        ({"images": PIXELS[:0], "labels": LABELS[:0]}, "got 0 images and 0 labels"),
        ({"images": PIXELS[:0] / 255, "labels": LABELS[:0]}, "got 0 images and 0 labels"),
        ({"images": PIXELS.astype(object), "labels": LABELS}, "must be a readable .npz file"),
    ],
)
def test_arrays_of_another_form_are_refused(
    path: Path, arrays: dict[str, Any], message: str
) -> None:
    np.savez(path, **arrays)
    _assert_refused(path, message)


def test_no_file(path: Path) -> None:
    _assert_refused(path, "must be a readable .npz file ([Errno 2] No such file")


def test_not_a_zip(path: Path) -> None:
    path.write_text("images, labels")
    _assert_refused(path, "must be a readable .npz file")


def test_one_array_without_a_zip(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, PIXELS)
    _assert_refused(path, "must be a readable .npz file")


@pytest.mark.parametrize("cut", [0.1, 0.5, 0.9, 0.99])
def test_a_download_that_was_cut_short(path: Path, cut: float) -> None:
    np.savez_compressed(path, images=PIXELS, labels=LABELS)
    content = path.read_bytes()
    path.write_bytes(content[: int(cut * len(content))])
    _assert_refused(path, "must be a readable .npz file")


@pytest.mark.parametrize("place", [60, 100, 200])
def test_a_damaged_byte(path: Path, place: int) -> None:
    np.savez_compressed(path, images=PIXELS, labels=LABELS)
    content = bytearray(path.read_bytes())
    content[place] ^= 0xFF
    path.write_bytes(content)
    _assert_refused(path, "must be a readable .npz file")


def _assert_refused(path: Path, message: str) -> None:
    with pytest.raises(UserError) as error:
        training_arrays(path, None)
    text = str(error.value)
    assert text.startswith("--data: ")
    assert str(path) in text
    assert message in text
    assert "\n" not in text
