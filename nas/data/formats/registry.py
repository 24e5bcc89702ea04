"""Files of encoded images, whatever their format."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from nas.data.formats import folder, hub, parquet, webdataset
from nas.data.formats.base import Source
from nas.data.formats.parquet import parquet_source
from nas.data.formats.webdataset import (
    evaluation_shards,
    find_shards,
    split_of_shard,
    training_shards,
    webdataset_source,
)
from nas.errors import UserError

Opener = Callable[[Path, Sequence[Path], tuple[str, ...]], Source]
_SHARDS: dict[str, Opener] = {
    parquet.SUFFIX: parquet_source,
    webdataset.SUFFIX: webdataset_source,
}


def is_encoded(spec: str) -> bool:
    """Whether it names a folder, a shard or a data set of the Hub."""
    path = Path(spec)
    return spec.startswith(hub.PREFIX) or path.is_dir() or path.suffix in _SHARDS


def training_source(spec: str) -> Source:
    """The training images; nothing of the test split is opened.

    Raises:
        UserError: there are none, or they cannot be read.
    """
    if wanted := _hub_name(spec):
        return hub.hub_source(wanted, wanted.train)
    root = Path(spec)
    if shards := _shards(root):
        opener, found = shards
        return opener(root, training_shards(root, found), ())
    return folder.training_folder(root)


def evaluation_source(spec: str, class_names: tuple[str, ...]) -> Source:
    """The test images, labelled by the class names, or without any by the training set's.

    Raises:
        UserError: there are none, they cannot be read, or are of other classes.
    """
    wanted = _hub_name(spec)
    shards = None if wanted else _shards(Path(spec))
    is_file = Path(spec).is_file()  # a shard of test images alone
    names = class_names or (() if is_file else training_source(spec).listing().class_names)
    if wanted:
        source = hub.hub_source(wanted, wanted.test, names)
    elif shards:
        opener, found = shards
        chosen = evaluation_shards(Path(spec), found)
        split = split_of_shard(Path(spec), chosen[0]) or ""
        source = replace(opener(Path(spec), chosen, names), split=split)
    else:
        source = folder.evaluation_folder(Path(spec), names)
    # What a label stands for follows from the names.
    key = hashlib.sha256(repr((source.fingerprint, names)).encode())
    return replace(source, fingerprint=key.hexdigest())


def _hub_name(spec: str) -> hub.HubName | None:
    if spec.startswith(hub.PREFIX):
        return hub.parse_hub(spec)
    return hub.HubName(spec) if hub.is_saved(Path(spec)) else None


def _shards(root: Path) -> tuple[Opener, list[Path]] | None:
    """The shards that the folder has instead of class folders, or that it is."""
    if root.is_dir() and folder.has_classes(root):
        return None
    for suffix, opener in _SHARDS.items():
        if found := find_shards(root, suffix):
            return opener, found
    if not root.exists():
        raise UserError(f"--data: got {root}, must be there")
    return None
