"""The minival: where it comes from, its size, its share of each class, and its disjointness."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.data.cache.dataset import reopened
from nas.data.load import load_search_data, load_test_data
from nas.data.minival import half_width, hold_out, minival_count, parse_minival
from nas.data.options import DataOptions
from nas.errors import UserError
from tests.nas.data.pictures import class_folders

label_lists = st.lists(st.integers(0, 5), min_size=1, max_size=200)


@pytest.mark.parametrize(
    ("images", "held_out"),
    [
        (1, 1),
        (4, 1),
        (10, 2),
        (100, 20),
        (4999, 999),  # a fifth
        (25_000, 5000),
        (50_000, 5000),  # CIFAR-10
        (300_000, 6000),  # 2 %
        (1_281_167, 25_000),  # ImageNet
    ],
)
def test_minival_count(images: int, held_out: int) -> None:
    assert minival_count(images) == held_out


@given(labels=label_lists, data=st.data())
def test_hold_out_splits_the_positions_in_two_of_the_wanted_sizes(
    labels: list[int], data: st.DataObject
) -> None:
    count = data.draw(st.integers(0, len(labels)))
    kept, held = hold_out(np.array(labels), count)
    assert len(held) == count
    assert sorted([*kept, *held]) == list(range(len(labels)))


@given(labels=label_lists, data=st.data())
def test_hold_out_takes_the_same_share_of_each_class(
    labels: list[int], data: st.DataObject
) -> None:
    """The shares of two classes agree to within half an image of each, if they have several."""
    array = np.array(labels)
    _, held = hold_out(array, data.draw(st.integers(0, len(labels))))
    totals, taken = np.bincount(array, minlength=6), np.bincount(array[held], minlength=6)
    shares = [(k / n, 0.5 / n) for k, n in zip(taken, totals, strict=True) if n > 1]
    for share, half in shares:
        for other, other_half in shares:
            assert abs(share - other) <= half + other_half + 1e-9


@given(labels=label_lists)
def test_hold_out_is_the_same_every_time(labels: list[int]) -> None:
    first, second = (hold_out(np.array(labels), len(labels) // 5) for _ in range(2))
    assert np.array_equal(first[1], second[1])


def test_hold_out_is_random_within_a_class() -> None:
    _, held = hold_out(np.zeros(1000, np.int64), 200)
    assert 350 < held.mean() < 650  # neither the first nor the last
    assert len(set(np.diff(held))) > 3  # nor every fifth


def test_a_class_keeps_its_only_image() -> None:
    kept, _ = hold_out(np.array([0] * 10 + [1]), 5)
    assert 10 in kept


def test_half_width() -> None:
    """1.96 * sqrt(0.9 * 0.1 / 1000) = 0.0186: CIFAR-10's former 1,000 images."""
    assert half_width(1000) == pytest.approx(0.0186, abs=5e-5)
    assert half_width(5000) == pytest.approx(0.0083, abs=5e-5)


@pytest.mark.parametrize(("text", "same"), [("auto", "auto"), ("train", "train"), ("0.10", "0.1")])
def test_choices(text: str, same: str) -> None:
    assert parse_minival(text).text == same


@pytest.mark.parametrize("text", ["", "test", "0", "-0.1", "0.51", "nan", "1"])
def test_other_choices_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be auto, train, or a share"):
        parse_minival(text)


def test_digits_hold_out_a_fifth_of_each_class() -> None:
    data = load_search_data("digits")
    assert (len(data.training), len(data.minival)) == (1150, 287)
    counts = np.bincount(data.minival.labels) / np.bincount(data.training.labels)
    assert counts == pytest.approx(np.full(10, 0.25), abs=0.01)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twenty training images, and four validation images of one of the two classes."""
    class_folders(tmp_path / "pets" / "train")
    class_folders(tmp_path / "pets" / "validation", ("bee",), count=4)
    return tmp_path / "pets"


def test_a_validation_folder_is_the_minival(folder: Path) -> None:
    data = load_search_data(str(folder), 8)
    assert (len(data.training), data.minival_split) == (20, "validation")
    assert data.minival.labels.tolist() == [1, 1, 1, 1]
    assert data.minival.pixels[:, 0, 0, 0].tolist() == [0, 1, 2, 3]
    assert data.statistics is not None
    assert data.statistics.mean == pytest.approx(data.training.pixels.mean((0, 2, 3)).tolist())


@pytest.mark.parametrize(("minival", "counts"), [("train", (16, 4)), ("0.1", (18, 2))])
def test_the_minival_is_held_out_where_asked_for(
    folder: Path, minival: str, counts: tuple[int, int]
) -> None:
    data = load_search_data(str(folder), 8, DataOptions(minival))
    assert (len(data.training), len(data.minival), data.minival_split) == (*counts, "")


def test_each_choice_of_one_folder_has_other_data(folder: Path) -> None:
    choices = ("auto", "train", "0.1")
    digests = {
        load_search_data(str(folder), 8, DataOptions(minival)).fingerprint() for minival in choices
    }
    assert len(digests) == 3


def test_a_changed_validation_image_is_read_again(folder: Path) -> None:
    before = load_search_data(str(folder), 8).fingerprint()
    (folder / "validation" / "bee" / "0.png").unlink()
    assert load_search_data(str(folder), 8).fingerprint() != before


def test_classes_need_enough_images_in_training_only(folder: Path) -> None:
    for image in sorted((folder / "train" / "ant").iterdir())[5:]:
        image.unlink()
    assert len(load_search_data(str(folder), 8).training) == 15
    sorted((folder / "train" / "ant").iterdir())[0].unlink()
    with pytest.raises(UserError, match=r"1 of 2 classes with fewer than 5 images: 'ant' \(4\)"):
        load_search_data(str(folder), 8)


def test_an_unreadable_validation_image_is_left_out(folder: Path) -> None:
    damaged = folder / "validation" / "bee" / "0.png"
    damaged.write_bytes(b"")
    data = load_search_data(str(folder), 8)
    assert (len(data.training), len(data.minival)) == (20, 3)
    assert data.unreadable == (str(damaged),)


def test_a_validation_class_that_training_lacks_is_refused(folder: Path) -> None:
    class_folders(folder / "validation", ("cow",), count=1)
    message = f"got {folder / 'validation' / 'cow'}, must be one of the training set's 2 classes"
    with pytest.raises(UserError, match=re.escape(message)):
        load_search_data(str(folder), 8)
    assert len(load_search_data(str(folder), 8, DataOptions("train")).minival) == 4


def test_a_validation_folder_without_classes_is_named(tmp_path: Path) -> None:
    """As in Tiny ImageNet, whose validation labels are in a text file."""
    class_folders(tmp_path / "tiny" / "train")
    class_folders(tmp_path / "tiny" / "val", ("images",), count=2)
    for image in (tmp_path / "tiny" / "val" / "images").iterdir():
        image.rename(tmp_path / "tiny" / "val" / image.name)
    (tmp_path / "tiny" / "val" / "images").rmdir()
    data = load_search_data(str(tmp_path / "tiny"), 8)
    assert (len(data.minival), data.minival_split) == (4, "")
    assert data.unused_split == "val has no class folders"


def test_a_node_without_the_cache_reads_the_same_minival(folder: Path, tmp_path: Path) -> None:
    data = load_search_data(str(folder), 8)
    assert data.reopen is not None
    wanted, _, digest, _ = data.reopen.args  # type: ignore[attr-defined]
    again = reopened(wanted, (tmp_path / "nowhere",), digest, None)
    assert again.minival.labels.tolist() == [1, 1, 1, 1]


def test_validation_arrays_are_the_minival(tmp_path: Path) -> None:
    """As in MedMNIST, here with labels that do not begin at 0."""
    path = tmp_path / "set.npz"
    pixels = np.arange(30, dtype=np.uint8)[:, None, None] * np.ones((1, 4, 4), np.uint8)
    np.savez(
        path, train_images=pixels, train_labels=[[3], [5], [9]] * 10,
        val_images=pixels[:2], val_labels=[[9], [5]],
    )  # fmt: skip
    data = load_search_data(str(path))
    assert (len(data.training), data.minival_split) == (30, "validation arrays")
    assert data.minival.labels.tolist() == [2, 1]
    assert len(load_search_data(str(path), options=DataOptions("train")).training) == 24


def test_validation_arrays_of_another_class_are_refused(tmp_path: Path) -> None:
    pixels = np.zeros((10, 4, 4), np.uint8)
    path = tmp_path / "set.npz"
    np.savez(path, x_train=pixels, y_train=[3, 5] * 5, x_val=pixels[:2], y_val=[3, 4])
    with pytest.raises(UserError, match=r"must be of the training's 2 classes \(3, 5\); 1 is not"):
        load_search_data(str(path))


def test_a_test_folder_is_never_the_minival(folder: Path) -> None:
    class_folders(folder / "test", ("ant",), count=7)
    assert len(load_search_data(str(folder), 8).minival) == 4
    assert load_test_data(str(folder), 8).split == "test"
