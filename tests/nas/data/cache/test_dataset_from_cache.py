"""Data from the cache in other processes: the same file, or else the same images."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from nas.data.cache import dataset
from nas.data.images import images_on_device
from nas.data.load import load_search_data
from nas.data.split import SearchData
from nas.errors import UserError
from tests.nas.data.pictures import class_folders, picture


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of ten pictures."""
    return class_folders(tmp_path / "pets")


def _again(data: SearchData) -> SearchData:
    loaded: SearchData = pickle.loads(pickle.dumps(data))
    assert (loaded.name, loaded.classes, loaded.class_names, loaded.statistics) == (
        data.name, data.classes, data.class_names, data.statistics,
    )  # fmt: skip
    assert loaded.fingerprint() == data.fingerprint()
    for own, other in ((data.training, loaded.training), (data.minival, loaded.minival)):
        assert np.array_equal(own.pixels, other.pixels)
        assert np.array_equal(own.labels, other.labels)
    return loaded


def _is_mapped(data: SearchData) -> bool:
    return isinstance(data.training.pixels, np.memmap)


def test_workers_map_the_same_file(folder: Path) -> None:
    assert _is_mapped(_again(load_search_data(str(folder), 8)))


def test_unpickled_again_it_is_still_by_reference(folder: Path) -> None:
    assert _is_mapped(_again(_again(load_search_data(str(folder), 8))))


def test_a_node_without_the_file_uses_the_copy(folder: Path, cache_path: Path) -> None:
    data = load_search_data(str(folder), 8)
    content = pickle.dumps(data)
    shutil.rmtree(folder)
    for entry in cache_path.iterdir():
        shutil.rmtree(entry)
    loaded = pickle.loads(content)
    assert not _is_mapped(loaded)
    assert np.array_equal(loaded.training.pixels, data.training.pixels)
    training, _ = images_on_device(loaded, torch.device("cpu"))
    assert torch.equal(training.pixels, torch.tensor(data.training.pixels))


def test_what_is_large_is_not_sent_but_decoded_there(
    folder: Path, cache_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset, "SENT_BYTES", 1000)
    data = load_search_data(str(folder), 8)
    content = pickle.dumps(data)
    assert len(content) < 2000
    for entry in cache_path.iterdir():
        shutil.rmtree(entry)
    loaded = pickle.loads(content)
    assert _is_mapped(loaded)
    assert np.array_equal(loaded.minival.pixels, data.minival.pixels)


def test_other_images_there_are_refused(
    folder: Path, cache_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset, "SENT_BYTES", 1000)
    content = pickle.dumps(load_search_data(str(folder), 8))
    for entry in cache_path.iterdir():
        shutil.rmtree(entry)
    (folder / "ant" / "2.png").write_bytes(picture(222))
    with pytest.raises(UserError, match="is not the same on this node as where the search began"):
        pickle.loads(content)


def test_the_fingerprint_follows_the_pixels_and_labels_alone(folder: Path, tmp_path: Path) -> None:
    first = load_search_data(str(folder), 8)
    shutil.copytree(folder, tmp_path / "other", copy_function=shutil.copyfile)  # with new times
    second = load_search_data(str(tmp_path / "other"), 8)
    assert second.reopen is not None
    assert second.fingerprint() == first.fingerprint()
    (folder / "ant" / "2.png").write_bytes(picture(222))
    assert load_search_data(str(folder), 8).fingerprint() != first.fingerprint()
    (folder / "ant" / "2.png").write_bytes(picture(2))
    (folder / "ant").rename(folder / "cat")
    assert load_search_data(str(folder), 8).fingerprint() != first.fingerprint()


def test_it_is_found_from_any_folder(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset, "SENT_BYTES", 0)
    monkeypatch.chdir(tmp_path)
    data = load_search_data("pets", 8)
    assert data.name == "pets"
    content = pickle.dumps(data)
    monkeypatch.chdir("/")
    assert pickle.loads(content).name == "pets"
