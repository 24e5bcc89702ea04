"""``--data``: every documented form is read, every other one is refused with one line."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pytest
from PIL import Image
from pyarrow import parquet

from nas.data.formats.digits import digits
from nas.data.formats.shapes import shapes
from nas.data.load import load_search_data, load_test_data, load_training_data
from nas.data.minival import MinivalChoice, training_and_minival
from nas.errors import UserError
from tests.nas.data.pictures import class_folders, labelled_tar, picture


def test_digits() -> None:
    data = load_search_data("digits")
    assert (data.name, data.classes, data.image_size, data.channels) == ("digits", 10, 8, 1)
    images = {image.tobytes() for split in (data.training, data.minival) for image in split.pixels}
    assert images == {image.tobytes() for image in digits("train").pixels}
    assert load_search_data("digits", 16).image_size == 16


def test_shapes_with_options() -> None:
    data = load_search_data("shapes:n=40,size=12,classes=3")
    assert (data.classes, data.image_size, len(data.training)) == (3, 12, 40)
    assert np.array_equal(data.training.pixels, shapes("train", 40, 12, 3)[0])
    assert np.array_equal(data.minival.pixels, shapes("minival", 1000, 12, 3)[0])


def test_shapes_are_drawn_at_the_image_size_asked_for() -> None:
    data = load_search_data("shapes:n=4,size=12", image_size=16)
    assert np.array_equal(data.training.pixels, shapes("train", 4, 16)[0])


def test_a_folder_holds_a_fifth_out_of_each_class(tmp_path: Path) -> None:
    for i, name in enumerate(("ant", "bee")):
        (tmp_path / name).mkdir()
        for j in range(10):
            Image.new("L", (8, 8), 100 * i + j).save(tmp_path / name / f"{j}.png")
    (tmp_path / "ant" / "bad.png").touch()
    data = load_search_data(str(tmp_path), 8)
    assert (data.classes, data.channels, data.image_size) == (2, 3, 8)
    assert data.unreadable == (str(tmp_path / "ant" / "bad.png"),)
    assert np.bincount(data.training.labels).tolist() == [8, 8]
    assert np.bincount(data.minival.labels).tolist() == [2, 2]
    greys = [split.pixels[:, 0, 0, 0].tolist() for split in (data.training, data.minival)]
    assert sorted([*greys[0], *greys[1]]) == [*range(10), *range(100, 110)]


def test_images_of_one_size_keep_it(tmp_path: Path) -> None:
    data = load_search_data(str(class_folders(tmp_path / "pets")))
    assert (data.image_size, data.class_names) == (12, ("ant", "bee"))
    assert (data.native_size, data.size_reason) == (12, "")


def test_training_reads_what_a_search_reads() -> None:
    data = load_training_data("digits", 8)
    assert data.fingerprint() == load_search_data("digits", 8).fingerprint()


@pytest.mark.parametrize("names", [(), ("ant", "bee")])
def test_the_test_split_of_a_folder(tmp_path: Path, names: tuple[str, ...]) -> None:
    class_folders(tmp_path / "train")
    class_folders(tmp_path / "test", ("bee",), count=3)
    data = load_test_data(str(tmp_path), 8, names)
    assert (data.classes, data.test.labels.tolist()) == (2, [1, 1, 1])
    assert data.test.pixels[:, 0, 0, 0].tolist() == [0, 1, 2]
    assert len(load_search_data(str(tmp_path), 8).training) == 16


def test_the_test_split_depends_on_the_classes(tmp_path: Path) -> None:
    class_folders(tmp_path / "test", ("bee",), count=3)
    labels = [load_test_data(str(tmp_path), 8, names).test.labels[0] for names in
              (("ant", "bee"), ("bee", "cat"))]  # fmt: skip
    assert labels == [1, 0]


def test_the_test_splits_of_data_in_memory(tmp_path: Path) -> None:
    assert np.array_equal(load_test_data("digits").test.pixels, digits("test").pixels)
    made = load_test_data("shapes:classes=3,size=12").test
    assert np.array_equal(made.pixels[:9], shapes("test", 9, 12, 3)[0])
    path = tmp_path / "set.npz"
    pixels, labels = np.zeros((30, 4, 4), np.uint8), np.array([5, 7, 9] * 10)
    np.savez(path, x_train=pixels, y_train=labels, x_test=pixels[:4], y_test=[9, 5, 9, 7])
    for names in ((), ("5", "7", "9")):
        assert load_test_data(str(path), class_names=names).test.labels.tolist() == [2, 0, 2, 1]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"y_test": [5, 8]},
            "with 2 classes (5, 8), must be of the training's 3 classes (5, 7, 9); 1 is not, such "
            "as 8",
        ),
        (
            {"y_test": [4, 10]},
            "must be of the training's 3 classes (5, 7, 9); 2 are not, such as 4",
        ),
        ({}, "with no test and no validation split, must have one"),
    ],
)
def test_arrays_without_a_test_split_of_their_classes_are_refused(
    tmp_path: Path, arrays: dict[str, list[int]], message: str
) -> None:
    path = tmp_path / "set.npz"
    pixels = np.zeros((2, 4, 4), np.uint8)
    np.savez(path, images=pixels[[0, 0, 0]], labels=[5, 7, 9], x_test=pixels, **arrays)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=re.escape(message)):
        load_test_data(str(path))


def test_labels_of_arrays_are_numbered_from_0(tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    labels = np.array([-7, 3, 1000] * 10)
    numbers = np.arange(30, dtype=np.uint8)[:, None, None]
    np.savez(path, images=np.broadcast_to(numbers, (30, 4, 4)), labels=labels)
    data = load_search_data(str(path))
    assert data.classes == 3
    assert len(data.training) == 24
    for split in (data.training, data.minival):
        assert split.labels.dtype == np.int64
        assert split.labels.tolist() == (split.pixels[:, 0, 0, 0] % 3).tolist()
    all_labels = np.concatenate([data.training.labels, data.minival.labels])
    assert np.bincount(all_labels).tolist() == [10, 10, 10]


def test_one_class_in_arrays_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    np.savez(path, images=np.zeros((9, 4, 4), np.uint8), labels=np.ones(9, int))
    _assert_refused(
        str(path), "got a training set of 9 images in 1 class, must have 2 or more of both"
    )


def test_class_names_other_than_numbers_are_refused_for_arrays(tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    np.savez(path, x_test=np.zeros((2, 4, 4), np.uint8), y_test=[0, 1])
    with pytest.raises(
        UserError, match=r"2 classes \(0, 1\), must be of .* 2 classes \(ant, bee\)"
    ):
        load_test_data(str(path), class_names=("ant", "bee"))


@pytest.mark.parametrize("form", ["npz", "parquet", "tar"])
@pytest.mark.parametrize(
    ("labels", "size"), [([3], "1 image in 1 class"), ([3] * 9, "9 images in 1 class")]
)
def test_too_little_to_train_on_is_refused_in_every_form(
    tmp_path: Path, form: str, labels: list[int], size: str
) -> None:
    path = tmp_path / f"set.{form}"
    if form == "npz":
        np.savez(path, images=np.zeros((len(labels), 4, 4), np.uint8), labels=labels)
    elif form == "parquet":
        parquet.write_table(pa.table({"image": [picture(9)] * len(labels), "label": labels}), path)
    else:
        labelled_tar(path, labels)
    _assert_refused(str(path), f"got a training set of {size}, must have 2 or more of both")


def test_a_table_without_rows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "test.parquet"
    schema = pa.schema([("image", pa.binary()), ("label", pa.int64())])
    parquet.write_table(schema.empty_table(), path)
    _assert_refused(str(path), "got a training set of 0 images in 0 classes")
    with pytest.raises(UserError, match="got 0 images, must have one or more"):
        load_test_data(str(path), 8, ("1", "2"))


def test_a_training_set_without_a_readable_image_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "set.parquet"
    _, held_out = training_and_minival(np.arange(10) % 2, MinivalChoice())
    minival = set(held_out.tolist())
    table = {"image": [b"" if i in minival else picture(1) for i in range(10)],
             "label": [i % 2 for i in range(10)]}  # fmt: skip
    parquet.write_table(pa.table(table), path)
    message = "got no readable image in the training set or in the minival, must have"
    _assert_refused(str(path), message)


def test_a_class_without_a_readable_image_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "set.parquet"
    images, labels = [picture(1)] * 5 + [b""] * 5, [0] * 5 + [1] * 5
    parquet.write_table(pa.table({"image": images, "label": labels}), path)
    _assert_refused(str(path), "class '1': got 0 readable images, must have one or more (5 unr")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("cifar", "got 'cifar', no such file or folder, must be digits, shapes[:"),
        ("/no/such/folder", "got '/no/such/folder', no such file or folder, must be digits"),
        ("digits:n=3", "got 'digits:n=3', no such file or folder, must be"),
        ("shape", "got 'shape', no such file or folder, must be"),
        ("a" * 300, "must be digits"),
        ("shapes:", "got '' in 'shapes:', must be classes=, size= or n= followed by a number"),
        ("shapes:n", "got 'n' in 'shapes:n', must be classes=, size= or n= followed by a number"),
        ("shapes:n=", "got 'n=' in"),
        ("shapes:n=-5", "got 'n=-5' in"),
        ("shapes:n=2.5", "got 'n=2.5' in"),
        ("shapes:n=5,", "got '' in"),
        ("shapes:n=5,colour=3", "got 'colour=3' in"),
        ("shapes:n=0", "'shapes:n=0': count: got 0, must be a whole number from 1"),
        ("shapes:classes=1", "classes: got 1, must be a whole number from 2 to 24"),
        ("shapes:classes=25", "classes: got 25"),
        ("shapes:size=3", "size: got 3, must be a whole number from 4"),
        ("shapes:n=" + "9" * 30, "count: got 999"),
        ("shapes:n=1000000000,size=4096", "got more images than fit into memory"),
        ("/no/such.npz", "got /no/such.npz, must be a readable .npz file"),
    ],
)
def test_other_specs_are_refused(spec: str, message: str) -> None:
    _assert_refused(spec, message)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    _assert_refused(str(tmp_path), "with 0 folders of images, must have two or more")


def _assert_refused(spec: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        load_search_data(spec)
    assert str(error.value).startswith("--data: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert error.value.exit_code == 2
