"""ARCH and ``--space``: by name, by file, and neither."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas.architectures import find_architecture, find_space
from nas.errors import UserError
from results.architecture_file import ArchitectureFile, write
from search_space.published import PUBLISHED, published
from search_space.space import Space
from search_space.spaces import SPACES, efficientnet_b4, small

MUST_BE = "must be a file such as best.json, RUN#7 for candidate 7 of a run, or"


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_architectures_by_name(name: str) -> None:
    found, network = find_architecture(name), published(name)
    assert (found.name, found.architecture) == (name, network.architecture)
    assert (found.train_size, found.eval_size) == (network.train_size, network.eval_size)
    assert found.training == {"dropout": network.dropout}


def test_an_architecture_by_file(tmp_path: Path) -> None:
    file = ArchitectureFile("mine", small(8).backbone, 8, 16, parameters=5, multiply_adds=6)
    assert find_architecture(str(write(tmp_path / "best.json", file))) == file


def test_an_unknown_architecture_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UserError) as error:
        find_architecture("resnet-50")
    text = str(error.value)
    assert text.startswith(f"ARCH: got 'resnet-50', {MUST_BE} one of ")
    assert all(name in text for name in PUBLISHED)
    assert "\n" not in text


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("efficientnetv2s", "efficientnetv2-s"), ("EfficientNet-B7", "efficientnet-b7")],
)
def test_the_nearest_architecture_comes_first(name: str, nearest: str) -> None:
    start = f"--from: got {name!r}, {MUST_BE} one of {nearest}, "
    with pytest.raises(UserError, match=f"^{start}"):
        find_architecture(name, "--from")


@pytest.mark.parametrize("path", ["bets.json", "runs/none", "/no/where"])
def test_a_file_that_is_not_there(path: str) -> None:
    with pytest.raises(UserError) as error:
        find_architecture(path)
    assert str(error.value) == (
        f"ARCH: got {path!r}, no such file, {MUST_BE} a published name such as efficientnetv2-s"
    )
    with pytest.raises(UserError, match=f"^--space: got {path!r}, no such file, must be one of "):
        find_space(path, 32)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "torn, or not JSON"),
        ("{}", "holds no architecture, such as best.json does"),
        ("", "torn, or not JSON"),
    ],
)
def test_a_file_without_an_architecture_is_refused(
    tmp_path: Path, content: str, message: str
) -> None:
    path = tmp_path / "best.json"
    path.write_text(content)
    with pytest.raises(UserError, match=rf"^ARCH: {path}: {message}"):
        find_architecture(str(path))


def test_a_directory_is_no_architecture(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rf"^ARCH: {tmp_path}: cannot be read"):
        find_architecture(str(tmp_path))


def test_a_runs_directory_stands_for_its_winner(tmp_path: Path) -> None:
    network = find_architecture("efficientnet-b0")
    write(tmp_path / "best.json", network)
    assert find_architecture(str(tmp_path)) == network


@pytest.mark.parametrize("name", SPACES)
def test_spaces_by_name(name: str) -> None:
    assert find_space(name, 32) == SPACES[name](32)


def test_without_a_name_the_space_follows_the_image_size() -> None:
    assert find_space(None, 8) == small(8)
    assert find_space(None, 64) == small(64)
    assert find_space(None, 224) == efficientnet_b4()


def test_small_follows_the_image_size_by_its_stem() -> None:
    strides = [find_space("small", size).backbone.stem_stride for size in (8, 32)]
    assert strides == [1, 2]


def test_a_space_by_file(tiny_space_file: Path, tiny_space: Space) -> None:
    assert find_space(str(tiny_space_file), 224) == tiny_space


def test_an_unknown_space_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UserError) as error:
        find_space("darts", 32)
    names = ", ".join(SPACES)
    assert str(error.value) == (
        f"--space: got 'darts', must be one of {names}, a YAML file or a function as "
        "package.module:attribute"
    )


@pytest.mark.parametrize("content", ["a: [", "3", "name: x\n", "\x00"])
def test_a_file_without_a_space_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(content)
    with pytest.raises(UserError) as error:
        find_space(str(path), 32)
    assert str(error.value).startswith(f"--space: {path}: ")
    assert "\n" not in str(error.value)


def test_a_directory_is_no_space(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rf"^--space: {tmp_path}: Is a directory, must be a YAML"):
        find_space(str(tmp_path), 32)


@pytest.mark.parametrize("name", ["a" * 300, "a\0b", ""])
def test_what_can_be_no_files_name_is_refused(name: str) -> None:
    with pytest.raises(UserError, match=r"^ARCH: "):
        find_architecture(name)
    if name:  # without a name the space follows the image size
        with pytest.raises(UserError, match=r"^--space: "):
            find_space(name, 32)
