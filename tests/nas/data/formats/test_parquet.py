"""Parquet files: the columns that are chosen, labels of every kind, and tables refused."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pytest
from pyarrow import parquet

from nas.data.formats.registry import evaluation_source, training_source
from nas.errors import UserError
from tests.nas.data.decoding import decoded, only_part
from tests.nas.data.pictures import picture

GREYS = [10, 20, 30, 40]
CONTENT = [picture(grey) for grey in GREYS]


def _write(path: Path, columns: dict[str, Any], features: dict[str, Any] | None = None) -> Path:
    table = pa.table(columns)
    if features is not None:
        info = json.dumps({"info": {"features": features}})
        table = table.replace_schema_metadata({"huggingface": info})
    path.parent.mkdir(exist_ok=True, parents=True)
    parquet.write_table(table, path, row_group_size=3)
    return path


@pytest.mark.parametrize("label", ["label", "category", "anything"])
@pytest.mark.parametrize("image", ["image", "anything else"])
def test_the_image_and_the_label_are_found(tmp_path: Path, image: str, label: str) -> None:
    columns = {"weight": [0.5] * 4, label: [7, 3, 7, 3], image: CONTENT}
    entry = decoded(training_source(str(_write(tmp_path / "a.parquet", columns))))
    assert entry.meta.class_names == ("3", "7")
    assert entry.labels.tolist() == [1, 0, 1, 0]
    assert entry.pixels[:, 0, 0, 0].tolist() == GREYS


def test_an_image_may_be_bytes_and_path_as_the_hub_has_it(tmp_path: Path) -> None:
    (tmp_path / "beside.png").write_bytes(CONTENT[1])
    cells: list[dict[str, object]] = [{"bytes": content, "path": None} for content in CONTENT]
    cells[1] = {"bytes": None, "path": str(tmp_path / "beside.png")}
    features = {"label": {"names": ["cat", "dog", "emu"], "_type": "ClassLabel"}}
    path = _write(tmp_path / "a.parquet", {"image": cells, "label": [2, 0, 0, 2]}, features)
    entry = decoded(training_source(str(path)))
    assert entry.meta.class_names == ("cat", "dog", "emu")  # including one that does not occur
    assert entry.labels.tolist() == [2, 0, 0, 2]
    assert entry.pixels[:, 0, 0, 0].tolist() == GREYS


@pytest.mark.parametrize(
    "feature",
    [
        [{"names": ["x", "y", "z"], "_type": "ClassLabel"}],
        {"feature": {"names": ["x", "y", "z"], "_type": "ClassLabel"}, "_type": "List"},
        None,
    ],
)
def test_lists_of_labels_are_several_an_image(tmp_path: Path, feature: object) -> None:
    labels = [[0], [2, 1], [1, 1], [0, 1, 2]]
    features = None if feature is None else {"labels": feature}
    path = _write(tmp_path / "a.parquet", {"image": CONTENT, "labels": labels}, features)
    split = only_part(training_source(str(path)))
    expected = [[0, -1, -1], [2, 1, -1], [1, -1, -1], [0, 1, 2]]
    assert split.labels.tolist() == expected


def test_names_are_numbered_in_their_order(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.parquet", {"image": CONTENT, "label": ["b", "c", "a", "b"]})
    entry = decoded(training_source(str(path)))
    assert entry.meta.class_names == ("a", "b", "c")
    assert entry.labels.tolist() == [1, 2, 0, 1]


def test_files_of_a_folder_are_one_set_without_its_test(tmp_path: Path) -> None:
    for name, part in (("train-00000-of-2", slice(0, 2)), ("train-00001-of-2", slice(2, 4))):
        columns = {"image": CONTENT[part], "label": [5, 9]}
        _write(tmp_path / "data" / f"{name}.parquet", columns)
    columns = {"image": [picture(200)], "label": [9]}
    _write(tmp_path / "data" / "test-00000-of-1.parquet", columns)
    split = only_part(training_source(str(tmp_path)))
    assert split.pixels[:, 0, 0, 0].tolist() == GREYS
    test = only_part(evaluation_source(str(tmp_path), ()))
    assert test.pixels[:, 0, 0, 0].tolist() == [200]
    assert test.labels.tolist() == [1]


def test_a_label_outside_the_training_set_is_refused(tmp_path: Path) -> None:
    _write(tmp_path / "train.parquet", {"image": CONTENT, "label": [1, 2, 1, 2]})
    _write(tmp_path / "test.parquet", {"image": CONTENT, "label": [1, 2, 3, 2]})
    source = evaluation_source(str(tmp_path), ())
    with pytest.raises(UserError, match=r"must be of the training's 2 classes .* such as 3"):
        source.listing()


def test_unreadable_images_are_left_out_and_reported_by_row(tmp_path: Path) -> None:
    content = [CONTENT[0], b"no image", CONTENT[2], None]
    path = _write(tmp_path / "a.parquet", {"image": content, "label": [0, 1, 0, 1]})
    second = _write(tmp_path / "b.parquet", {"image": [b"", CONTENT[1]], "label": [0, 1]})
    entry = decoded(training_source(str(tmp_path)))
    rows = [(path, 1), (path, 3), (second, 0)]
    assert entry.meta.unreadable == tuple(f"{file}, row {row}" for file, row in rows)
    (split,) = entry.parts()
    places = np.argsort(split.pixels[:, 0, 0, 0])
    assert split.pixels[places, 0, 0, 0].tolist() == [10, 20, 30]
    assert split.labels[places].tolist() == [0, 1, 0]


def test_a_cell_without_an_image_is_unreadable(tmp_path: Path) -> None:
    cells = [{"bytes": b"", "path": "a.png"}, {"bytes": None, "path": None}, None]
    images = [*cells, {"bytes": CONTENT[3], "path": "b.png"}]
    path = _write(tmp_path / "a.parquet", {"image": images, "label": [0, 1, 0, 1]})
    entry = decoded(training_source(str(path)))
    assert entry.meta.unreadable == tuple(f"{path}, row {row}" for row in range(3))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"image": CONTENT},
            "got the columns image (binary); must have a single column of labels, or",
        ),
        (
            {"label": [1] * 4},
            "got the columns label (int64); must have a single column of images, or one that is "
            "named image or img",
        ),
        ({"a": CONTENT, "b": CONTENT, "label": [1] * 4}, "must have a single column of images"),
        ({"image": CONTENT, "label": [1, None, 2, 3]}, "image 1: got no label"),
        ({"image": CONTENT, "label": [[1], [], [2], [3]]}, "image 1: got no label"),
        ({"image": CONTENT, "label": [0.5] * 4}, "image 0: got the label 0.5, must be a whole"),
    ],
)
def test_other_tables_are_refused(tmp_path: Path, columns: dict[str, Any], message: str) -> None:
    path = _write(tmp_path / "a.parquet", columns)
    _assert_refused(path, f"--data: {path}: ", message)


def test_a_label_beyond_the_named_classes_is_refused(tmp_path: Path) -> None:
    features = {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}
    # -1 is the label of a hidden test set on the Hub.
    for label, message in (
        (-1, "got no label"),
        (2, "got the label 2, must be a number from 0 to 1"),
    ):
        columns = {"image": CONTENT, "label": [0, 1, label, 0]}
        path = _write(tmp_path / "a.parquet", columns, features)
        _assert_refused(path, "", f"image 2: {message}")


@pytest.mark.parametrize("content", [b"", b"PAR1 and no more"])
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.parquet").write_bytes(content)
    _assert_refused(tmp_path / "a.parquet", "--data: got ", "must be a readable Parquet file with")


def test_a_file_damaged_where_the_images_are_is_refused(tmp_path: Path, cache_path: Path) -> None:
    path = _write(tmp_path / "a.parquet", {"image": CONTENT, "label": [0, 1, 0, 1]})
    content = path.read_bytes()
    path.write_bytes(content[:4] + bytes(60) + content[64:])
    source = training_source(str(path))
    with pytest.raises(UserError, match=r"a\.parquet, must be a readable Parquet file with"):
        decoded(source)
    assert list(cache_path.iterdir()) == []


def test_files_of_different_columns_are_refused(tmp_path: Path) -> None:
    _write(tmp_path / "a.parquet", {"image": CONTENT, "label": [0, 1, 0, 1]})
    _write(tmp_path / "b.parquet", {"image": CONTENT, "category": [0, 1, 0, 1]})
    _assert_refused(tmp_path, f"--data: got {tmp_path / 'b.parquet'}, ", "with the same columns as")


def _assert_refused(path: Path, start: str, message: str) -> None:
    source = training_source(str(path))
    with pytest.raises(UserError) as error:
        source.listing()
    assert str(error.value).startswith(start)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("labels", "names", "numbers"),
    [
        ([True, False, True, False], ("False", "True"), [1, 0, 1, 0]),
        ([2.0, 10.0, 2.0, 10.0], ("2", "10"), [0, 1, 0, 1]),
        (["10", "2", "10", "2"], ("2", "10"), [1, 0, 1, 0]),
        (pa.array(["cat", "dog", "cat", "dog"]).dictionary_encode(), ("cat", "dog"), [0, 1, 0, 1]),
    ],
)
def test_labels_of_every_type(
    tmp_path: Path, labels: Any, names: tuple[str, ...], numbers: list[int]
) -> None:
    path = _write(tmp_path / "a.parquet", {"image": CONTENT, "label": labels})
    listing = training_source(str(path)).listing()
    assert (listing.class_names, listing.labels.tolist()) == (names, numbers)


def test_numbers_and_texts_in_two_files_are_the_same_classes(tmp_path: Path) -> None:
    _write(tmp_path / "train-0.parquet", {"image": CONTENT, "label": [0, 1, 0, 1]})
    _write(tmp_path / "train-1.parquet", {"image": CONTENT, "label": ["0", "1", "1", "1"]})
    listing = training_source(str(tmp_path)).listing()
    assert listing.class_names == ("0", "1")
    assert listing.labels.tolist() == [0, 1, 0, 1, 0, 1, 1, 1]


def test_a_row_names_files_below_its_own_folder_only(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "in.png").write_bytes(CONTENT[0])
    (tmp_path / "out.png").write_bytes(CONTENT[1])
    os.mkfifo(tmp_path / "set" / "pipe.png")
    for path, message in (
        ("in.png", None),
        ("../out.png", "got the image file '../out.png', must be below the data's own folder"),
        (str(tmp_path / "out.png"), "must be below the data's own folder"),
        ("/dev/zero", "must be below the data's own folder"),
        ("pipe.png", None),
    ):
        cells = [{"bytes": None, "path": path}, *({"bytes": c, "path": None} for c in CONTENT[1:])]
        file = _write(tmp_path / "set" / "a.parquet", {"image": cells, "label": [0, 1, 0, 1]})
        if message is None:
            left_out = decoded(training_source(str(file))).meta.unreadable
            is_pipe = path == "pipe.png"
            assert left_out == ((f"{file}, row 0 (no regular file)",) if is_pipe else ())
            continue
        with pytest.raises(UserError, match=re.escape(message)):
            decoded(training_source(str(file)))


@pytest.mark.parametrize(
    "metadata",
    [b"{", b"[]", b'{"info": 3}', b'{"info": {"features": {"label": [[]]}}}', b"[" * 100_000,
     b'{"info": {"features": {"label": {"names": 7}}}}', b'{"info": {"features": {"label": []}}}'],
)  # fmt: skip
def test_strange_metadata_is_ignored(tmp_path: Path, metadata: bytes) -> None:
    table = pa.table({"image": CONTENT, "label": [0, 1, 0, 1]})
    parquet.write_table(
        table.replace_schema_metadata({b"huggingface": metadata}), tmp_path / "a.parquet"
    )
    assert training_source(str(tmp_path)).listing().class_names == ("0", "1")


def test_files_that_name_the_classes_otherwise_are_refused(tmp_path: Path) -> None:
    for i, names in enumerate((["cat", "dog"], ["dog", "cat"])):
        features = {"label": {"names": names, "_type": "ClassLabel"}}
        columns = {"image": CONTENT, "label": [0, 1, 0, 1]}
        _write(tmp_path / f"train-{i}.parquet", columns, features)
    with pytest.raises(UserError, match=r"train-1\.parquet with the classes dog, cat, must have"):
        training_source(str(tmp_path)).listing()


def test_names_with_blanks_are_names(tmp_path: Path) -> None:
    features = {"label": {"names": [" cat", "dog "], "_type": "ClassLabel"}}
    _write(tmp_path / "a.parquet", {"image": CONTENT, "label": [0, 1, 0, 1]}, features)
    listing = training_source(str(tmp_path)).listing()
    assert (listing.class_names, listing.labels.tolist()) == (("cat", "dog"), [0, 1, 0, 1])


def test_changed_files_that_rows_name_are_other_content(tmp_path: Path) -> None:
    (tmp_path / "in.png").write_bytes(CONTENT[0])
    cells = [{"bytes": None, "path": "in.png"}, *({"bytes": c, "path": None} for c in CONTENT[1:])]
    file = _write(tmp_path / "a.parquet", {"image": cells, "label": [0, 1, 0, 1]})
    before = training_source(str(file)).fingerprint
    (tmp_path / "in.png").write_bytes(CONTENT[3])
    assert training_source(str(file)).fingerprint != before


def test_processes_decode_what_threads_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = [{"bytes": content, "path": None} for content in CONTENT]
    for name, images in (("a", CONTENT), ("b", cells)):
        columns = {"label": [7, 3, 7, 3], "image": images}
        path = str(_write(tmp_path / f"{name}.parquet", columns))
        first = decoded(training_source(path))
        assert first.pixels[:, 0, 0, 0].tolist() == GREYS
        with monkeypatch.context() as patch:
            patch.setattr("nas.data.cache.filling._FEWEST_FOR_PROCESSES", 1)
            patch.setattr("nas.data.cache.filling.available_cores", lambda: 2)
            patch.setattr("nas.data.cache.filling.ThreadPoolExecutor", None)
            assert decoded(training_source(path), 9).pixels[:, 0, 0, 0].tolist() == GREYS
