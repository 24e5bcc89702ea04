"""Labels of a .npz file in every form that people store, and archives that do not fit."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nas.data.formats.arrays import training_arrays, training_labels
from nas.errors import UserError

NUMBERS = np.array([2, 0, 1, 1])


def _file(path: Path, labels: Any) -> Path:
    np.savez(path, x_train=np.zeros((4, 8, 8), np.uint8), y_train=labels)
    return path


@pytest.mark.parametrize(
    "labels",
    [NUMBERS, NUMBERS[:, None], NUMBERS.astype(float), NUMBERS.astype(np.uint8),
     *(np.eye(3, dtype=kind)[NUMBERS] for kind in (float, int, bool))],
)  # fmt: skip
def test_labels_of_every_form(labels: Any, tmp_path: Path) -> None:
    path = _file(tmp_path / "a.npz", labels)
    assert training_arrays(path, None).labels.tolist() == [2, 0, 1, 1]
    assert training_labels(path).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.array(["a", "b", "a", "b"]), "labels of type <U1, must be one whole number per image"),
        (np.array([0.5, 1, 1, 2]), "labels of type float64, must be one whole number"),
        (np.array([np.nan, 1, 1, 2]), "labels of type float64, must be one whole number"),
        (np.ones((4, 3), int), "got 4 images and 12 labels, must be one whole number per image"),
        (np.array([1, 2]), "got 4 images and 2 labels"),
    ],
)
def test_other_labels_are_refused(labels: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        training_arrays(_file(tmp_path / "a.npz", labels), None)


def test_an_archive_larger_than_memory_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _file(tmp_path / "a.npz", NUMBERS)
    monkeypatch.setattr(zipfile.ZipFile, "infolist", lambda _: [_huge()])
    with pytest.raises(UserError, match=r"of 24,000,000,000,000 bytes when unpacked, must fit"):
        training_arrays(path, None)


def _huge() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("x_train.npy")
    info.file_size = 24 * 10**12
    return info
