"""Making cache entries: once, whole or not at all, whoever else makes them and whatever dies."""

from __future__ import annotations

import errno
import os
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
from rich.console import Console

from nas.data.cache import filling
from nas.data.cache.dataset import open_cached, training_parts, whole_listing
from nas.data.cache.entry import Entry
from nas.data.cache.filling import decode
from nas.data.formats.folder import training_folder
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
    """The size of each image that is decoded."""
    sizes: list[int] = []

    def spy(read: Callable[[], bytes], size: int) -> Any:
        sizes.append(size)
        return decode(read, size)

    monkeypatch.setattr(filling, "decode", spy)
    return sizes


def _make(folder: Path, size: int = SIZE) -> Entry:
    return open_cached(str(folder), training_folder(folder), size, whole_listing)


def test_images_are_decoded_once(folder: Path, decoded_images: list[int]) -> None:
    first, second = _make(folder), _make(folder)
    assert decoded_images == [SIZE] * COUNT
    assert first.pixels[:, 0, 0, 0].tolist() == [*range(10), *range(100, 110)]
    assert np.array_equal(first.pixels, second.pixels)


def test_each_size_is_made_of_its_own(folder: Path, decoded_images: list[int]) -> None:
    _make(folder, 16)
    assert _make(folder).pixels.shape == (COUNT, 3, 8, 8)
    assert sorted(decoded_images) == [8] * COUNT + [16] * COUNT


@pytest.mark.parametrize("change", ["content", "time", "name", "one more", "one less"])
def test_another_content_is_made_anew(folder: Path, decoded_images: list[int], change: str) -> None:
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


def test_a_copy_with_its_times_is_the_same(
    folder: Path, decoded_images: list[int], tmp_path: Path
) -> None:
    _make(folder)
    decoded_images.clear()
    shutil.copytree(folder, tmp_path / "other" / "pets")
    _make(tmp_path / "other" / "pets")
    assert decoded_images == []


def test_the_minival_lies_apart_and_is_not_in_the_statistics(folder: Path) -> None:
    entry = open_cached("pets", training_folder(folder), SIZE, training_parts)
    training, minival = entry.parts()
    assert (len(training), len(minival)) == (16, 4)
    assert np.bincount(training.labels).tolist() == [8, 8]
    assert entry.meta.statistics.mean == pytest.approx(training.pixels.mean((0, 2, 3)).tolist())
    assert entry.meta.statistics.std == pytest.approx(training.pixels.std((0, 2, 3)).tolist())
    for split in (training, minival):
        assert np.array_equal(split.pixels[:, 0, 0, 0] // 100, split.labels)


def test_a_minival_with_unreadable_images_is_what_is_left_of_it(folder: Path) -> None:
    whole_set = open_cached("pets", training_folder(folder), SIZE, training_parts)
    lost = [int(split.pixels[0, 0, 0, 0]) for split in whole_set.parts()]
    for grey in lost:
        (folder / ("ant", "bee")[grey // 100] / f"{grey % 100}.png").write_bytes(b"")
    training, minival = open_cached("pets", training_folder(folder), SIZE, training_parts).parts()
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
    with pytest.raises(UserError, match="got 0 readable images"):
        _make(tmp_path / "pets")
    assert list(cache_path.iterdir()) == []


def test_a_disk_that_fails_is_one_line_and_leaves_nothing(
    folder: Path, cache_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_bytes = Path.read_bytes

    def fail(file: Path) -> bytes:
        if file.name == "3.png":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return read_bytes(file)

    monkeypatch.setattr(Path, "read_bytes", fail)
    with pytest.raises(UserError) as error:
        _make(folder)
    assert "3.png: cannot be read (Input/output error)" in str(error.value)
    assert list(cache_path.iterdir()) == []
    monkeypatch.setattr(Path, "read_bytes", read_bytes)
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


def test_who_waits_says_so_and_goes_on_when_the_maker_is_killed(folder: Path) -> None:
    with maker(folder, 60) as first:
        _wait_for_images(first, 1)
        with maker(folder, 0) as second:
            assert second.stderr is not None
            assert second.stderr.readline().startswith("waiting for another process")
            first.kill()
            out, _ = second.communicate(timeout=60)
    assert out.count("image") == COUNT
    assert second.returncode == 0


def test_a_kill_half_way_leaves_nothing_that_counts(
    folder: Path, cache_path: Path, tmp_path: Path
) -> None:
    with maker(folder, 0.1) as process:
        _wait_for_images(process, 5)
        process.send_signal(signal.SIGKILL)
    (left,) = cache_path.iterdir()
    assert left.name.endswith(".making")
    _make(class_folders(tmp_path / "other", ("cat", "dog")))
    (made,) = cache_path.iterdir()  # the next maker, of whatever, has cleaned up
    assert made != left
    assert _make(folder).pixels[:, 0, 0, 0].tolist() == [*range(10), *range(100, 110)]


def test_a_maker_at_work_is_left_alone_by_others(
    folder: Path, cache_path: Path, tmp_path: Path
) -> None:
    with maker(folder, 60) as process:
        _wait_for_images(process, 1)
        _make(class_folders(tmp_path / "other", ("cat", "dog")))
        assert len([p for p in cache_path.iterdir() if p.suffix == ".making"]) == 1


def _wait_for_images(process: subprocess.Popen[str], count: int) -> None:
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(count)] == ["image\n"] * count


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
    start = f"NAS_CACHE_DIR: {cache_path}: the decoded images take 3.84 kB, but {os.strerror(code)}"
    assert str(error.value).startswith(start)
    assert "\n" not in str(error.value)
    assert error.value.exit_code == 1
    assert list(cache_path.iterdir()) == []


def test_a_real_limit_of_the_system_ends_the_command_in_one_line(
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
    assert list(cache_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_one_line(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("NAS_CACHE_DIR", str(tmp_path / "file" / "cache"))
    with pytest.raises(UserError, match=r"NAS_CACHE_DIR: got .*/file/cache, must be a folder"):
        _make(folder)


def test_an_interrupt_leaves_nothing(
    folder: Path, cache_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(read: Callable[[], bytes], size: int) -> None:
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


def test_the_bar_is_on_a_terminal_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = training_folder(folder)
    open_cached(str(folder), source, 8, whole_listing)
    assert capsys.readouterr() == ("", "")
    console = Console(stderr=True, force_terminal=True, width=200)
    open_cached(str(folder), source, 9, whole_listing, console)
    out, err = capsys.readouterr()
    assert out == ""
    assert "20/20" in err


def test_a_damaged_entry_is_made_anew(folder: Path, cache_path: Path) -> None:
    for name, content in (("pixels.bin", b"short"), ("meta.json", b"{"), ("labels.npy", b"")):
        _make(folder)
        (path,) = cache_path.iterdir()
        (path / name).write_bytes(content)
        assert _make(folder).pixels[:, 0, 0, 0].tolist() == [*range(10), *range(100, 110)]
