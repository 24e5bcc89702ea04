"""CIFAR's archives, as written by Python 2, and malicious pickles."""

from __future__ import annotations

import io
import os
import pickle
import struct
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from nas.data.formats.cifar import cifar
from nas.data.load import load_search_data, load_test_data
from nas.errors import UserError


class _Python2Pickler(pickle._Pickler):
    """Pickler that writes every text as a byte string, as Python 2 did."""

    dispatch: ClassVar[dict[Any, Any]] = dict(pickle._Pickler.dispatch)

    def _save_text(self, text: str | bytes) -> None:
        content = text.encode("latin1") if isinstance(text, str) else text
        opcode = b"T" + struct.pack("<i", len(content))
        self.write(opcode + content)  # type: ignore[attr-defined]

    dispatch[str] = dispatch[bytes] = _save_text


def _python2(value: object) -> bytes:
    content = io.BytesIO()
    _Python2Pickler(content, protocol=2).dump(value)
    return content.getvalue().replace(b"numpy._core.multiarray", b"numpy.core.multiarray")


def _rows(start: int, count: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return images (N, 3072) whose red is the image's number, green 1 and blue 2 more."""
    numbers = np.arange(start, start + count, dtype=np.uint8)
    planes = numbers[:, None] + np.repeat(np.arange(3, dtype=np.uint8), 1024)
    return planes.astype(np.uint8)


def _cifar_10() -> dict[str, bytes]:
    files = {
        f"data_batch_{i}": _python2({"data": _rows(4 * i, 4), "labels": [0, 1, 2, 0]})
        for i in range(1, 6)
    }
    files["test_batch"] = _python2({"data": _rows(90, 3), "labels": [2, 1, 0]})
    files["batches.meta"] = _python2({"label_names": ["plane", "car", "bird"]})
    return files


def _folder(path: Path, files: Mapping[str, bytes]) -> Path:
    path.mkdir()
    for name, content in files.items():
        (path / name).write_bytes(content)
    return path


def _archive(path: Path, files: Mapping[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize("form", ["folder", "archive"])
def test_cifar_10(tmp_path: Path, form: str) -> None:
    files = _cifar_10()
    archive = _archive(tmp_path / "cifar-10-python.tar.gz", files)
    path = archive if form == "archive" else _folder(tmp_path / "cifar", files)
    split, names = cifar(path, "train", None)
    assert names == ("plane", "car", "bird")
    assert split.pixels.shape == (20, 3, 32, 32)
    assert split.pixels[:, 0, 31, 31].tolist() == list(range(4, 24))
    assert split.pixels[0, :, 5, 5].tolist() == [4, 5, 6]
    assert split.labels.tolist() == [0, 1, 2, 0] * 5
    test, _ = cifar(path, "test", 16)
    assert test.pixels.shape == (3, 3, 16, 16)
    assert test.labels.tolist() == [2, 1, 0]


def test_cifar_100_has_its_fine_labels(tmp_path: Path) -> None:
    def part(start: int, labels: list[int]) -> bytes:
        rows = _rows(start, len(labels))
        return _python2({"data": rows, "fine_labels": labels, "coarse_labels": [0] * len(labels)})

    files = {
        "train": part(0, [0, 1] * 5),
        "test": part(10, [1, 0]),
        "meta": _python2({"fine_label_names": ["apple", "bear"], "coarse_label_names": ["x"]}),
    }  # fmt: skip
    path = str(_folder(tmp_path / "cifar-100-python", files))
    data = load_search_data(path)
    assert (data.classes, data.image_size, data.class_names) == (2, 32, ("apple", "bear"))
    assert (len(data.training), len(data.minival)) == (8, 2)
    assert load_test_data(path).test.labels.tolist() == [1, 0]


class _Harm:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("harm",)


def test_a_pickle_that_calls_something_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files = {**_cifar_10(), "data_batch_3": pickle.dumps({b"data": _Harm()}, protocol=2)}
    with pytest.raises(
        UserError, match=r"UnpicklingError: posix\.mkdir is not allowed in a CIFAR file"
    ):
        cifar(_folder(tmp_path / "cifar", files), "train", None)
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"data_batch_2": b"no pickle"},
        {"data_batch_2": _python2({"labels": [0]})},
        {"data_batch_2": _python2({"data": _rows(0, 4)[:, 1:], "labels": [0] * 4})},
        {"data_batch_2": _python2({"data": _rows(0, 4), "labels": [0]})},
        {"data_batch_2": _python2({"data": _rows(0, 4).astype(float), "labels": [0] * 4})},
        {"data_batch_2": _python2({"data": _rows(0, 4), "labels": [3] * 4})},
        {"batches.meta": _python2({})},
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, change: dict[str, bytes]) -> None:
    path = _folder(tmp_path / "cifar", {**_cifar_10(), **change})
    with pytest.raises(
        UserError, match="must be the Python version of CIFAR-10 or CIFAR-100"
    ) as error:
        cifar(path, "train", None)
    assert "\n" not in str(error.value)


def test_a_cut_archive_is_refused(tmp_path: Path) -> None:
    path = _archive(tmp_path / "cifar-10-python.tar.gz", _cifar_10())
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match="must be the Python version of CIFAR-10 or CIFAR-100"):
        load_search_data(str(path))
