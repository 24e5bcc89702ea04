"""The images to evaluate on: the splits of every form, and classes that are compared by name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pytest
from pyarrow import parquet

from nas.data.formats.shapes import shapes
from nas.data.load import find_evaluation_split, load_search_data, load_test_data
from nas.data.split import EvaluationSplit
from nas.errors import UserError
from tests.nas.data.pictures import class_folders, labelled_tar, picture

FORMS_WITH_BOTH = ["folder", "parquet", "tar", "npz"]


def test_arrays_may_name_their_classes(tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    pixels = np.zeros((30, 4, 4), np.uint8)
    np.savez(
        path, x_train=pixels, y_train=[0, 1, 2] * 10, x_val=pixels[:3], y_val=[2, 0, 2],
        x_test=pixels[:4], y_test=[1, 1, 0, 2], class_names=["cow", "ant", "bee"],
    )  # fmt: skip
    data = load_search_data(str(path))
    assert (data.classes, data.class_names) == (3, ("cow", "ant", "bee"))
    assert data.training.labels.tolist() == [0, 1, 2] * 10
    assert data.minival.labels.tolist() == [2, 0, 2]
    names = ("ant", "bee", "cat", "cow")
    assert load_test_data(str(path), class_names=names).test.labels.tolist() == [0, 0, 3, 1]
    asked = load_test_data(str(path), class_names=names, split="validation")
    assert (asked.test.labels.tolist(), asked.classes) == ([1, 3, 1], 4)
    with pytest.raises(UserError, match=r"3 classes \(cow, ant, bee\), must be .*, such as bee"):
        load_test_data(str(path), class_names=("ant", "cow", "emu"))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["ant"], "got labels from 0 to 1, must be from 0 to 0, as class_names has 1 names"),
        (["ant", "ant"], "got class_names of shape (2,), must be a list of different names"),
        (["ant", " "], "got class_names of shape (2,), must be a list of different names"),
        ([["ant", "bee"]], "got class_names of shape (1, 2), must be a list of different names"),
        (np.array(["ant", "bee"], object), "must be a readable .npz file (Object arrays cannot be"),
    ],
)
def test_class_names_that_are_none_are_refused(tmp_path: Path, names: Any, message: str) -> None:
    path = tmp_path / "set.npz"
    np.savez(path, images=np.zeros((20, 4, 4), np.uint8), labels=[0, 1] * 10, class_names=names)
    with pytest.raises(UserError, match=re.escape(message)):
        load_search_data(str(path))


def test_classes_are_known_by_name_in_any_order_and_some_may_be_absent(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "test", ("ant", "bee"), count=2).parent
    for names, labels in (
        (("ant", "bee"), [0, 0, 1, 1]),
        (("bee", "ant"), [1, 1, 0, 0]),
        (("cow", "bee", "ant"), [2, 2, 1, 1]),
    ):
        data = load_test_data(str(root), 8, names)
        assert (data.test.labels.tolist(), data.classes) == (labels, len(names))
        assert data.test.pixels[:, 0, 0, 0].tolist() == [0, 1, 100, 101]


@pytest.mark.parametrize("spec", ["digits", "shapes:n=12", "folder", "parquet"])
def test_other_classes_are_refused_with_the_names_of_both_sides(tmp_path: Path, spec: str) -> None:
    """Once only the number of classes was compared."""
    names = tuple("0123456789")
    if spec == "folder":
        spec = str(class_folders(tmp_path / "set" / "test", names, count=1).parent)
    elif spec == "parquet":
        spec = str(tmp_path / "test.parquet")
        table = {"image": [picture(1)] * 10, "label": list(range(10))}
        parquet.write_table(pa.table(table), spec)
    ten = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
    count = 12 if spec.startswith("shapes") else 10
    with pytest.raises(UserError) as error:
        load_test_data(spec, 8, ten)
    assert str(error.value) == (
        f"--data: got {spec!r} with {count} classes (0, 1, 2, 3, 4, ...), must be of the "
        "training's 10 classes (airplane, automobile, bird, cat, deer, ...); "
        f"{count} are not, such as 0"
    )


def test_labels_of_several_classes_are_known_by_name(tmp_path: Path) -> None:
    path = tmp_path / "test.parquet"
    table = {"image": [picture(1)] * 3, "label": [["bee"], ["ant", "bee"], ["ant"]]}
    parquet.write_table(pa.table(table), path)
    labels = load_test_data(str(path), 8, ("bee", "cow", "ant")).test.labels
    assert labels.tolist() == [[0, -1], [2, 0], [2, -1]]


def _evaluation_set(root: Path, form: str, splits: tuple[str, ...]) -> str:
    """Write one image of the class 1 for the first split, two for the next; return ``--data``."""
    counts = {split: count for count, split in enumerate(splits, 1)}
    if form == "folder":
        for split, count in counts.items():
            class_folders(root / split, ("1",), count)
        return str(root)
    if form == "npz":
        arrays: dict[str, Any] = {}
        for split, count in counts.items():
            arrays[f"x_{split}"] = np.zeros((count, 4, 4), np.uint8)
            arrays[f"y_{split}"] = [1] * count
        np.savez(root / "set.npz", **arrays)
        return str(root / "set.npz")
    for split, count in counts.items():
        if form == "parquet":
            table = pa.table({"image": [picture(9)] * count, "label": [1] * count})
            parquet.write_table(table, root / f"{split}.parquet")
        else:
            labelled_tar(root / f"{split}.tar", [1] * count)
    return str(root)


@pytest.mark.parametrize("form", FORMS_WITH_BOTH)
def test_the_split_asked_for_is_read_in_every_form(tmp_path: Path, form: str) -> None:
    spec = _evaluation_set(tmp_path, form, ("test", "val"))
    names = ("0", "1")
    counts: tuple[tuple[EvaluationSplit | None, int], ...] = (
        (None, 1),
        ("test", 1),
        ("validation", 2),
    )
    for split, count in counts:
        data = load_test_data(spec, 8, names, split=split)
        assert len(data.test) == count
        assert data.is_validation == (split == "validation")
    assert find_evaluation_split(spec, names) == "test"


@pytest.mark.parametrize("form", FORMS_WITH_BOTH)
def test_without_a_test_split_validation_is_taken_unless_test_is_asked_for(
    tmp_path: Path, form: str
) -> None:
    spec = _evaluation_set(tmp_path, form, ("val",))
    names = ("0", "1")
    splits: tuple[EvaluationSplit | None, ...] = (None, "validation")
    for split in splits:
        data = load_test_data(spec, 8, names, split=split)
        assert (len(data.test), data.is_validation) == (1, True)
    with pytest.raises(UserError) as error:
        load_test_data(spec, 8, names, split="test")
    assert str(error.value) == f"--split: got test, must be a split that {spec!r} has"
    assert find_evaluation_split(spec, names) == "validation"


@pytest.mark.parametrize("form", FORMS_WITH_BOTH)
def test_validation_that_does_not_exist_is_refused(tmp_path: Path, form: str) -> None:
    spec = _evaluation_set(tmp_path, form, ("test",))
    with pytest.raises(UserError) as error:
        load_test_data(spec, 8, ("0", "1"), split="validation")
    assert str(error.value) == f"--split: got validation, must be a split that {spec!r} has"


def test_of_the_data_in_memory_only_shapes_has_a_validation_split() -> None:
    with pytest.raises(UserError, match="--split: got validation, must be a split that 'digits'"):
        load_test_data("digits", split="validation")
    assert find_evaluation_split("digits", ()) == "test"
    data = load_test_data("shapes:n=12,size=8", split="validation")
    assert np.array_equal(data.test.pixels, shapes("minival", 1000, 8, 12)[0])
    assert (data.split, data.is_validation) == ("images drawn for it", True)


@pytest.mark.parametrize("form", ["parquet", "tar"])
def test_a_single_shard_is_the_split_of_its_name(tmp_path: Path, form: str) -> None:
    _evaluation_set(tmp_path, form, ("val",))
    data = load_test_data(str(tmp_path / f"val.{form}"), 8, ("0", "1"), split="validation")
    assert len(data.test) == 1


def test_data_without_either_split_can_not_be_evaluated_on(tmp_path: Path) -> None:
    class_folders(tmp_path / "pets")
    assert find_evaluation_split(str(tmp_path / "pets"), ("ant", "bee")) is None
    assert find_evaluation_split(str(tmp_path / "gone"), ("ant", "bee")) is None
