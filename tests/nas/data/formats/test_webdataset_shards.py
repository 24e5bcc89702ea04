"""Which files are trained on and which are kept for the test, by their names."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas.data.formats.webdataset import evaluation_shards, find_shards, training_shards
from nas.errors import UserError


def _names(root: Path, chosen: list[Path]) -> list[str]:
    return [path.relative_to(root).as_posix() for path in chosen]


@pytest.mark.parametrize(
    ("names", "train", "test"),
    [
        (["data/train-00000-of-1.tar", "data/test-00000-of-1.tar"], [0], [1]),
        (["imagenet-train-000.tar", "imagenet-val-000.tar"], [0], [1]),
        (["train/0.tar", "validation/0.tar", "test/0.tar"], [0], [2]),
        (["Train.tar", "VALID.tar"], [0], [1]),
        (["000.tar", "001.tar", "test.tar"], [0, 1], [2]),
        (["training_0.tar", "test_0.tar", "readme.tar"], [0], [1]),
        (["Training/0.tar", "Testing/0.tar", "dev/0.tar"], [0], [1]),
        (["train_set/0.tar", "test_set/0.tar"], [0], [1]),
        (["0.tar", "eval-0.tar"], [0], [1]),
        (["trained.tar", "latest.tar", "val1.tar"], [0, 1], [2]),
    ],
)
def test_names_say_it(tmp_path: Path, names: list[str], train: list[int], test: list[int]) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "train-labels.txt").touch()
    found = find_shards(tmp_path, ".tar")
    chosen = _names(tmp_path, training_shards(tmp_path, found))
    assert chosen == sorted(names[i] for i in train)
    assert _names(tmp_path, evaluation_shards(tmp_path, found)) == [names[i] for i in test]


def test_the_words_above_the_folder_say_nothing(tmp_path: Path) -> None:
    root = tmp_path / "test" / "pets"
    root.mkdir(parents=True)
    (root / "0.tar").touch()
    assert _names(root, training_shards(root, find_shards(root, ".tar"))) == ["0.tar"]
    with pytest.raises(UserError, match="with no file or folder named test or val"):
        evaluation_shards(root, find_shards(root, ".tar"))


def test_test_files_alone_are_no_training_set(tmp_path: Path) -> None:
    (tmp_path / "test.tar").touch()
    with pytest.raises(UserError, match="with test files alone, must have a training set"):
        training_shards(tmp_path, find_shards(tmp_path, ".tar"))


def test_a_file_that_is_named_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "test-0.tar"
    path.touch()
    assert training_shards(path, find_shards(path, ".tar")) == [path]
    assert evaluation_shards(path, find_shards(path, ".tar")) == [path]
    assert find_shards(path, ".parquet") == []
