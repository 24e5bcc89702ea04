"""Shards of any format: which files they are, and the splits that they belong to."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from nas.data.formats.base import split_in_path
from nas.errors import UserError


def find_shards(path: Path, suffix: str) -> list[Path]:
    """Return ``path`` if it is a file with this suffix, or all such files below it, sorted."""
    if path.is_file():
        return [path] if path.suffix == suffix else []
    found = (
        Path(folder, name)
        for folder, _, names in os.walk(path)
        for name in names
        if name.endswith(suffix)
    )
    return sorted(found)


def training_shards(root: Path, shards: Sequence[Path]) -> list[Path]:
    """Return the shards named ``train`` below ``root``, or else those that name no split.

    If the user named a single file, it is taken whatever its name.

    Raises:
        UserError: all shards are named test or validation.
    """
    if shards == [root]:
        return [root]
    chosen = shards_of_split(root, shards, "train") or shards_of_split(root, shards, None)
    if not chosen:
        raise UserError(
            f"--data: got {root} with test or validation files only, must have training files"
        )
    return chosen


def evaluation_shards(root: Path, shards: Sequence[Path]) -> list[Path]:
    """Return the shards named ``test`` below ``root``, or else those named validation.

    Raises:
        UserError: there are none.
    """
    chosen = shards_of_split(root, shards, "test") or shards_of_split(root, shards, "val")
    if not chosen:
        raise UserError(
            f"--data: got {root} with no file or folder named test or val, must have a test split"
        )
    return chosen


def shards_of_split(root: Path, shards: Sequence[Path], split: str | None) -> list[Path]:
    """Return the shards of this split, or with None those that name no split."""
    return [shard for shard in shards if split_of_shard(root, shard) == split]


def split_of_shard(root: Path, shard: Path) -> str | None:
    """Return ``train``, ``test`` or ``val`` by the shard's name and its folders below ``root``."""
    return split_in_path(shard.name if shard == root else shard.relative_to(root).as_posix())
