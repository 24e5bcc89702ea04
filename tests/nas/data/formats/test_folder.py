"""Folders of images: nested, damaged, rotated, in every mode, and with splits by any name."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from nas.data.formats import folder as folder_format
from nas.data.formats.files import read_file
from nas.data.formats.folder import evaluation_folder, training_folder
from nas.data.formats.rare_classes import FEWEST_PER_CLASS
from nas.errors import UserError
from tests.nas.data.decoding import decoded, only_part

MakeFolder = Callable[..., Path]
COUNT = FEWEST_PER_CLASS


@pytest.fixture
def make_folder(tmp_path: Path) -> MakeFolder:
    """Function that makes a folder of class folders; the classes have the greys 0, 50, 100, ..."""

    def make(names: Sequence[str] = ("cat", "dog"), count: int = COUNT, under: str = "") -> Path:
        for i, name in enumerate(names):
            folder = tmp_path / under / name
            folder.mkdir(parents=True)
            for j in range(count):
                Image.new("RGB", (12, 10), (50 * i,) * 3).save(folder / f"{j}.png")
        return tmp_path

    return make


def _one(
    root: Path, image: Image.Image, name: str = "cat/new.png", **options: Any
) -> NDArray[np.uint8]:
    """Save one image among the others and return it decoded: (C, H, W)."""
    image.save(root / name, **options)
    (root / "cat" / "0.png").unlink()  # as many as before
    entry = decoded(training_folder(root))
    assert entry.meta.unreadable == ()
    pixels: NDArray[np.uint8] = entry.pixels[COUNT - 1]  # the last of the cats by name
    return pixels


def test_classes_are_folders_in_the_order_of_their_names(make_folder: MakeFolder) -> None:
    entry = decoded(training_folder(make_folder(("dog", "ant", "cat"))))
    assert entry.meta.class_names == ("ant", "cat", "dog")
    assert entry.labels.tolist() == [0] * COUNT + [1] * COUNT + [2] * COUNT
    assert entry.pixels.shape == (3 * COUNT, 3, 8, 8)
    assert entry.pixels.dtype == np.uint8
    greys = entry.pixels[:, 0, 0, 0].tolist()
    assert greys == [50] * COUNT + [100] * COUNT + [0] * COUNT


def test_images_lie_at_any_depth_and_other_files_are_skipped(make_folder: MakeFolder) -> None:
    root = make_folder()
    (root / "cat" / "2024" / "may").mkdir(parents=True)
    Image.new("RGB", (9, 9), (200, 0, 0)).save(root / "cat" / "2024" / "may" / "A.JPG", "JPEG")
    (root / "cat" / "notes.txt").write_text("no image")
    (root / "notes").mkdir()
    (root / "notes" / "readme.md").write_text("no class")
    entry = decoded(training_folder(root))
    assert entry.meta.class_names == ("cat", "dog")
    assert np.bincount(entry.labels).tolist() == [COUNT + 1, COUNT]


def test_only_the_training_folder_is_read(
    make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_folder(under="train")
    make_folder(("cat", "dog", "emu"), under="test")
    make_folder(("cat", "fox"), under="val")
    opened: list[Path] = []

    def spy(file: Path) -> bytes:
        opened.append(file)
        return read_file(file)

    monkeypatch.setattr(folder_format, "read_file", spy)
    entry = decoded(training_folder(root))
    assert entry.meta.class_names == ("cat", "dog")
    assert len(opened) == 2 * COUNT
    assert {file.relative_to(root).parts[0] for file in opened} == {"train"}


def test_unreadable_images_are_left_out_and_reported(make_folder: MakeFolder) -> None:
    root = make_folder()
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    for name in ("cat/cut.png", "cat/cut.jpg", "dog/cut.gif", "dog/cut.webp"):
        Image.fromarray(noise).save(root / name)
        content = (root / name).read_bytes()
        (root / name).write_bytes(content[: len(content) // 2])
    (root / "cat" / "corrupt.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(200))
    (root / "dog" / "text.jpg").write_text("<html>404</html>")
    (root / "dog" / "empty.png").touch()
    (root / "dog" / "folder.jpg").mkdir()
    (root / "dog" / "gone.jpg").symlink_to("nowhere")
    entry = decoded(training_folder(root))
    bad = ["cat/corrupt.jpg", "cat/cut.jpg", "cat/cut.png"]
    bad += ["dog/cut.gif", "dog/cut.webp", "dog/empty.png", "dog/text.jpg"]
    assert entry.meta.unreadable == tuple(str(root / name) for name in bad)
    (split,) = entry.parts()
    assert sorted(split.labels.tolist()) == [0] * COUNT + [1] * COUNT
    # The gaps are closed with images from the end, each with its own label.
    assert np.array_equal(split.pixels[:, 0, 4, 4], 50 * split.labels)


def test_a_photograph_is_rotated_by_its_exif_data(make_folder: MakeFolder) -> None:
    image = Image.new("RGB", (40, 40))
    image.paste((255, 255, 255), (0, 0, 40, 20))  # white above
    exif = Image.Exif()
    exif[0x0112] = 6  # to be rotated clockwise
    pixels = _one(make_folder(), image, "cat/new.jpg", exif=exif)
    assert pixels[:, :, :3].max() < 10  # the left
    assert pixels[:, :, 5:].min() > 245  # the right


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGBA", "CMYK", "YCbCr", "HSV"])
def test_every_mode_becomes_rgb(make_folder: MakeFolder, mode: str) -> None:
    image = Image.new("RGB", (20, 20), (255, 255, 255)).convert(mode)
    name = "cat/new.jpg" if mode in ("CMYK", "YCbCr") else "cat/new.png"
    if mode in ("PA", "HSV"):  # no file format has these modes
        image = image.convert("RGBA")
    assert _one(make_folder(), image, name).min() >= 253


def test_colours_stay_in_their_channels(make_folder: MakeFolder) -> None:
    image = Image.new("RGB", (20, 20), (200, 100, 20)).convert("P", palette=Image.Palette.ADAPTIVE)
    assert _one(make_folder(), image)[:, 4, 4].tolist() == [200, 100, 20]


def test_a_palette_with_transparency_gives_no_warning(make_folder: MakeFolder) -> None:
    image = Image.new("RGB", (20, 20), (200, 100, 20)).convert("P", palette=Image.Palette.ADAPTIVE)
    assert _one(make_folder(), image, transparency=b"\xff\1\2")[0].max() == 200


def test_an_image_is_cut_to_its_middle_square(make_folder: MakeFolder) -> None:
    image = Image.new("RGB", (60, 20), (255, 0, 0))
    image.paste((0, 255, 0), (20, 0, 40, 20))
    pixels = _one(make_folder(), image)
    assert pixels[1].min() > 230  # bicubic resampling sees a little beyond
    assert pixels[0].max() < 25


def test_a_large_jpeg_decoded_at_a_fraction_is_the_same_picture(make_folder: MakeFolder) -> None:
    ramp = np.broadcast_to(np.arange(256, dtype=np.uint8), (256, 256)).copy()
    image = Image.fromarray(ramp).convert("RGB")
    pixels = _one(make_folder(), image, "cat/new.jpg")
    assert pixels[0, 4].astype(float) == pytest.approx(np.arange(8) * 32 + 15.5, abs=6)


@pytest.mark.parametrize("names", [(), ("cat",)])
def test_a_folder_without_two_classes_is_refused(
    make_folder: MakeFolder, names: tuple[str, ...]
) -> None:
    root = make_folder(names)
    with pytest.raises(UserError, match=rf"got {root} with {len(names)} folders of images"):
        training_folder(root)


def test_images_without_class_folders_are_refused(make_folder: MakeFolder) -> None:
    root = make_folder(("cat",))
    for file in (root / "cat").iterdir():
        file.rename(root / file.name)
    with pytest.raises(UserError, match="with 0 folders of images, must have two or more"):
        training_folder(root)


def test_a_test_set_beside_the_classes_is_no_class(make_folder: MakeFolder) -> None:
    make_folder(("cat", "dog"), under="test")
    make_folder(("cat", "dog"), under="Val")
    assert training_folder(make_folder()).listing().class_names == ("cat", "dog")


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("Training", "Testing"),
        ("TRAIN", "dev"),
        ("train_set", "test_set"),
        ("seg_train/seg_train", "seg_test/seg_test"),
        ("train2017", "Validation Set"),
    ],
)
def test_splits_are_recognised_by_their_names(
    make_folder: MakeFolder, train: str, test: str
) -> None:
    make_folder(under=train)
    root = make_folder(under=test, count=2)
    assert training_folder(root).listing().class_names == ("cat", "dog")
    assert len(training_folder(root).listing().labels) == 2 * COUNT
    source = evaluation_folder(root, ("cat", "dog"))
    assert len(source.listing().labels) == 4
    assert source.split == Path(test).name


def test_two_training_sets_are_refused(make_folder: MakeFolder) -> None:
    make_folder(under="train")
    with pytest.raises(
        UserError, match="with the training sets train and train2, must have only one"
    ):
        training_folder(make_folder(under="train2"))


def test_a_class_of_the_training_set_may_be_called_test(make_folder: MakeFolder) -> None:
    source = training_folder(make_folder(("bullet_train", "test"), under="train"))
    assert source.listing().class_names == ("bullet_train", "test")


@pytest.mark.parametrize("name", ["test", "Testing", "val", "test_set", "train"])
def test_unlabelled_images_beside_the_classes_are_no_class(
    make_folder: MakeFolder, name: str
) -> None:
    with pytest.raises(
        UserError, match=f"/{name}, which is named like a split but has no class folders"
    ):
        training_folder(make_folder(("cat", "dog", name)))


def test_folders_of_classes_are_refused_as_classes(make_folder: MakeFolder) -> None:
    make_folder(under="fold1")
    with pytest.raises(
        UserError, match="fold1 with the folders cat and dog, must be a class folder"
    ):
        training_folder(make_folder(under="fold2"))


def test_images_may_lie_in_one_folder_below_their_class(make_folder: MakeFolder) -> None:
    make_folder(("images",), under="train/cat")
    root = make_folder(("images",), under="train/dog")
    assert training_folder(root).listing().class_names == ("cat", "dog")


@pytest.mark.parametrize("name", ["test", "val", "Validation"])
def test_the_test_images_have_the_labels_of_the_training_set(
    make_folder: MakeFolder, name: str
) -> None:
    root = make_folder(("dog", "emu"), count=2, under=name)
    names = ("cat", "dog", "emu")
    split = only_part(evaluation_folder(root, names).labelled(names))
    assert split.labels.tolist() == [1, 1, 2, 2]
    assert split.pixels[:, 0, 0, 0].tolist() == [0, 0, 50, 50]


def test_test_comes_before_val(make_folder: MakeFolder) -> None:
    make_folder(("cat",), count=3, under="val")
    root = make_folder(("cat",), count=2, under="test")
    assert len(evaluation_folder(root, ("cat",)).listing().labels) == 2


@pytest.mark.parametrize("under", ["test", "test/unknown"])
def test_an_unlabelled_test_set_is_skipped(make_folder: MakeFolder, under: str) -> None:
    """ILSVRC has such a test set beside train and val."""
    root = make_folder(("cat", "dog"), under="val", count=3)
    (root / under).mkdir(parents=True)
    Image.new("RGB", (9, 9)).save(root / under / "0.png")
    source = evaluation_folder(root, ("cat", "dog"))
    assert source.split == "val"
    assert len(source.listing().labels) == 6


def test_a_test_class_outside_the_training_set_is_refused(make_folder: MakeFolder) -> None:
    root = make_folder(("cat", "fox"), under="test")
    with pytest.raises(UserError, match=r"test/fox, must be one of the training set's 1 classes"):
        evaluation_folder(root, ("cat",)).listing(("cat",))


def test_a_folder_without_a_test_set_is_refused(make_folder: MakeFolder) -> None:
    root = make_folder()
    with pytest.raises(UserError, match=r"got .*/test, no such folder, must have one folder of im"):
        evaluation_folder(root, ("cat", "dog"))
    (root / "test").mkdir()
    with pytest.raises(UserError, match=r"got .*/test, without folders of images, must have one"):
        evaluation_folder(root, ("cat", "dog"))


def _passed_over(root: Path) -> str:
    (note,) = training_folder(root).listing().notes
    return note


def test_hidden_and_system_files_are_passed_over(make_folder: MakeFolder) -> None:
    root = make_folder()
    (root / ".ipynb_checkpoints").mkdir()
    (root / "cat" / ".ipynb_checkpoints").mkdir()
    for folder in (root, root / "cat"):
        shutil.copy(root / "cat" / "0.png", folder / ".ipynb_checkpoints" / "0-checkpoint.png")
    (root / "__MACOSX" / "cat").mkdir(parents=True)
    (root / "__MACOSX" / "cat" / "._0.png").write_bytes(b"\0\5\x16\7")
    (root / "dog" / "._0.png").write_bytes(b"\0\5\x16\7")
    (root / "dog" / "Thumbs.db").write_bytes(b"")
    listing = training_folder(root).listing()
    assert listing.class_names == ("cat", "dog")
    assert np.bincount(listing.labels).tolist() == [COUNT, COUNT]
    assert listing.notes == ("passed over 5: 5 hidden or of the system",)


def test_links_are_followed_and_loops_cut(make_folder: MakeFolder, tmp_path: Path) -> None:
    root = make_folder(("cat", "dog"), under="set")
    elsewhere = tmp_path / "elsewhere"
    shutil.move(root / "set" / "dog", elsewhere)
    (root / "set" / "dog").symlink_to(elsewhere)
    more = tmp_path / "more"
    more.mkdir()
    shutil.copy(root / "set" / "cat" / "0.png", more / "x.png")
    (root / "set" / "cat" / "linked").symlink_to(more)
    (root / "set" / "cat" / "loop").symlink_to(root / "set" / "cat")
    (root / "set" / "dog" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    listing = training_folder(root / "set").listing()
    assert np.bincount(listing.labels).tolist() == [COUNT + 1, COUNT]
    assert listing.notes == (
        "passed over 2: 1 link to a folder that was read already, 1 broken link",
    )


def test_images_are_known_by_their_content(make_folder: MakeFolder) -> None:
    root = make_folder()
    (root / "cat" / "0.png").rename(root / "cat" / "photo")
    Image.open(root / "dog" / "0.png").convert("L").save(root / "dog" / "0.pgm")
    (root / "dog" / "notes.txt").write_text("BM is no bitmap here? it is: taken by content")
    (root / "dog" / "readme").write_text("a text")
    listing = training_folder(root).listing()
    assert np.bincount(listing.labels).tolist() == [COUNT, COUNT + 2]
    assert listing.notes == ("passed over 1: 1 no image",)


def test_an_empty_class_folder_is_said(make_folder: MakeFolder) -> None:
    root = make_folder()
    (root / "emu").mkdir()
    assert _passed_over(root) == "passed over 1: 1 class folder without images (emu)"


def test_a_pipe_or_device_is_not_read(make_folder: MakeFolder) -> None:
    root = make_folder()
    os.mkfifo(root / "cat" / "pipe.png")
    assert _passed_over(root) == "passed over 1: 1 no regular file"
    (root / "dog" / "zero.png").symlink_to("/dev/zero")
    assert _passed_over(root) == "passed over 2: 2 no regular file"


def test_a_sparse_file_of_gigabytes_is_left_out(make_folder: MakeFolder) -> None:
    root = make_folder()
    with (root / "cat" / "0.png").open("wb") as file:
        file.truncate(60 * 10**9)
    (name,) = decoded(training_folder(root)).meta.unreadable
    assert name == f"{root}/cat/0.png (60,000,000,000 bytes, over 2,147,483,648)"


def test_a_link_to_itself_is_passed_over(make_folder: MakeFolder) -> None:
    root = make_folder()
    (root / "cat" / "self.png").symlink_to(root / "cat" / "self.png")
    (root / "cat" / "itself").symlink_to(root / "cat" / "itself")
    assert _passed_over(root) == "passed over 2: 2 broken link"


def test_names_that_are_not_utf_8(make_folder: MakeFolder) -> None:
    """As zips from Windows leave them."""
    root = make_folder()
    (root / "dog").rename(os.fsdecode(os.fsencode(root) + b"/caf\xe9"))
    (root / "cat" / "0.png").write_bytes(b"no image")
    bad = os.fsencode(root / "cat") + b"/\xff.png"
    (root / "cat" / "0.png").rename(os.fsdecode(bad))
    entry = decoded(training_folder(root))
    assert entry.meta.class_names == (r"caf\xe9", "cat")
    assert entry.meta.unreadable == (rf"{root}/cat/\xff.png",)


def test_archives_beside_no_images_are_named(tmp_path: Path) -> None:
    (tmp_path / "images.zip").write_bytes(b"PK")
    with pytest.raises(UserError, match=r"images\.zip must be unpacked first"):
        training_folder(tmp_path)
