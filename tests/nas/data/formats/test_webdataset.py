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
from nas.data.formats.shards import evaluation_shards, find_shards, training_shards
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
        (
            {"1.png": picture(1), "1.json": '{"label": 0.5}'},
            "image 0: got the label 0.5, must be a whole",
        ),
        ({"1.png": picture(1), "1.json": '{"label": Infinity}'}, "got the label inf, must be"),
        ({"1.png": picture(1), "1.json": '{"labels": []}'}, "image 0: got no label"),
        ({"1.png": picture(1), "1.json": "{"}, "must be a complete, uncompressed .tar file"),
        ({"1.png": picture(1), "1.cls": b"\xff"}, "must be a complete, uncompressed .tar file"),
        ({"1.txt": "no image", "1.cls": "1"}, "without images, must have one or more"),
    ],
)
def test_other_shards_are_refused(tmp_path: Path, files: Files, message: str) -> None:
    _assert_refused(_shard(tmp_path / "a.tar", files), message)


def test_compressed_and_damaged_shards_are_refused(tmp_path: Path) -> None:
    files: Files = {"1.png": picture(1), "1.cls": "1"}
    path = _shard(tmp_path / "a.tar", files, "w:gz")
    _assert_refused(path, "must be a complete, uncompressed .tar file")
    path.write_bytes(b"\0\1\2" * 400)
    _assert_refused(path, "must be a complete, uncompressed .tar file")


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


def _bytes(files: Files, path: Path) -> bytes:
    return _shard(path, files).read_bytes()


def _members(path: Path) -> list[tarfile.TarInfo]:
    with tarfile.open(path) as archive:
        return archive.getmembers()


TWENTY: Files = {f"{i:02}.{kind}": content for i in range(20)
                 for kind, content in (("png", picture(i)), ("cls", str(i % 2)))}  # fmt: skip


@pytest.mark.parametrize("place", range(5))
def test_a_flipped_bit_in_a_header_is_not_the_end(tmp_path: Path, place: int) -> None:
    path = tmp_path / "a.tar"
    content = bytearray(_bytes(TWENTY, path))
    headers = [member.offset for member in _members(path)][1:]
    at = headers[place * 7]
    content[at + 3] ^= 4
    path.write_bytes(content)
    _assert_refused(path, f"a damaged header at byte {at:,}; what follows would be lost")


def test_a_cut_between_or_within_members_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    content = _bytes(TWENTY, path)
    member = _members(path)[11]
    path.write_bytes(content[: member.offset])
    _assert_refused(path, f"cut off at byte {member.offset:,}, without the mark of its end")
    path.write_bytes(content[: member.offset_data])
    _assert_refused(path, f"{member.name} is cut off")
    path.write_bytes(content[: member.offset + 100])
    _assert_refused(path, "must be a complete, uncompressed .tar file")


def test_archives_joined_into_one_file_are_all_read(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    first = _bytes(TWENTY, path)
    second = _bytes({"00.png": picture(99), "00.cls": "1"}, path)
    path.write_bytes(first + second)
    listing = training_source(str(path)).listing()
    assert len(listing.labels) == 21
    assert listing.labels.tolist() == [*[0, 1] * 10, 1]


def test_a_key_that_occurs_twice_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        for grey, label in ((1, "0"), (2, "1")):
            for name, content in (("1.png", picture(grey)), ("1.cls", label.encode())):
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    listing = training_source(str(path)).listing()
    assert listing.labels.tolist() == [0, 1]
    assert listing.notes == (f"{path}: 1 files have the name of an earlier one",)


def test_a_label_of_minus_one_is_none_unless_the_other_is_one(tmp_path: Path) -> None:
    files: Files = {"1.png": picture(1), "1.cls": "-1", "2.png": picture(2), "2.cls": "3"}
    _assert_refused(_shard(tmp_path / "a.tar", files), "image 0: got the label '-1', for none")
    signed: Files = {**files, "2.cls": "1"}
    listing = training_source(str(_shard(tmp_path / "a.tar", signed))).listing()
    assert listing.class_names == ("-1", "1")


def test_cls_and_json_labels_are_the_same_classes(tmp_path: Path) -> None:
    files: Files = {
        "1.png": picture(1), "1.cls": "0", "2.png": picture(2), "2.json": '{"label": "0"}',
        "3.png": picture(3), "3.json": '{"label": 1.0}', "4.png": picture(4), "4.cls": "1",
    }  # fmt: skip
    listing = training_source(str(_shard(tmp_path / "a.tar", files))).listing()
    assert listing.class_names == ("0", "1")
    assert listing.labels.tolist() == [0, 0, 1, 1]


def test_names_in_classes_txt(tmp_path: Path) -> None:
    _shard(tmp_path / "a.tar", TWENTY)
    (tmp_path / "classes.txt").write_text("zebra\nant\n")
    listing = training_source(str(tmp_path / "a.tar")).listing()
    assert listing.class_names == ("ant", "zebra")
    assert listing.labels.tolist() == [1, 0] * 10


def test_changed_names_are_other_content(tmp_path: Path) -> None:
    before = training_source(str(_shard(tmp_path / "a.tar", TWENTY))).fingerprint
    (tmp_path / "classes.txt").write_text("zebra\nant\n")
    named = training_source(str(tmp_path / "a.tar")).fingerprint
    (tmp_path / "classes.txt").write_text("zebra\nbee\n")
    assert len({before, named, training_source(str(tmp_path / "a.tar")).fingerprint}) == 3


def test_names_stand_for_numbers_in_every_form(tmp_path: Path) -> None:
    files: Files = {
        "1.png": picture(1), "1.cls": "1", "2.png": picture(2), "2.json": '{"label": 1.0}',
        "3.png": picture(3), "3.json": '{"label": "1"}', "4.png": picture(4), "4.cls": "0",
    }  # fmt: skip
    (tmp_path / "classes.txt").write_text("zebra\nant\n")
    listing = training_source(str(_shard(tmp_path / "a.tar", files))).listing()
    assert listing.class_names == ("ant", "zebra")
    assert listing.labels.tolist() == [0, 0, 0, 1]


def test_deep_json_is_one_line(tmp_path: Path) -> None:
    files: Files = {"1.png": picture(1), "1.json": "[" * 100_000}
    _assert_refused(_shard(tmp_path / "a.tar", files), "a .json label that cannot be read")


def test_two_images_under_one_key_are_refused(tmp_path: Path) -> None:
    files: Files = {"img.input.png": picture(1), "img.png": picture(2), "img.cls": "1"}
    _assert_refused(_shard(tmp_path / "a.tar", files), "are images under one key")
