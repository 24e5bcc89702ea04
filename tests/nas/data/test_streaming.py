"""Images that are decoded as they are needed are those of the cache, to the last bit."""

from __future__ import annotations

import io
import os
import pickle
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from nas.data.images import StreamedImages, images_on_device
from nas.data.load import load_search_data, load_training_data
from nas.data.options import DataOptions
from nas.data.split import SearchData
from nas.data.streaming import EncodedSplit, decoding_processes
from nas.errors import UserError
from tests.nas.data.formats.test_parquet import _write as write_parquet
from tests.nas.data.pictures import class_folders, picture

CPU = torch.device("cpu")
SIZE = 20


def _photograph(seed: int) -> bytes:
    """Return a JPEG of 90 by 130 pixels, which is decoded at a reduced scale."""
    generator = np.random.default_rng(seed)
    coarse = Image.fromarray(generator.integers(0, 256, (9, 13, 3), np.uint8))
    content = io.BytesIO()
    coarse.resize((130, 90), Image.Resampling.BICUBIC).save(content, "JPEG", quality=85)
    return content.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three classes of fourteen photographs, of which some are damaged."""
    for i in range(42):
        file = tmp_path / "photos" / f"class{i // 14}" / f"{i:02}.jpg"
        file.parent.mkdir(exist_ok=True, parents=True)
        file.write_bytes(_photograph(i)[: 300 if i in (3, 20, 41) else None])
    return tmp_path / "photos"


def _both(spec: Path, minival_size: int | None = None, **options: Any) -> list[SearchData]:
    return [
        load_training_data(str(spec), SIZE, minival_size=minival_size, is_streamed=way, **options)
        for way in (False, True)
    ]


def _assert_same_batches(cached: SearchData, streamed: SearchData) -> None:
    kept, decoded = (images_on_device(data, CPU)[0] for data in (cached, streamed))
    assert isinstance(decoded, StreamedImages)
    assert (len(decoded), decoded.size) == (len(kept), kept.size)
    order = torch.randperm(len(kept), generator=torch.Generator().manual_seed(1))[:-1]
    batches = list(zip(kept.batches(order, 7), decoded.batches(order, 7), strict=True))
    for (pixels, labels), (others, other_labels) in batches:
        assert torch.equal(pixels, others)
        assert torch.equal(labels, other_labels)
        assert torch.equal(kept.normalised(pixels), decoded.normalised(others))
    index = torch.tensor([3, 0, 5])
    assert torch.equal(kept.batch(index)[0], decoded.batch(index)[0])
    assert torch.equal(kept.batch(slice(2, 4))[0], decoded.batch(slice(2, 4))[0])


@pytest.mark.parametrize("minival_size", [None, 12])
def test_batches_are_those_of_the_cache(folder: Path, minival_size: int | None) -> None:
    cached, streamed = _both(folder, minival_size)
    _assert_same_batches(cached, streamed)
    assert np.array_equal(cached.minival.pixels, streamed.minival.pixels)
    for name in (
        "statistics",
        "unreadable",
        "class_names",
        "image_size",
        "channels",
        "native_size",
    ):
        assert getattr(cached, name) == getattr(streamed, name), name
    assert len(streamed.unreadable) == 3
    assert streamed.fingerprint() == cached.fingerprint()
    assert load_training_data(
        str(folder), SIZE + 1, minival_size=minival_size, is_streamed=True
    ).fingerprint() not in (cached.fingerprint(), None)


def test_nothing_but_the_minival_is_kept_decoded(folder: Path, cache_path: Path) -> None:
    load_training_data(str(folder), SIZE, is_streamed=True)
    sizes = {path.parent.name: path.stat().st_size for path in cache_path.glob("*/pixels.bin")}
    assert sorted(sizes.values()) == [0, 8 * 3 * SIZE**2]  # with one damaged


def test_images_are_checked_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_training_data(str(folder), SIZE, is_streamed=True)
    monkeypatch.setattr("nas.data.cache.filling.decode", None)
    again = load_training_data(str(folder), SIZE, is_streamed=True)
    assert again.fingerprint() == first.fingerprint()


def test_a_validation_split_and_rare_classes(tmp_path: Path) -> None:
    class_folders(tmp_path / "train", ("ant", "bee", "cow"), 9)
    class_folders(tmp_path / "val", ("ant", "bee", "cow"), 2)
    for file in sorted((tmp_path / "train" / "bee").iterdir())[3:]:
        file.unlink()
    cached, streamed = _both(tmp_path, 12, options=DataOptions(min_per_class=5))
    assert (streamed.classes, len(streamed.training), len(streamed.minival)) == (2, 18, 4)
    _assert_same_batches(cached, streamed)


def test_webdataset_shards(tmp_path: Path) -> None:
    for shard in range(2):
        with tarfile.open(tmp_path / f"train-{shard}.tar", "w") as archive:
            for i in range(20):
                for name, content in (
                    (f"{i}.jpg", _photograph(100 * shard + i)),
                    (f"{i}.cls", b"%d" % (i % 2)),
                ):
                    member = tarfile.TarInfo(name)
                    member.size = len(content)
                    archive.addfile(member, io.BytesIO(content))
    _assert_same_batches(*_both(tmp_path))


def test_tables_of_the_datasets_library(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    features = {"image": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"])}
    images = [{"bytes": _photograph(i), "path": None} for i in range(20)]
    columns = {"image": images, "label": [i % 2 for i in range(20)]}
    made = datasets.Dataset.from_dict(columns, features=datasets.Features(features))
    made.save_to_disk(tmp_path / "saved")
    _assert_same_batches(*_both(tmp_path / "saved"))


def test_what_cannot_be_streamed_is_refused(tmp_path: Path) -> None:
    columns = {"label": [0, 1] * 10, "image": [picture(i) for i in range(20)]}
    path = write_parquet(tmp_path / "a.parquet", columns)
    with pytest.raises(UserError, match=r"--stream: got .*a\.parquet, whose Parquet files"):
        load_training_data(str(path), 8, is_streamed=True)
    with pytest.raises(UserError, match="--stream: got 'digits', which is in memory"):
        load_training_data("digits", 8, is_streamed=True)


def test_other_processes_list_the_images_again(folder: Path, cache_path: Path) -> None:
    data = load_training_data(str(folder), SIZE, minival_size=12, is_streamed=True)
    content = pickle.dumps(data)
    assert len(content) < 5_000
    for path in cache_path.iterdir():  # another machine
        shutil.rmtree(path)
    loaded: SearchData = pickle.loads(content)
    assert isinstance(loaded.training, EncodedSplit)
    assert loaded.fingerprint() == data.fingerprint()
    assert np.array_equal(loaded.minival.pixels, data.minival.pixels)
    positions = [0, 5, 9]
    assert torch.equal(loaded.training.decoded(positions), data.training.decoded(positions))  # type: ignore[attr-defined]


def test_an_image_that_is_gone_is_named(folder: Path) -> None:
    training, _ = images_on_device(load_training_data(str(folder), SIZE, is_streamed=True), CPU)
    (folder / "class1" / "15.jpg").unlink()
    with pytest.raises(UserError, match=r"--data: .*15\.jpg: cannot be read any more \(.*No such"):
        list(training.batches(torch.arange(len(training)), 8))
    (folder / "class1" / "15.jpg").write_bytes(b"torn")
    with pytest.raises(UserError, match=r"15\.jpg: cannot be read any more \(damaged\)"):
        list(training.batches(torch.arange(len(training)), 8))


def test_an_epoch_may_be_left_early_and_no_process_stays(folder: Path) -> None:
    training, _ = images_on_device(load_training_data(str(folder), SIZE, is_streamed=True), CPU)
    batches = training.batches(torch.arange(len(training)).repeat(30), 8)
    before = _children()
    next(batches)
    assert _children() > before
    batches.close()  # type: ignore[attr-defined]
    assert _children() <= before


def _children() -> set[str]:
    """Return the process numbers of this process's children that run."""
    listed = ["ps", "-o", "stat=,pid=,comm=", "--ppid", str(os.getpid())]
    lines = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.splitlines()
    children = [line.split() for line in lines]
    return {pid for state, pid, name, *_ in children if state[0] != "Z" and name != "ps"}


def test_the_cores_are_shared_by_the_processes_of_a_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("nas.data.streaming.available_cores", lambda: 64)
    assert decoding_processes() == 64
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "8")
    assert decoding_processes() == 8
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "100")
    assert decoding_processes() == 1


def test_a_search_reads_what_is_cached(folder: Path) -> None:
    cached = load_search_data(str(folder), SIZE)
    assert not isinstance(cached.training, EncodedSplit)
