"""Classes of few images: one rule for all formats, told before anything is decoded."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pytest
from pyarrow import parquet

from nas.data.cache import filling
from nas.data.load import load_search_data, load_test_data
from nas.data.options import DataOptions
from nas.errors import UserError
from tests.nas.data.pictures import picture

LABELS = ["cat"] * 8 + ["dog"] * 8 + ["emu"]


def _folder(root: Path) -> Path:
    for i, name in enumerate(LABELS):
        (root / "set" / name).mkdir(parents=True, exist_ok=True)
        (root / "set" / name / f"{i:02}.png").write_bytes(picture(i))
    return root / "set"


def _parquet(root: Path) -> Path:
    table = pa.table({"image": [picture(i) for i in range(len(LABELS))], "label": LABELS})
    parquet.write_table(table, root / "set.parquet")
    return root / "set.parquet"


def _tar(root: Path) -> Path:
    with tarfile.open(root / "set.tar", "w") as archive:
        for i, name in enumerate(LABELS):
            for suffix, content in (("png", picture(i)), ("cls", name.encode())):
                member = tarfile.TarInfo(f"{i:02}.{suffix}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return root / "set.tar"


def _arrays(root: Path) -> Path:
    names = sorted(set(LABELS))
    pixels = np.arange(len(LABELS), dtype=np.uint8)[:, None, None] * np.ones((8, 8), np.uint8)
    np.savez(root / "set.npz", images=pixels, labels=[names.index(name) for name in LABELS])
    return root / "set.npz"


formats = pytest.mark.parametrize("make", [_folder, _parquet, _tar, _arrays])


@formats
def test_a_rare_class_is_refused_before_decoding(
    make: Callable[[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "decode", None)
    path = make(tmp_path)
    name = "2" if path.suffix == ".npz" else "emu"
    message = (
        f"--data: {path}: got 1 of 3 classes with fewer than 5 images: '{name}' (1); "
        "--min-per-class 5 leaves them out, --min-per-class 1 keeps them"
    )
    with pytest.raises(UserError, match=re.escape(message)):
        load_search_data(str(path), 8)


@formats
def test_it_is_left_out_or_kept_if_asked_for(make: Callable[[Path], Path], tmp_path: Path) -> None:
    path = make(tmp_path)
    left_out = load_search_data(str(path), 8, DataOptions(min_per_class=5))
    assert (left_out.classes, len(left_out.training) + len(left_out.minival)) == (2, 16)
    assert left_out.notes[0].startswith("left out 1 class with fewer than 5 images: ")
    greys = [int(image[0, 0, 0]) for part in (left_out.training, left_out.minival)
             for image in part.pixels]  # fmt: skip
    labels = [*left_out.training.labels.tolist(), *left_out.minival.labels.tolist()]
    assert all(label == (grey >= 8) for grey, label in zip(greys, labels, strict=True))
    kept = load_search_data(str(path), 8, DataOptions(min_per_class=1))
    assert (kept.classes, len(kept.training) + len(kept.minival)) == (3, 17)
    assert kept.fingerprint() != left_out.fingerprint()
    with pytest.raises(UserError):
        load_search_data(str(path), 8, DataOptions(min_per_class=9))


@pytest.mark.parametrize("make", [_folder, _parquet, _tar])
def test_what_training_left_out_is_left_out_of_the_test(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "test").mkdir()
    for split in ("train", "test"):
        made = make(tmp_path / split)
        made.rename(tmp_path / split / "part") if made.is_dir() else None
    root = tmp_path
    if (tmp_path / "train" / "part").is_dir():
        root = tmp_path / "folders"
        for split in ("train", "test"):
            (tmp_path / split / "part").rename(_made(root) / split)
    names = load_search_data(str(root), 8, DataOptions(min_per_class=5)).class_names
    assert names == ("cat", "dog")
    with pytest.raises(UserError, match="1 is not, such as emu"):
        load_test_data(str(root), 8, names)
    data = load_test_data(str(root), 8, names, DataOptions(min_per_class=5))
    assert np.bincount(data.test.labels).tolist() == [8, 8]


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder
