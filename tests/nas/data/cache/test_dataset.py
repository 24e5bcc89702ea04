"""Data sets through the cache: each entry is made once, completely or not at all, and shared.

Neither other processes nor their deaths may leave an incomplete entry. Other processes get the same
images: from the entry, from a copy or by decoding them again.
"""

from __future__ import annotations

import errno
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console

from nas.data.cache import dataset, filling
from nas.data.cache.entry import Entry
from nas.data.cache.opening import TrainingParts, WholeListing, entry_name, open_cached
from nas.data.decode import Decoding, decode
from nas.data.formats import folder as folder_format
from nas.data.formats.base import Listing, Source
from nas.data.formats.files import read_file
from nas.data.formats.folder import training_folder
from nas.data.images import images_on_device
from nas.data.load import load_search_data
from nas.data.minival import MinivalChoice
from nas.data.split import SearchData
from nas.errors import UserError
from tests.nas.command_line import environment
from tests.nas.data.making import SIZE, maker
from tests.nas.data.pictures import class_folders, picture

COUNT = 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of ten pictures."""
    return class_folders(tmp_path / "pets")


@pytest.fixture
def decoded_images(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of the images that are decoded, in order."""
    sizes: list[int] = []

    def spy(read: Callable[[], bytes], size: int, decoding: Decoding) -> Any:
        sizes.append(size)
        return decode(read, size, decoding)

    monkeypatch.setattr(filling, "decode", spy)
    return sizes


@pytest.fixture(params=["threads", "processes"])
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads decode few images, processes many."""
    if request.param == "processes":
        monkeypatch.setattr(filling, "_FEWEST_FOR_PROCESSES", 1)
        monkeypatch.setattr(filling, "available_cores", lambda: 2)


def _make(folder: Path, size: int = SIZE) -> Entry:
    return open_cached(str(folder), training_folder(folder), size, WholeListing())


def test_the_names_of_entries_stay() -> None:
    """Another name would have all images decoded again."""

    def unlisted(class_names: tuple[str, ...]) -> Listing:
        raise AssertionError("a name needs no listing")

    source = Source("fingerprint", unlisted)
    assert (
        entry_name("some/folder", source, 8, TrainingParts(MinivalChoice()), Decoding())
        == "folder-8px-38bf1462df"
    )
    assert (
        entry_name("some/folder", source, 8, WholeListing(), Decoding()) == "folder-8px-b5d88ff56e"
    )


def test_images_are_decoded_once(folder: Path, decoded_images: list[int]) -> None:
    first, second = _make(folder), _make(folder)
    assert decoded_images == [SIZE] * COUNT
    assert first.pixels[:, 0, 0, 0].tolist() == [*range(10), *range(100, 110)]
    assert np.array_equal(first.pixels, second.pixels)


def test_each_size_has_its_own_entry(folder: Path, decoded_images: list[int]) -> None:
    _make(folder, 16)
    assert _make(folder).pixels.shape == (COUNT, 3, 8, 8)
    assert sorted(decoded_images) == [8] * COUNT + [16] * COUNT


@pytest.mark.parametrize("change", ["content", "time", "name", "one more", "one less"])
def test_other_content_is_decoded_again(
    folder: Path, decoded_images: list[int], change: str
) -> None:
    file = folder / "ant" / "3.png"
    status = file.stat()
    _make(folder)
    if change == "content":
        file.write_bytes(picture(250))
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    elif change == "time":
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    elif change == "name":
        file.rename(file.with_name("x.png"))
    elif change == "one more":
        shutil.copy2(file, file.with_name("10.png"))
    else:
        file.unlink()
    decoded_images.clear()
    _make(folder)
    assert decoded_images


def test_a_copy_with_the_same_times_uses_the_same_entry(
    folder: Path, decoded_images: list[int], tmp_path: Path
) -> None:
    _make(folder)
    decoded_images.clear()
    shutil.copytree(folder, tmp_path / "other" / "pets")
    _make(tmp_path / "other" / "pets")
    assert decoded_images == []


def test_the_minival_is_a_part_of_its_own_and_not_in_the_statistics(folder: Path) -> None:
    entry = open_cached("pets", training_folder(folder), SIZE, TrainingParts(MinivalChoice()))
    training, minival = entry.parts()
    assert (len(training), len(minival)) == (16, 4)
    assert np.bincount(training.labels).tolist() == [8, 8]
    assert entry.meta.statistics.mean == pytest.approx(training.pixels.mean((0, 2, 3)).tolist())
    assert entry.meta.statistics.std == pytest.approx(training.pixels.std((0, 2, 3)).tolist())
    for split in (training, minival):
        assert np.array_equal(split.pixels[:, 0, 0, 0] // 100, split.labels)


def test_unreadable_images_are_left_out_of_both_parts(folder: Path) -> None:
    whole_set = open_cached("pets", training_folder(folder), SIZE, TrainingParts(MinivalChoice()))
    lost = [int(split.pixels[0, 0, 0, 0]) for split in whole_set.parts()]
    for grey in lost:
        (folder / ("ant", "bee")[grey // 100] / f"{grey % 100}.png").write_bytes(b"")
    training, minival = open_cached(
        "pets", training_folder(folder), SIZE, TrainingParts(MinivalChoice())
    ).parts()
    assert (len(training), len(minival)) == (15, 3)
    before = [split.pixels[:, 0, 0, 0].tolist() for split in whole_set.parts()]
    after = [split.pixels[:, 0, 0, 0].tolist() for split in (training, minival)]
    assert [sorted(part) for part in after] == [sorted(part)[:] for part in _without(before, lost)]


def _without(parts: list[list[int]], lost: list[int]) -> list[list[int]]:
    return [[grey for grey in part if grey not in lost] for part in parts]


def test_no_readable_image_is_refused_and_leaves_nothing(tmp_path: Path, cache_path: Path) -> None:
    class_folders(tmp_path / "pets", count=5)
    for file in (tmp_path / "pets").rglob("*.png"):
        file.write_bytes(b"")
    with pytest.raises(
        UserError, match=r"got 0 readable images, must have one or more \(10 unreadable in total\)"
    ):
        _make(tmp_path / "pets")
    assert list(cache_path.iterdir()) == []


def _read_or_fail(file: Path) -> bytes:
    if file.name == "3.png":
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    return read_file(file)


@pytest.mark.usefixtures("_way")
def test_a_read_error_is_one_line_and_leaves_nothing(
    folder: Path, cache_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_format, "read_file", _read_or_fail)
    with pytest.raises(UserError) as error:
        _make(folder)
    assert "3.png: cannot be read (Input/output error)" in str(error.value)
    assert list(cache_path.iterdir()) == []
    monkeypatch.setattr(folder_format, "read_file", read_file)
    assert _make(folder).meta.unreadable == ()


def test_two_makers_at_once_decode_once(folder: Path, cache_path: Path) -> None:
    with maker(folder, 0.1) as first, maker(folder, 0.1) as second:
        outputs = [process.communicate(timeout=120) for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), outputs
    images = [out.count("image") for out, _ in outputs]
    assert sorted(images) == [0, COUNT]
    digests = {out.split()[-1] for out, _ in outputs}
    assert digests == {_make(folder).meta.digest}
    assert len(list(cache_path.iterdir())) == 1


def test_a_waiting_process_reports_it_and_continues_if_the_maker_is_killed(folder: Path) -> None:
    with maker(folder, 60) as first:
        _wait_for_images(first, 1)
        with maker(folder, 0) as second:
            assert second.stderr is not None
            assert second.stderr.readline().startswith("waiting for another process")
            first.kill()
            out, _ = second.communicate(timeout=60)
    assert out.count("image") == COUNT
    assert second.returncode == 0


def test_a_killed_maker_leaves_no_complete_entry(
    folder: Path, cache_path: Path, tmp_path: Path
) -> None:
    with maker(folder, 0.1) as process:
        _wait_for_images(process, 5)
        process.send_signal(signal.SIGKILL)
    (left,) = cache_path.iterdir()
    assert left.name.endswith(".making")
    _make(class_folders(tmp_path / "other", ("cat", "dog")))
    (made,) = cache_path.iterdir()  # the next maker of any entry has cleaned up
    assert made != left
    assert _make(folder).pixels[:, 0, 0, 0].tolist() == [*range(10), *range(100, 110)]


def test_a_draft_in_the_making_is_kept_by_others(
    folder: Path, cache_path: Path, tmp_path: Path
) -> None:
    with maker(folder, 60) as process:
        _wait_for_images(process, 1)
        _make(class_folders(tmp_path / "other", ("cat", "dog")))
        assert len([p for p in cache_path.iterdir() if p.suffix == ".making"]) == 1


def _wait_for_images(process: subprocess.Popen[str], count: int) -> None:
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(count)] == ["image\n"] * count


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("call", ["posix_fallocate", "pwrite", "fsync"])
def test_a_full_disk_is_one_line_and_leaves_nothing(
    folder: Path, cache_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    def fail(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(UserError) as error:
        _make(folder)
    start = f"NAS_CACHE_DIR: {cache_path}: the decoded images need 3.84 kB, but {os.strerror(code)}"
    assert str(error.value).startswith(start)
    assert "\n" not in str(error.value)
    assert error.value.exit_code == 1
    assert list(cache_path.iterdir()) == []


def test_a_file_size_limit_of_the_system_ends_the_command_with_one_line(
    folder: Path, cache_path: Path, tmp_path: Path
) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))"
    command = ["nas", "search", "--data", str(folder), "--image-size", "8"]
    script = f"{limit}; import sys; sys.argv = {command!r}; from nas.cli.main import main; main()"
    ended = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=environment(),
    )
    assert ended.returncode == 1
    assert "File too large" in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert [path.name for path in cache_path.iterdir()] == ["surveys"]


def test_a_folder_that_cannot_be_written_is_one_line(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("NAS_CACHE_DIR", str(tmp_path / "file" / "cache"))
    with pytest.raises(
        UserError, match=r"NAS_CACHE_DIR: got .*/file/cache, must be a writable folder"
    ):
        _make(folder)


def test_an_interrupt_leaves_nothing(
    folder: Path, cache_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(filling, "decode", interrupt)
    with pytest.raises(KeyboardInterrupt):
        _make(folder)
    assert list(cache_path.iterdir()) == []


def test_an_interrupt_does_not_wait_for_the_rest(
    folder: Path, cache_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[int] = []

    def decode_until_interrupted(read: Callable[[], bytes], size: int) -> None:
        started.append(size)
        time.sleep(0.2)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(filling, "decode", decode_until_interrupted)
    monkeypatch.setattr(Future, "result", interrupt)
    with pytest.raises(KeyboardInterrupt):
        _make(folder)
    assert len(started) < COUNT
    assert list(cache_path.iterdir()) == []


def test_the_progress_bar_is_shown_on_a_terminal_only(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = training_folder(folder)
    open_cached(str(folder), source, 8, WholeListing())
    assert capsys.readouterr() == ("", "")
    console = Console(stderr=True, force_terminal=True, width=200)
    open_cached(str(folder), source, 9, WholeListing(), console=console)
    out, err = capsys.readouterr()
    assert out == ""
    assert "20/20" in err


def test_elsewhere_it_is_a_line_once_it_takes_long(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nas.data.cache.opening._SAID_AFTER_S", 0.0)
    open_cached(str(folder), training_folder(folder), 8, WholeListing())
    assert capsys.readouterr() == ("", f"decoding {folder.name} into the cache: 20 images\n")


def test_a_damaged_entry_is_made_again(folder: Path, cache_path: Path) -> None:
    for name, content in (("pixels.bin", b"short"), ("meta.json", b"{"), ("labels.npy", b"")):
        _make(folder)
        (path,) = cache_path.iterdir()
        (path / name).write_bytes(content)
        assert _make(folder).pixels[:, 0, 0, 0].tolist() == [*range(10), *range(100, 110)]


@pytest.mark.parametrize("at", [0, 1000, -1])
def test_an_entry_whose_bytes_changed_is_made_again(
    folder: Path, cache_path: Path, at: int, capsys: pytest.CaptureFixture[str]
) -> None:
    before = np.array(_make(folder).pixels)
    (path,) = cache_path.iterdir()
    content = bytearray((path / "pixels.bin").read_bytes())
    content[at] ^= 1
    (path / "pixels.bin").write_bytes(content)
    assert np.array_equal(_make(folder).pixels, before)
    assert "have changed on the disk, so they are decoded again" in capsys.readouterr().err


def test_an_entry_whose_labels_changed_is_made_again(folder: Path, cache_path: Path) -> None:
    before = _make(folder).labels
    (path,) = cache_path.iterdir()
    np.save(path / "labels.npy", before[::-1])
    assert np.array_equal(_make(folder).labels, before)


# In other processes.


def _unpickled(data: SearchData) -> SearchData:
    """Pickle and unpickle the data, and check that they are the same."""
    loaded: SearchData = pickle.loads(pickle.dumps(data))
    assert (loaded.name, loaded.classes, loaded.class_names, loaded.statistics) == (
        data.name, data.classes, data.class_names, data.statistics,
    )  # fmt: skip
    assert loaded.fingerprint() == data.fingerprint()
    for split, other in ((data.training, loaded.training), (data.minival, loaded.minival)):
        assert np.array_equal(split.pixels, other.pixels)
        assert np.array_equal(split.labels, other.labels)
    return loaded


def _is_mapped(data: SearchData) -> bool:
    return isinstance(data.training.pixels, np.memmap)


def test_workers_map_the_same_file(folder: Path) -> None:
    assert _is_mapped(_unpickled(load_search_data(str(folder), 8)))


def test_data_unpickled_twice_still_map_the_file(folder: Path) -> None:
    assert _is_mapped(_unpickled(_unpickled(load_search_data(str(folder), 8))))


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


def test_large_data_are_not_sent_but_decoded_on_the_node(
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


def test_other_images_on_the_node_are_refused(
    folder: Path, cache_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset, "SENT_BYTES", 1000)
    content = pickle.dumps(load_search_data(str(folder), 8))
    for entry in cache_path.iterdir():
        shutil.rmtree(entry)
    (folder / "ant" / "2.png").write_bytes(picture(222))
    with pytest.raises(UserError, match="got other images on this node than where the run started"):
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


def test_data_are_found_from_any_working_directory(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset, "SENT_BYTES", 0)
    monkeypatch.chdir(tmp_path)
    data = load_search_data("pets", 8)
    assert data.name == "pets"
    content = pickle.dumps(data)
    monkeypatch.chdir("/")
    assert pickle.loads(content).name == "pets"


# Training set and minival at different sizes.


def test_splits_of_two_sizes_are_an_entry_each(folder: Path, decoded_images: list[int]) -> None:
    one = load_search_data(str(folder), 8)
    decoded_images.clear()
    two = load_search_data(str(folder), 8, minival_size=12)
    assert sorted(decoded_images) == [8] * len(two.training) + [12] * len(two.minival)
    assert np.array_equal(two.training.pixels, one.training.pixels)
    assert two.training.labels.tolist() == one.training.labels.tolist()
    assert two.minival.labels.tolist() == one.minival.labels.tolist()
    assert two.minival.pixels.shape == (len(one.minival), 3, 12, 12)
    assert np.array_equal(two.minival.pixels[:, 0, 0, 0], one.minival.pixels[:, 0, 0, 0])
    assert two.statistics == one.statistics
    assert two.fingerprint() != one.fingerprint()
    decoded_images.clear()
    assert load_search_data(str(folder), 8, minival_size=12).fingerprint() == two.fingerprint()
    assert load_search_data(str(folder), 8, minival_size=8).fingerprint() == one.fingerprint()
    assert not decoded_images


def test_splits_of_two_sizes_reach_other_processes(folder: Path) -> None:
    data = load_search_data(str(folder), 8, minival_size=12)
    content = pickle.dumps(data)
    assert len(content) < 20_000
    _assert_same(_unpickled(data), data)
    shutil.rmtree(os.environ["NAS_CACHE_DIR"])
    _assert_same(pickle.loads(content), data)


def _assert_same(found: SearchData, data: SearchData) -> None:
    assert found.fingerprint() == data.fingerprint()
    assert np.array_equal(found.training.pixels, data.training.pixels)
    assert np.array_equal(found.minival.pixels, data.minival.pixels)


def test_a_validation_split_of_another_size(folder: Path, tmp_path: Path) -> None:
    root = tmp_path / "set"
    root.mkdir()
    folder.rename(root / "train")
    class_folders(root / "val", count=3)
    data = load_search_data(str(root), 8, minival_size=12)
    assert (len(data.training), len(data.minival)) == (20, 6)
    assert data.minival.pixels[:, 0, 0, 0].tolist() == [0, 1, 2, 100, 101, 102]


def test_room_for_both_sizes_is_asked_for_before_anything_is_decoded(
    folder: Path, decoded_images: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """16 images of 8 px and 4 of 12 px take 4.8 kB."""
    monkeypatch.setenv("NAS_CACHE_LIMIT", "4 kB")
    with pytest.raises(UserError) as error:
        load_search_data(str(folder), 8, minival_size=12, remedy="a smaller --data-size")
    assert str(error.value) == (
        "NAS_CACHE_LIMIT: got 4 kB, must be 4.8 kB or more for these images at this size, or "
        "a smaller --data-size"
    )
    assert not decoded_images
    monkeypatch.setenv("NAS_CACHE_LIMIT", "100 kB")
    load_search_data(str(folder), 9, minival_size=12)
    decoded_images.clear()
    monkeypatch.setenv("NAS_CACHE_LIMIT", "16 kB")  # the minival is there already
    load_search_data(str(folder), 8, minival_size=12)
    assert decoded_images == [8] * 16


def test_each_class_needs_an_image_to_train_on_in_both_forms(folder: Path) -> None:
    for file in (folder / "ant").iterdir():
        file.write_bytes(b"no image")
    for minival_size in (8, 12):
        with pytest.raises(UserError, match="class 'ant': got 0 readable images"):
            load_search_data(str(folder), 8, minival_size=minival_size)


# Decoding in processes.


def test_processes_make_the_same_entry(
    folder: Path, cache_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than a chunk of images, some of them damaged or too large, some of a single colour."""
    for i in range(150):
        (folder / "bee" / f"more{i:03}.png").write_bytes(b"" if i % 40 == 7 else picture(i))
    monkeypatch.setattr("nas.data.decode.MOST_PIXELS", 200)
    (folder / "ant" / "large.png").write_bytes(picture(9, side=15))
    first = load_search_data(str(folder), 8, minival_size=12)
    kept = _files(cache_path)
    shutil.rmtree(cache_path)
    monkeypatch.setattr(filling, "_FEWEST_FOR_PROCESSES", 1)
    monkeypatch.setattr(filling, "available_cores", lambda: 2)
    monkeypatch.setattr(filling, "ThreadPoolExecutor", None)
    second = load_search_data(str(folder), 8, minival_size=12)
    assert _files(cache_path) == kept
    assert len(kept) == 6
    assert second.unreadable == first.unreadable
    assert len(second.unreadable) == 5
    assert "225 pixels" in " ".join(second.unreadable) or "15 x 15" in " ".join(second.unreadable)
    assert (second.statistics, second.warnings) == (first.statistics, first.warnings)


def _files(cache_path: Path) -> dict[str, bytes]:
    """Return the contents of all files with arrays."""
    files = [path for path in cache_path.rglob("*") if path.suffix in (".bin", ".npy")]
    return {str(path.relative_to(cache_path)): path.read_bytes() for path in files}


def test_ctrl_c_ends_the_processes_and_leaves_nothing(
    folder: Path, cache_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(read: Callable[[], bytes], size: int, decoding: Decoding) -> Any:
        time.sleep(0.02)
        return decode(read, size, decoding)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    for i in range(400):
        (folder / "bee" / f"more{i:03}.png").write_bytes(picture(i % 256))
    monkeypatch.setattr(filling, "_FEWEST_FOR_PROCESSES", 1)
    monkeypatch.setattr(filling, "available_cores", lambda: 2)
    monkeypatch.setattr(filling, "decode", slow)
    monkeypatch.setattr(filling._Filling, "_collect", interrupted)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        _make(folder)
    assert time.monotonic() - began < 5
    assert list(cache_path.iterdir()) == []
