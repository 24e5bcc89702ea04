"""Data that a program gives: arrays, data sets of torch and of Hugging Face, functions."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import datasets  # type: ignore[import-untyped]
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from nas.data.given import Data, from_function, is_function, place_of
from nas.data.given_copies import FOLDER
from nas.data.load import absolute_data, load_search_data, load_test_data
from nas.errors import UserError

NAMES = ("left", "right", "both")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAS_CACHE_DIR", str(tmp_path / "cache"))


def arrays(count: int = 60, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return images (N, 3, 8, 8) and labels of three classes."""
    generator = np.random.default_rng(seed)
    images = generator.integers(0, 256, (count, 3, 8, 8), dtype=np.uint8)
    return images, np.arange(count, dtype=np.int64) % 3


class Items(torch.utils.data.Dataset[Any]):
    """A map-style data set of images in one of their forms."""

    def __init__(self, form: str, count: int = 60, seed: int = 0) -> None:
        self.images, self.labels = arrays(count, seed)
        self.form = form

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, i: int) -> tuple[Any, Any]:
        image, label = self.images[i], int(self.labels[i])
        last = image.transpose(1, 2, 0)
        shown: dict[str, Any] = {
            "tensor": torch.from_numpy(image),
            "floats": torch.from_numpy(image).float() / 255,
            "array": last,
            "pillow": Image.fromarray(last),
        }
        return shown[self.form], label


def test_arrays_are_the_pixels_themselves() -> None:
    images, labels = arrays()
    data = load_search_data(place_of(Data((images, labels), class_names=NAMES)))
    both = np.concatenate([data.training.pixels, data.minival.pixels])
    assert sorted(map(bytes, both)) == sorted(map(bytes, images))
    assert data.class_names == NAMES


@pytest.mark.parametrize("form", ["tensor", "floats", "array", "pillow"])
def test_a_data_set_of_torch_is_the_pixels_themselves(form: str) -> None:
    place = place_of(Data(Items(form), test=Items(form, 30, 1), class_names=NAMES))
    data = load_search_data(place)
    assert (len(data.training) + len(data.minival), data.class_names) == (60, NAMES)
    test = load_test_data(place, 8, NAMES).test
    images, labels = arrays(30, 1)
    assert (test.pixels == images).all()
    assert (test.labels == labels).all()


def test_the_same_data_are_the_same_copy_and_others_another() -> None:
    first = place_of(Data(Items("tensor")))
    assert place_of(Data(Items("floats"))) == first
    assert place_of(Data(Items("tensor", seed=1))) != first
    data = load_search_data(first)
    assert data.fingerprint() == load_search_data(place_of(Items("pillow"))).fingerprint()


def test_a_copy_that_was_deleted_is_written_again() -> None:
    data = Data(Items("tensor"))
    place = Path(place_of(data))
    before = load_search_data(str(place)).fingerprint()
    for file in place.iterdir():
        file.unlink()
    place.rmdir()
    assert place_of(data) == str(place)
    assert load_search_data(str(place)).fingerprint() == before


def test_nothing_is_left_beside_the_copies(tmp_path: Path) -> None:
    place_of(Items("tensor"))
    place_of(Items("tensor"))
    place_of(arrays())
    assert len(list((tmp_path / "cache" / FOLDER).iterdir())) == 2


def test_validation_images_become_the_minival() -> None:
    images, labels = arrays(30, 1)
    data = load_search_data(place_of({"train": Items("array"), "val": Items("array", 30, 1)}))
    assert (len(data.training), len(data.minival)) == (60, 30)
    assert (data.minival.pixels == images).all()
    assert (data.minival.labels == labels).all()


def test_hugging_faces_data_sets_keep_their_class_names() -> None:
    images, labels = arrays()
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=list(NAMES))}
    )
    columns = {
        "image": [Image.fromarray(image.transpose(1, 2, 0)) for image in images],
        "label": labels.tolist(),
    }
    given = datasets.DatasetDict({"train": datasets.Dataset.from_dict(columns, features=features)})
    data = load_search_data(place_of(given))
    assert data.class_names == NAMES
    assert len(data.training) + len(data.minival) == 60


def test_an_image_may_have_several_labels() -> None:
    class Tagged(Items):
        def __getitem__(self, i: int) -> tuple[Any, Any]:
            return super().__getitem__(i)[0], torch.tensor([i % 2 == 0, i % 2 == 1, True]).float()

    data = load_search_data(place_of(Data(Tagged("tensor"), class_names=NAMES)))
    assert data.is_multi_label
    assert {tuple(row) for row in data.training.labels.tolist()} == {(0, 2), (1, 2)}


def test_images_of_different_sizes_are_brought_to_one() -> None:
    class Mixed(Items):
        def __getitem__(self, i: int) -> tuple[Any, Any]:
            image, label = super().__getitem__(i)
            return image.resize((24 + i % 3, 20)), label

    data = load_search_data(place_of(Mixed("pillow")), 12)
    assert data.training.pixels.shape[1:] == (3, 12, 12)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (3, "got a int, must be a pair of arrays"),
        ([1, 2, 3], r"train: item 0: got a int, must be \(image, label\)"),
        ([(np.zeros((8, 8)), 0.5)], "item 0: got the label 0.5, must be a whole number"),
        ([(np.full((8, 8), 2.0), 0)], "got floats from 2 to 2, must be from 0 to 1"),
        ([(np.zeros((8, 8, 5)), 0)], r"got an image of shape \(8, 8, 5\), must be"),
        ([(np.zeros((8, 8), np.int64), 0)], "got an image of type int64, must be uint8"),
        ([(np.zeros((8, 8)), torch.zeros(3))], "item 0: got no label, must have one or more"),
        ([], "train: got 0 images"),
        (([[1], [1, 2]], [0, 1]), "train: images: cannot be read as an array"),
        ((np.array([None, None]), [0, 1]), "train: images: got an array of type object"),
        ((np.zeros((2, 8, 8)), np.array(["a", "b"])), "labels: got an array of type <U1"),
        ((np.array(3), np.array(2)), "train: images: got an array of type int64 and shape"),
        (
            [(np.zeros((8, 8)), label) for label in (0, "a")],
            "item 1: got the label 'a', which is a name, but the first is a number",
        ),
        (
            [(np.zeros((8, 8)), label) for label in (1, [1, 0])],
            r"item 1: got the label \[0\], which is a vector, but the first is a number",
        ),
        ({"tests": 1}, "got the split 'tests', must be train, validation or test"),
        ({"test": 1}, "got the splits test, must have train"),
    ],
)
def test_what_is_no_data_is_told_in_one_line(given: object, problem: str) -> None:
    with pytest.raises(UserError, match=problem) as raised:
        place_of(given)
    assert "\n" not in str(raised.value)


def test_a_label_beyond_the_class_names_is_told() -> None:
    with pytest.raises(UserError, match="item 1: got the label 1, must be from 0 to 0"):
        place_of(Data([(np.zeros((8, 8)), i) for i in range(3)], class_names=["only"]))


def test_random_transforms_are_refused() -> None:
    class Random(Items):
        def __getitem__(self, i: int) -> tuple[Any, Any]:
            image, label = super().__getitem__(i)
            return (image if torch.rand(()) < 0.5 else image.flip(2)), label

    with pytest.raises(UserError, match=r"train: item \d: differs each time it is read, must be"):
        place_of(Random("tensor"))


def test_classes_of_another_order_are_matched_by_their_names() -> None:
    train, test = Items("pillow"), Items("pillow", 20, seed=1)
    train.classes, test.classes = ["a", "b", "c"], ["c", "a", "b"]  # type: ignore[attr-defined]
    data = load_test_data(place_of(Data(train, test=test)))
    assert np.array_equal(data.test.labels, (test.labels + 2) % 3)


def test_a_data_set_may_have_features_of_its_own() -> None:
    class Featured(Items):
        features = torch.zeros(60, 3)
        classes = np.array(NAMES)

    assert load_search_data(place_of(Featured("tensor"))).class_names == NAMES


def test_tensors_may_need_gradients() -> None:
    images, labels = arrays()
    tensors = torch.from_numpy(images).float() / 255, torch.from_numpy(labels)
    data = load_search_data(place_of((tensors[0].requires_grad_(), tensors[1])))
    assert data.classes == 3


def test_an_error_of_the_data_set_names_the_item() -> None:
    class Broken(Items):
        def __getitem__(self, i: int) -> tuple[Any, Any]:
            if i == 7:
                raise KeyError("gone")
            return super().__getitem__(i)

    with pytest.raises(UserError, match=r"item 7 cannot be read \(KeyError: 'gone'\)"):
        place_of(Broken("tensor"))


def test_a_function_gives_data_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("given_mine")
    module.images = lambda: arrays()  # type: ignore[attr-defined]
    module.broken = lambda: 1 / 0  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "given_mine", module)
    from_function.cache_clear()
    assert is_function("given_mine:images")
    assert absolute_data("given_mine:images") == "given_mine:images"
    data = load_search_data("given_mine:images")
    assert (data.name, len(data.training) + len(data.minival)) == ("given_mine:images", 60)
    with pytest.raises(UserError, match="given_mine:broken: ZeroDivisionError: division by zero"):
        load_search_data("given_mine:broken")
    with pytest.raises(UserError, match="--import nowhere"):
        load_search_data("nowhere:images")


def test_our_own_prefixes_are_no_modules() -> None:
    assert not is_function("hub:cifar10")
    assert not is_function("shapes:classes")
