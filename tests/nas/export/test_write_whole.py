"""Files that belong together: either all are written, or none."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas.export.write import atomic_files


def test_all_are_moved_and_the_folder_is_gone(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_text("old")
    with atomic_files(tmp_path / "a.bin") as path:
        path.write_text("new")
        path.with_suffix(".md").write_text("card")
        assert (tmp_path / "a.bin").read_text() == "old"
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"a.bin": "new", "a.md": "card"}


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_text("old")

    def fail() -> None:
        with atomic_files(tmp_path / "a.bin") as path:
            path.write_text("half")
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        fail()
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"a.bin": "old"}
