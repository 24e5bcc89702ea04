"""Which files of a folder are the training set's and which the test's, by their names."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from nas.data.split_names import split_in_path
from nas.errors import UserError


def find_shards(path: Path, suffix: str) -> list[Path]:
    """``path`` itself, or all files of its folder and below with this suffix, by their names."""
    if path.is_file():
        return [path] if path.suffix == suffix else []
    found = (Path(p, n) for p, _, names in os.walk(path) for n in names if n.endswith(suffix))
    return sorted(found)


def training_shards(root: Path, shards: Sequence[Path]) -> list[Path]:
    """Those that say ``train`` below ``root``; where none does, those that say nothing else.

    A file that was named itself is taken at the user's word.

    Raises:
        UserError: all say something else.
    """
    if shards == [root]:
        return [root]
    said = {shard: split_of_shard(root, shard) for shard in shards}
    chosen = [s for s in shards if said[s] == "train"]
    chosen = chosen or [s for s in shards if said[s] is None]
    if not chosen:
        raise UserError(f"--data: got {root} with test files alone, must have a training set")
    return chosen


def evaluation_shards(root: Path, shards: Sequence[Path]) -> list[Path]:
    """Those that say ``test``, or where none does those of the validation.

    Raises:
        UserError: none does.
    """
    said = {shard: split_of_shard(root, shard) for shard in shards}
    chosen = [s for s in shards if said[s] == "test"] or [s for s in shards if said[s] == "val"]
    if not chosen:
        raise UserError(
            f"--data: got {root} with no file or folder named test or val, must have a test split"
        )
    return chosen


def split_of_shard(root: Path, shard: Path) -> str | None:
    """``train``, ``test`` or ``val``, by the shard's name and the folders below ``root``."""
    return split_in_path(shard.name if shard == root else shard.relative_to(root).as_posix())
