"""WebDataset shards: their samples, labels of every kind, and the split of each shard."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from nas.data.formats.registry import evaluation_source, training_source
from nas.data.formats.webdataset import evaluation_shards, find_shards, training_shards
from nas.errors import UserError
from tests.nas.data.decoding import decoded, only_part
from tests.nas.data.pictures import picture

Files = dict[str, bytes | str]


def _shard(path: Path, files: Mapping[str, bytes | str], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            content = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def test_labels_are_numbers_or_names_beside_the_images(tmp_path: Path) -> None:
    _shard(tmp_path / "train-0.tar", {"a/1.cls": "7", "a/1.png": picture(10), "a/1.txt": "a cat"})
    other: Files = {"a/1.PNG": picture(20), "a/1.cls": "11\n", "2.seg.png": b"", "2.cls": "5"}
    _shard(tmp_path / "train-1.tar", other)
    entry = decoded(training_source(str(tmp_path)))
    assert entry.meta.class_names == ("7", "11")
    assert entry.labels.tolist() == [0, 1]
    assert entry.pixels[:, 0, 0, 0].tolist() == [10, 20]


def test_an_image_may_have_several_labels(tmp_path: Path) -> None:
    files: Files = {
        "1.png": picture(10), "1.cls": "4,2",
        "2.png": picture(20), "2.cls": "9 4 2",
        "3.png": picture(30), "3.cls": "9",
        "4.png": picture(40), "4.json": json.dumps({"labels": [2], "caption": "x"}),
    }  # fmt: skip
    split = only_part(training_source(str(_shard(tmp_path / "a.tar", files))))
    assert split.labels.tolist() == [[1, 0, -1], [2, 1, 0], [2, -1, -1], [0, -1, -1]]


@pytest.mark.parametrize("content", ['{"label": "dog"}', '{"cls": "dog"}', '"dog"'])
def test_labels_in_json(tmp_path: Path, content: str) -> None:
    files: Files = {"1.png": picture(10), "1.json": content, "2.png": picture(20), "2.cls": "a cat"}
    listing = training_source(str(_shard(tmp_path / "a.tar", files))).listing()
    assert listing.class_names == ("a cat", "dog")
    assert listing.labels.tolist() == [1, 0]


def test_unreadable_images_are_left_out_and_reported(tmp_path: Path) -> None:
    files = {f"{i}.{kind}": content for i in range(4) for kind, content in
             (("jpg", picture(10 * i) if i != 1 else b"no image"), ("cls", str(i)))}  # fmt: skip
    path = _shard(tmp_path / "a.tar", files)
    entry = decoded(training_source(str(path)))
    assert entry.meta.unreadable == (f"{path}, 1.jpg",)
    (split,) = entry.parts()
    assert np.array_equal(split.pixels[:, 0, 0, 0], 10 * split.labels)


def test_the_test_shards_are_not_trained_on(tmp_path: Path) -> None:
    _shard(tmp_path / "imagenet-train-000.tar", {"1.png": picture(10), "1.cls": "3"})
    _shard(tmp_path / "imagenet-train-001.tar", {"2.png": picture(20), "2.cls": "8"})
    _shard(tmp_path / "imagenet-val-000.tar", {"3.png": picture(30), "3.cls": "8"})
    training = only_part(training_source(str(tmp_path)))
    assert training.pixels[:, 0, 0, 0].tolist() == [10, 20]
    test = only_part(evaluation_source(str(tmp_path), ()))
    assert test.pixels[:, 0, 0, 0].tolist() == [30]
    assert test.labels.tolist() == [1]


def test_class_folders_come_before_the_archive_they_were_in(tmp_path: Path) -> None:
    _shard(tmp_path / "images.tar", {"cat/1.png": picture(10), "dog/1.png": picture(10)})
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_bytes(picture(20))
    assert training_source(str(tmp_path)).listing().class_names == ("cat", "dog")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"1.png": picture(1)},
            "1.png: got no label, must have one in a .cls or .json file beside it",
        ),
        ({"1.png": picture(1), "1.json": "{}"}, "1.png: got no label"),
        ({"1.png": picture(1), "1.json": '{"label": 0.5}'}, "1.png: got no label"),
        ({"1.png": picture(1), "1.json": '{"labels": []}'}, "image 0: got no label"),
        ({"1.png": picture(1), "1.json": "{"}, "must be an uncompressed .tar file"),
        ({"1.png": picture(1), "1.cls": b"\xff"}, "must be an uncompressed .tar file"),
        ({"1.txt": "no image", "1.cls": "1"}, "without images, must have one or more"),
    ],
)
def test_other_shards_are_refused(tmp_path: Path, files: Files, message: str) -> None:
    _assert_refused(_shard(tmp_path / "a.tar", files), message)


def test_compressed_and_damaged_shards_are_refused(tmp_path: Path) -> None:
    files: Files = {"1.png": picture(1), "1.cls": "1"}
    path = _shard(tmp_path / "a.tar", files, "w:gz")
    _assert_refused(path, "must be an uncompressed .tar file")
    path.write_bytes(b"\0\1\2" * 400)
    _assert_refused(path, "must be an uncompressed .tar file")


def _assert_refused(path: Path, message: str) -> None:
    source = training_source(str(path))
    with pytest.raises(UserError) as error:
        source.listing()
    assert str(error.value).startswith("--data: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


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
def test_splits_follow_from_the_names(
    tmp_path: Path, names: list[str], train: list[int], test: list[int]
) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "train-labels.txt").touch()
    found = find_shards(tmp_path, ".tar")
    chosen = _names(tmp_path, training_shards(tmp_path, found))
    assert chosen == sorted(names[i] for i in train)
    assert _names(tmp_path, evaluation_shards(tmp_path, found)) == [names[i] for i in test]


def test_names_above_the_folder_are_ignored(tmp_path: Path) -> None:
    root = tmp_path / "test" / "pets"
    root.mkdir(parents=True)
    (root / "0.tar").touch()
    assert _names(root, training_shards(root, find_shards(root, ".tar"))) == ["0.tar"]
    with pytest.raises(UserError, match="with no file or folder named test or val"):
        evaluation_shards(root, find_shards(root, ".tar"))


def test_test_files_only_are_refused_as_a_training_set(tmp_path: Path) -> None:
    (tmp_path / "test.tar").touch()
    with pytest.raises(
        UserError, match="with test or validation files only, must have training files"
    ):
        training_shards(tmp_path, find_shards(tmp_path, ".tar"))


def test_a_single_file_is_taken_whatever_its_name(tmp_path: Path) -> None:
    path = tmp_path / "test-0.tar"
    path.touch()
    assert training_shards(path, find_shards(path, ".tar")) == [path]
    assert evaluation_shards(path, find_shards(path, ".tar")) == [path]
    assert find_shards(path, ".parquet") == []
