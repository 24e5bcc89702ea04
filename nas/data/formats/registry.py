"""The source of images for a ``--data`` of encoded images, by its format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from nas.data.class_names import of_known_classes, relabelled
from nas.data.formats import folder, hub, parquet, webdataset
from nas.data.formats.base import ClassNames, Listing, Source, joined, split_of_folder
from nas.data.formats.parquet import parquet_source
from nas.data.formats.rare_classes import taken
from nas.data.formats.shards import (
    evaluation_shards,
    find_shards,
    shards_of_split,
    split_of_shard,
    training_shards,
)
from nas.data.formats.webdataset import webdataset_source
from nas.data.split import EvaluationSplit, no_such_split
from nas.errors import UserError

Opener = Callable[[Path, Sequence[Path]], Source]
_SHARDS: dict[str, Opener] = {
    parquet.SUFFIX: parquet_source,
    webdataset.SUFFIX: webdataset_source,
}


def is_encoded(spec: str) -> bool:
    """Return whether ``spec`` names a folder, a shard or a data set of the Hub."""
    path = Path(spec)
    return spec.startswith(hub.PREFIX) or path.is_dir() or path.suffix in _SHARDS


def search_source(spec: str, training: Source, is_split_used: bool) -> Source:
    """Return the ``training`` images and, if it is used, the validation split behind them.

    The source's ``split`` is the validation split's name, empty without one. No file of the test
    split is opened.

    Raises:
        UserError: the validation split cannot be read.
    """
    is_used = is_split_used and not Path(spec).is_file()  # a single shard is the training set
    validation = validation_source(spec) if is_used else None
    return joined(training, validation) if validation else replace(training, split="")


def training_source(spec: str) -> Source:
    """Return the training images. No other file is opened.

    Raises:
        UserError: there are none, or they cannot be read.
    """
    if hub_name := _hub_name(spec):
        return hub.hub_source(hub_name, hub_name.train)
    root = Path(spec)
    if found := _shards(root):
        opener, shards = found
        return opener(root, training_shards(root, shards))
    return folder.training_folder(root)


def validation_source(spec: str) -> Source | None:
    """Return the data set's own validation split; None if it has none with labels.

    Raises:
        UserError: it cannot be read.
    """
    if hub_name := _hub_name(spec):
        split = hub.validation_split(hub_name)
        return hub.hub_source(hub_name, split) if split else None
    root = Path(spec)
    if found := _shards(root):
        opener, shards = found
        chosen = shards_of_split(root, shards, "val")
        return replace(opener(root, chosen), split="validation files") if chosen else None
    return folder.validation_folder(root)


def unused_split(spec: str) -> str:
    """Return a validation split that cannot be used, and why; empty if there is none."""
    if _hub_name(spec) or _shards(Path(spec)):
        return ""
    return folder.unlabelled_validation(Path(spec))


def evaluation_source(
    spec: str,
    class_names: ClassNames,
    split: EvaluationSplit | None = None,
    leaves_out_others: bool = False,
) -> Source:
    """Return the images to evaluate on, labelled by ``class_names``, or by the training set's.

    They are those of the ``split``; None stands for test, or validation where there is no test.
    Images of other classes are refused, or left out.

    Raises:
        UserError: there are none, they cannot be read, or they have other classes.
    """
    is_file = Path(spec).is_file()  # a shard that has test images only
    names = class_names or (() if is_file else training_source(spec).listing().class_names)
    is_test = split != "validation"
    source = _test_or_validation_source(spec, names) if is_test else validation_source(spec)
    if source is None or (split == "test" and split_of_folder(source.split) == "val"):
        raise no_such_split(spec, split)
    return _labelled(source, names, spec, leaves_out_others)


def _test_or_validation_source(spec: str, class_names: ClassNames) -> Source:
    if hub_name := _hub_name(spec):
        return hub.hub_source(hub_name, hub.test_split(hub_name))
    root = Path(spec)
    if found := _shards(root):
        opener, shards = found
        chosen = evaluation_shards(root, shards)
        return replace(opener(root, chosen), split=split_of_shard(root, chosen[0]) or "")
    return folder.evaluation_folder(root, class_names)


def _labelled(
    source: Source, class_names: ClassNames, spec: str, leaves_out_others: bool
) -> Source:
    """Return the source labelled by the class names, to which its own names are compared."""

    def list_images(given: ClassNames) -> Listing:
        names = given or class_names
        listing = source.listing()
        if leaves_out_others:
            known = of_known_classes(listing.labels, listing.class_names, names)
            listing = taken(listing, known)
        labels = relabelled(listing.labels, listing.class_names, names, spec)
        return replace(listing, labels=labels, class_names=names)

    labelled = source.labelled(
        (*class_names, "and no others") if leaves_out_others else class_names
    )
    return replace(labelled, list_images=list_images) if class_names else labelled


def _hub_name(spec: str) -> hub.HubName | None:
    if spec.startswith(hub.PREFIX):
        return hub.parse_hub(spec)
    return hub.HubName(spec) if hub.is_saved(Path(spec)) else None


def _shards(root: Path) -> tuple[Opener, list[Path]] | None:
    """Return the shards in ``root`` with the opener of their format; None for class folders.

    A folder with class folders counts as such even if there are shards in it, such as the archive
    that they were extracted from.

    Raises:
        UserError: ``root`` does not exist.
    """
    if root.is_dir() and folder.has_classes(root):
        return None
    for suffix, opener in _SHARDS.items():
        if shards := find_shards(root, suffix):
            return opener, shards
    if not root.exists():
        raise UserError(f"--data: got {root}, no such file or folder, must exist")
    return None
