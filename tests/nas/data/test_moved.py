"""Data that was moved: a copy of the content is accepted in its place, anything else is refused."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import pytest

from nas.data.load import load_search_data
from nas.data.moved import load_recorded
from nas.errors import UserError
from tests.nas.data.pictures import class_folders

RUN = Path("runs/1")
load = partial(load_search_data, image_size=8)


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAS_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """A folder of two classes."""
    return class_folders(tmp_path / "pets")


@pytest.mark.parametrize("copy", [shutil.copy2, shutil.copy])
def test_a_copied_folder_is_the_same_data(pets: Path, tmp_path: Path, copy: object) -> None:
    """Also if the copy has other times, as after a download."""
    digest = load(str(pets)).fingerprint()
    moved = tmp_path / "disk" / "images"
    shutil.copytree(pets, moved, copy_function=copy)  # type: ignore[arg-type]
    shutil.rmtree(pets)
    place, data = load_recorded(RUN, str(pets), str(moved), digest, load)
    assert place == str(moved)
    assert data.fingerprint() == digest


def test_a_place_may_be_relative(
    pets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = load(str(pets)).fingerprint()
    monkeypatch.chdir(tmp_path)
    assert load_recorded(RUN, "/old/pets", "pets", digest, load)[0] == str(pets)


def test_other_data_in_its_place_is_refused(pets: Path, tmp_path: Path) -> None:
    digest = load(str(pets)).fingerprint()
    other = class_folders(tmp_path / "other", ("ant", "cow"), count=9)
    _assert_refused(
        str(pets), str(other), digest,
        f"--data: got '{other}', but runs/1 was begun with '{pets}', must be the same images and "
        "labels",
    )  # fmt: skip
    (pets / "ant" / "0.png").unlink()
    for given in (None, str(pets)):
        _assert_refused(
            str(pets), given, digest,
            f"--resume: runs/1: the images or labels of its data '{pets}' have changed since it "
            "began; if they are elsewhere now, --data names where",
        )  # fmt: skip


@pytest.mark.parametrize("hub", ["", "hub:"])
@pytest.mark.parametrize("is_mount_point", [False, True])
def test_missing_data_is_asked_for(tmp_path: Path, hub: str, is_mount_point: bool) -> None:
    if is_mount_point:
        (tmp_path / "disk").mkdir()
    recorded = f"{hub}{tmp_path / 'disk'}" + (",train=train" if hub else "")
    _assert_refused(
        recorded, None, "0",
        f"--resume: runs/1: its data '{recorded}' is missing, must be there, or --data must name "
        "where it is now",
    )  # fmt: skip


def _assert_refused(recorded: str, given: str | None, digest: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        load_recorded(RUN, recorded, given, digest, load)
    assert str(error.value) == message
