"""Folders of the ``datasets`` library, and the errors if the library or the Hub is missing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from nas.data.formats.hub import hub_source, parse_hub
from nas.data.load import (
    absolute_data,
    find_evaluation_split,
    load_search_data,
    load_test_data,
)
from nas.data.split import EvaluationSplit
from nas.errors import UserError
from tests.nas.data.pictures import class_folders, picture

NAMES = ["cat", "dog"]


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The library with a cache of its own and without network access."""
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "hub cache")
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return datasets


def _dataset(library: Any, greys: list[int]) -> Any:
    features = {"image": library.Image(), "label": library.ClassLabel(names=NAMES)}
    images = [{"bytes": picture(grey), "path": None} for grey in greys]
    columns = {"image": images, "label": [i % 2 for i in range(len(greys))]}
    return library.Dataset.from_dict(columns, features=library.Features(features))


@pytest.mark.parametrize("prefix", ["", "hub:"])
def test_a_saved_dataset(library: Any, tmp_path: Path, prefix: str) -> None:
    train, test = _dataset(library, list(range(20))), _dataset(library, [200, 210, 220])
    library.DatasetDict({"train": train, "test": test}).save_to_disk(tmp_path / "saved")
    spec = f"{prefix}{tmp_path / 'saved'}"
    data = load_search_data(spec, 8)
    assert (data.classes, data.class_names, data.image_size) == (2, ("cat", "dog"), 8)
    assert (len(data.training), len(data.minival)) == (16, 4)
    for split in (data.training, data.minival):
        assert (split.pixels[:, 0, 0, 0] % 2 == split.labels).all()
    tested = load_test_data(spec, 8).test
    assert tested.pixels[:, 0, 0, 0].tolist() == [200, 210, 220]
    assert tested.labels.tolist() == [0, 1, 0]


def test_a_dataset_without_splits(library: Any, tmp_path: Path) -> None:
    _dataset(library, list(range(10))).save_to_disk(tmp_path / "saved")
    assert len(load_search_data(str(tmp_path / "saved"), 8).training) == 8


def test_a_dataset_without_splits_has_no_test(library: Any, tmp_path: Path) -> None:
    _dataset(library, list(range(10))).save_to_disk(tmp_path / "saved")
    for names in ((), ("cat", "dog")):
        with pytest.raises(UserError) as error:
            load_test_data(str(tmp_path / "saved"), 8, names)
        message = f"got {tmp_path / 'saved'}, which has no splits, must have a split named test"
        assert str(error.value) == f"--data: {message}"


def test_other_rows_of_the_same_files_have_another_fingerprint(
    library: Any, tmp_path: Path
) -> None:
    class_folders(tmp_path / "made" / "train", count=4)
    wanted = parse_hub(f"hub:{tmp_path / 'made'}")
    slices = ("train", "train[:50%]", "train[50%:]")
    first, second = ([hub_source(wanted, s).fingerprint for s in slices] for _ in range(2))
    assert len(set(first)) == len(slices)
    assert first == second


def test_data_sets_in_memory_have_different_fingerprints(
    library: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datasets.config.IN_MEMORY_MAX_SIZE", 2**30)
    fingerprints = set()
    for name, greys in (("a", [1, 2]), ("b", [3, 4])):
        _dataset(library, greys).save_to_disk(tmp_path / name)
        fingerprints.add(hub_source(parse_hub(f"hub:{tmp_path / name}"), "train").fingerprint)
    assert len(fingerprints) == 2


def test_a_folder_that_the_library_builds(library: Any, tmp_path: Path) -> None:
    class_folders(tmp_path / "made" / "train", count=5)
    class_folders(tmp_path / "made" / "validation", count=2)
    data = load_search_data(f"hub:{tmp_path / 'made'}", 8)
    assert data.class_names == ("ant", "bee")
    assert (len(data.training), len(data.minival)) == (10, 4)
    assert data.minival_split == "validation"
    for options in ("test=validation", "train=train+validation", "validation=train[:20%]"):
        data = load_search_data(f"hub:{tmp_path / 'made'},{options}", 8)
        assert (len(data.minival), data.minival_split) in ((2, ""), (2, "train[:20%]")), options
    spec = f"hub:{tmp_path / 'made'},test=validation"
    assert load_test_data(spec, 8).test.labels.tolist() == [0, 0, 1, 1]


def test_without_a_test_split_validation_is_evaluated_on(library: Any, tmp_path: Path) -> None:
    train, validation = _dataset(library, list(range(10))), _dataset(library, [200, 210, 220])
    saved = {"train": train, "validation": validation}
    library.DatasetDict(saved).save_to_disk(tmp_path / "saved")
    spec = str(tmp_path / "saved")
    splits: tuple[EvaluationSplit | None, ...] = (None, "validation")
    for split in splits:
        data = load_test_data(spec, 8, ("dog", "cat"), split=split)
        assert (data.test.labels.tolist(), data.split) == ([1, 0, 1], "validation")
        assert data.is_validation
    with pytest.raises(UserError, match="--split: got test, must be a split that"):
        load_test_data(spec, 8, (), split="test")
    assert find_evaluation_split(spec, ()) == "validation"
    library.DatasetDict({**saved, "test": train}).save_to_disk(tmp_path / "whole")
    assert load_test_data(str(tmp_path / "whole"), 8).split == "test"
    assert len(load_test_data(str(tmp_path / "whole"), 8, split="validation").test) == 3


@pytest.mark.parametrize(("name", "split"), [("no/such", "train"), ("nosuch", "train")])
def test_an_unreachable_hub_is_one_line(library: Any, name: str, split: str) -> None:
    _assert_refused(f"hub:{name}", f"with a split {split!r}, and the Hub must be reachable (")


def test_no_such_split_is_one_line(library: Any, tmp_path: Path) -> None:
    library.DatasetDict({"train": _dataset(library, [1])}).save_to_disk(tmp_path / "saved")
    _assert_refused(f"hub:{tmp_path / 'saved'},train=trian", "with a split 'trian'")


def test_without_the_library_the_error_is_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    _assert_refused("hub:a/b", "needs the datasets library: pip install 'nas-engine[data]'")


@pytest.mark.parametrize("spec", ["hub:", "hub:a,split=b", "hub:a,train=", "hub:a,", "hub:,test=b"])
def test_other_forms_are_refused(spec: str) -> None:
    _assert_refused(spec, "must be hub:NAME[,config=..,train=..,validation=..,test=..]")


def test_a_name_and_its_options() -> None:
    wanted = parse_hub("hub:me/mine,config=small,test=validation")
    values = (wanted.name, wanted.config, wanted.train, wanted.test)
    assert values == ("me/mine", "small", "train", "validation")


def test_a_folder_becomes_absolute_and_a_name_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path)
    assert absolute_data("hub:mine,test=val") == f"hub:{tmp_path.resolve()}/mine,test=val"
    assert absolute_data("hub:me/mine") == "hub:me/mine"


def _assert_refused(spec: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        load_search_data(spec)
    assert str(error.value).startswith("--data: got ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)
