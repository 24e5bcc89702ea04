"""``--data``: from what the user typed to the images that are read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nas.data.formats.hub import FORM, PREFIX
from nas.data.formats.registry import is_encoded
from nas.data.from_cache import cached_evaluation_data, cached_search_data
from nas.data.in_memory import (
    evaluation_data_in_memory,
    is_in_memory,
    search_data_in_memory,
)
from nas.data.split import EvaluationData, SearchData
from nas.errors import UserError

DEFAULT_SIZE = 64  # of images that have none in common
FORMS = (
    "digits, shapes[:classes=..,size=..,n=..], a folder of class folders, Parquet files or "
    f"WebDataset .tar shards, CIFAR's archive, a .npz file, or {FORM}"
)


def absolute(spec: str) -> str:
    """The same data, named so that it is found from any folder."""
    if spec == "digits" or spec.partition(":")[0] == "shapes":
        return spec
    if spec.startswith(PREFIX):
        name, comma, options = spec.removeprefix(PREFIX).partition(",")
        name = str(Path(name).resolve()) if name and Path(name).exists() else name
        return f"{PREFIX}{name}{comma}{options}"
    return str(Path(spec).resolve())


def load_search_data(spec: str, image_size: int | None = None) -> SearchData:
    """The training set and the minival of ``spec`` at ``image_size`` pixels, or at its own size.

    Encoded images are decoded once, into the cache: at 64 pixels, unless a size is asked for.

    Raises:
        UserError: a ``spec`` of none of the :data:`FORMS`, or data that cannot be used.
    """
    with _readable(spec):
        if is_in_memory(spec):
            return search_data_in_memory(spec, image_size)
        return cached_search_data(spec, absolute(spec), image_size or DEFAULT_SIZE)


# What ``nas train`` reads: the same training set, and the same minival for early stopping.
load_training_data = load_search_data


def load_test_data(
    spec: str, image_size: int | None = None, class_names: tuple[str, ...] = ()
) -> EvaluationData:
    """The test split of ``spec``, which neither a search nor a training reads.

    ``class_names`` are the training set's, by label. Without them they are read from the training
    set, but none of its images.

    Raises:
        UserError: as :func:`load_search_data`, or ``spec`` has no test split.
    """
    with _readable(spec):
        if is_in_memory(spec):
            return evaluation_data_in_memory(spec, image_size, class_names)
        size = image_size or DEFAULT_SIZE
        return cached_evaluation_data(spec, absolute(spec), size, class_names)


@contextmanager
def _readable(spec: str) -> Iterator[None]:
    """Refuses what is no data, also where the file system will not say."""
    try:
        if not is_in_memory(spec) and not is_encoded(spec):
            raise UserError(f"--data: got {spec!r}, must be {FORMS}")
        yield
    except OSError as error:  # no permission, or a name that is too long
        reason = error.strerror or error
        raise UserError(f"--data: got {spec!r}, must be {FORMS} ({reason})") from error
