"""Reading weights: files that are truncated, or hold something else, are refused in one line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from nas.errors import UserError
from nas.weights import read_weights


@pytest.mark.parametrize("name", ["a.safetensors", "a.pth", "a.pt"])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", os.urandom(500), b"hello", b"\x80\x02}."])
def test_a_torn_file_is_one_line(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError) as caught:
        read_weights(tmp_path / name, "SOURCE")
    assert "\n" not in str(caught.value)


def test_what_is_no_weights(tmp_path: Path) -> None:
    torch.save([1, 2], tmp_path / "list.pth")
    torch.save({"epoch": 3}, tmp_path / "numbers.pth")
    torch.save(Path, tmp_path / "code.pth")
    for name, words in (
        ("list.pth", "must hold a state dict"),
        ("numbers.pth", "must hold a state dict"),
        ("code.pth", "truncated, or holds more than weights"),
        ("gone.pth", r"cannot be read \(No such file"),
        ("gone.safetensors", "cannot be read"),
        (".", "has no checkpoint in it"),
    ):
        with pytest.raises(UserError, match=rf"^SOURCE: .*{words}"):
            read_weights(tmp_path / name, "SOURCE")


def test_metadata_of_another_kind(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"weight": torch.zeros(1)}, tmp_path / "a.safetensors", {"architecture": "{"})
    with pytest.raises(UserError, match="got metadata that cannot be read"):
        read_weights(tmp_path / "a.safetensors", "SOURCE")
