"""Images from the Hugging Face Hub, or from a folder that its ``datasets`` library can read."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]

from nas.data.formats.base import CHUNK, Source, fingerprint, split_of_folder
from nas.data.formats.parquet import Table, table_listing
from nas.errors import UserError

PREFIX = "hub:"
FORM = "hub:NAME[,config=..,train=..,validation=..,test=..]"
_SAVED = ("dataset_dict.json", "state.json")


@dataclass(frozen=True)
class HubName:
    """Name of a data set, or a folder, with its configuration and the names of its splits."""

    name: str
    config: str | None = None
    train: str = "train"
    test: str = "test"
    validation: str | None = None


def parse_hub(spec: str) -> HubName:
    """Parse ``hub:NAME,config=..,train=..,validation=..,test=..``.

    Raises:
        UserError: the name is missing, or an option is unknown or empty.
    """
    name, *parts = spec.removeprefix(PREFIX).split(",")
    options: dict[str, str] = {}
    for part in parts:
        key, _, value = part.partition("=")
        if key not in ("config", "train", "validation", "test") or not value:
            raise UserError(f"--data: got {part!r} in {spec!r}, must be {FORM}")
        options[key] = value
    if not name:
        raise UserError(f"--data: got {spec!r}, must be {FORM}")
    return HubName(name, **options)


def is_saved(path: Path) -> bool:
    """Return whether the folder was written by ``Dataset.save_to_disk``."""
    return any((path / name).is_file() for name in _SAVED)


def validation_split(wanted: HubName) -> str | None:
    """Return the name of the validation split: the one asked for, or the one that there is.

    A split that trains or tests, as in ``train=train+validation``, is not taken.
    """
    if wanted.validation is not None:
        return wanted.validation
    try:
        names = _split_names(wanted)
    except Exception:  # whatever is wrong, reading the training split will name it
        return None
    taken = re.findall(r"\w+", f"{wanted.train} {wanted.test}")
    free = (name for name in names if name not in taken)
    return next((name for name in free if split_of_folder(name) == "val"), None)


def test_split(wanted: HubName) -> str:
    """Return the name of the test split, or without one that of a split named validation."""
    if wanted.test != HubName.test:  # it was asked for
        return wanted.test
    try:
        has_test = wanted.test in (_split_names(wanted) or [wanted.test])
    except Exception:  # whatever is wrong, reading the test split will name it
        return wanted.test
    validation = None if has_test else validation_split(wanted)
    is_named = validation is not None and split_of_folder(validation) == "val"
    return validation if validation is not None and is_named else wanted.test


def _split_names(wanted: HubName) -> list[str]:
    import datasets  # type: ignore[import-untyped]

    if is_saved(Path(wanted.name)):
        loaded = datasets.load_from_disk(wanted.name)
        return list(loaded) if isinstance(loaded, dict) else []
    return list(datasets.get_dataset_split_names(wanted.name, wanted.config))


def hub_source(wanted: HubName, split: str) -> Source:
    """Return the images of a split, which the library downloads into its own cache if needed.

    Raises:
        UserError: the library is missing, the Hub cannot be reached, or it has no such data.
    """
    dataset = _load(wanted, split)
    files = [Path(file["filename"]).absolute() for file in dataset.cache_files]
    root = Path(os.path.commonpath([file.parent for file in files])) if files else Path()
    schema: pa.Schema = dataset.features.arrow_schema
    where = f"{wanted.name}, {split}"
    batches = partial(_batches, dataset)
    table = Table(
        where,
        schema,
        batches,
        lambda i: f"{where}, row {i}",
        _own_folder(wanted),
        cell=partial(_cell, dataset),
    )
    # The library's own hash covers the selection of rows, such as train[:50%].
    key = repr((fingerprint(root, files), dataset._fingerprint, len(dataset)))
    content = hashlib.sha256(key.encode()).hexdigest()
    return Source(content, partial(table_listing, table), split)


def _own_folder(wanted: HubName) -> Path:
    """Return the folder that rows may name files in: the user's own, or the library's cache."""
    import datasets

    own = Path(wanted.name)
    return own if own.exists() else Path(datasets.config.HF_CACHE_HOME)


def _batches(dataset: Any, columns: list[str]) -> Iterator[pa.RecordBatch]:
    rows = dataset.select_columns(columns).with_format("arrow")
    for batch in rows.iter(batch_size=CHUNK):
        yield from batch.combine_chunks().to_batches()


def _cell(dataset: Any, column: str, row: int) -> pa.Scalar:
    return dataset.select_columns([column]).with_format("arrow")[row].column(0)[0]


def _load(wanted: HubName, split: str) -> Any:
    try:
        import datasets
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
    except Exception as error:  # raised by the library, its HTTP client or the data set's script
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"--data: got {PREFIX}{wanted.name}, must be a data set of the Hugging Face Hub with "
            f"a split {split!r}, and the Hub must be reachable ({type(error).__name__}: {reason})"
        ) from error


def _unsplit(dataset: Any, wanted: HubName, split: str) -> Any:
    """Return a saved ``Dataset``, which has no splits, if the training images are wanted."""
    if split != wanted.train:
        raise UserError(
            f"--data: got {wanted.name}, which has no splits, must have a split named {split}"
        )
    return dataset
