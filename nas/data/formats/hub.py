"""Images from the Hugging Face Hub, or from a folder that its ``datasets`` library can read."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]

from nas.data.formats.base import CHUNK, Source, fingerprint
from nas.data.formats.parquet import Table, table_listing
from nas.errors import UserError

PREFIX = "hub:"
FORM = "hub:NAME[,config=..,train=..,test=..]"
_SAVED = ("dataset_dict.json", "state.json")


@dataclass(frozen=True)
class HubName:
    """A data set's name, or a folder; its configuration and what its splits are called."""

    name: str
    config: str | None = None
    train: str = "train"
    test: str = "test"


def parse_hub(spec: str) -> HubName:
    """What ``hub:NAME,config=..`` names.

    Raises:
        UserError: another option, or none of a name.
    """
    name, *parts = spec.removeprefix(PREFIX).split(",")
    options: dict[str, str] = {}
    for part in parts:
        key, _, value = part.partition("=")
        if key not in ("config", "train", "test") or not value:
            raise UserError(f"--data: got {part!r} in {spec!r}, must be {FORM}")
        options[key] = value
    if not name:
        raise UserError(f"--data: got {spec!r}, must be {FORM}")
    return HubName(name, **options)


def is_saved(path: Path) -> bool:
    """Whether the folder is what ``Dataset.save_to_disk`` leaves."""
    return any((path / name).is_file() for name in _SAVED)


def hub_source(wanted: HubName, split: str, class_names: tuple[str, ...] = ()) -> Source:
    """The images of a split, downloaded by the library into its own cache if need be.

    Raises:
        UserError: the library is missing, the Hub cannot be reached, or has no such data.
    """
    dataset = _load(wanted, split)
    files = [Path(file["filename"]).absolute() for file in dataset.cache_files]
    root = Path(os.path.commonpath([file.parent for file in files])) if files else Path()
    schema: pa.Schema = dataset.features.arrow_schema
    where = f"{wanted.name}, {split}"
    table = Table(where, schema, partial(_batches, dataset), lambda i: f"{where}, row {i}")
    # The library's own hash tells which rows of the files were taken, such as train[:50%].
    key = repr((fingerprint(root, files), dataset._fingerprint, len(dataset)))
    whole = hashlib.sha256(key.encode()).hexdigest()
    return Source(whole, partial(table_listing, table, class_names), split)


def _batches(dataset: Any, columns: list[str]) -> Iterator[pa.RecordBatch]:
    rows = dataset.select_columns(columns).with_format("arrow")
    for batch in rows.iter(batch_size=CHUNK):
        yield from batch.combine_chunks().to_batches()


def _load(wanted: HubName, split: str) -> Any:
    try:
        import datasets  # type: ignore[import-untyped]
    except ImportError as error:
        raise UserError(
            f"--data: got {PREFIX}{wanted.name}, which needs the datasets library: "
            "pip install 'nas-engine[data]'"
        ) from error
    try:
        if is_saved(Path(wanted.name)):
            loaded = datasets.load_from_disk(wanted.name)
            return loaded[split] if isinstance(loaded, dict) else _unsplit(loaded, wanted, split)
        return datasets.load_dataset(wanted.name, wanted.config, split=split)
    except UserError:
        raise
    except Exception as error:  # the library's own, its HTTP client's, and the data's script's
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"--data: got {PREFIX}{wanted.name}, must be a data set of the Hugging Face Hub with "
            f"a split {split!r}, and the Hub reachable ({type(error).__name__}: {reason})"
        ) from error


def _unsplit(dataset: Any, wanted: HubName, split: str) -> Any:
    """A saved ``Dataset``, which has no splits, and so no images kept for the test."""
    if split != wanted.train:
        raise UserError(
            f"--data: got {wanted.name}, which has no splits, must have one named {split}"
        )
    return dataset
