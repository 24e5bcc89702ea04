"""Copies of data that a program gives, below the cache directory: .npz files, or Parquet files.

A copy's name holds a hash of its content, so the same data is the same copy.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.data.cache.directory import cache_directory, not_writable
from nas.data.formats.given_items import Item, encoded, label_of
from nas.errors import UserError
from search_space.bounds import shown

FOLDER = "given"  # below the cache directory
_KINDS = {int: "a number", str: "a name", list: "a vector"}  # of labels
_READ_TWICE = 8  # items, to see whether they are drawn at random
_ROWS = 256  # of a Parquet file that are written at a time
_TIME_NS = 10**18  # of all files: the fingerprint of Parquet files holds their times


def copy_of(splits: Mapping[str, Any], class_names: Sequence[str] | None, name: str) -> Path:
    """Return the place of a copy of the splits, which is written if it is not there yet.

    The splits are as :class:`nas.data.given.Data` describes them, ``class_names`` by label from 0.

    Raises:
        UserError: a split is no data, or cannot be read; or the copy cannot be written.
    """
    if all(_is_arrays(split) for split in splits.values()):
        return _copy_of_arrays(splits, class_names, name)
    for part, split in splits.items():
        if not (hasattr(split, "__len__") and hasattr(split, "__getitem__")):
            raise UserError(
                f"data: {part}: got a {type(split).__name__}, must be a pair of arrays (images, "
                "labels), a map-style Dataset of torch, or a Dataset of the datasets library"
            )
    return _copy_of_datasets(splits, class_names, name)


# Arrays.


def _is_arrays(split: object) -> bool:
    is_pair = isinstance(split, tuple | list) and len(split) == 2
    return is_pair and all(hasattr(each, "shape") or isinstance(each, list) for each in split)  # type: ignore[attr-defined]


def _copy_of_arrays(
    splits: Mapping[str, Any], class_names: Sequence[str] | None, name: str
) -> Path:
    """Write a .npz file, which other checks are left to: they name what is wrong with an array."""
    arrays: dict[str, NDArray[Any]] = {}
    prefixes = {"train": "train", "validation": "val", "test": "test"}
    for part, (images, labels) in splits.items():
        arrays[f"{prefixes[part]}_images"] = _channels_last(_array(f"{part}: images", images))
        arrays[f"{prefixes[part]}_labels"] = _array(f"{part}: labels", labels)
    if class_names is not None:
        arrays["class_names"] = np.array(list(map(str, class_names)))
    digest = hashlib.sha256()
    for key, array in arrays.items():
        digest.update(repr((key, array.shape, str(array.dtype))).encode())
        if array.dtype.kind == "U":
            digest.update(repr(array.tolist()).encode())
            continue
        for start in range(0, len(array), _ROWS):  # a part at a time, as it may be copied for it
            digest.update(np.ascontiguousarray(array[start : start + _ROWS]).data)

    file_name = f"{_safe(name)}.npz"

    def write(folder: Path) -> None:
        with (folder / file_name).open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]

    return _kept(name, digest.hexdigest(), write) / file_name


def _array(what: str, values: Any) -> NDArray[Any]:
    """Return an array, a list, or a tensor of any device as an array of numbers.

    Raises:
        UserError: it is none of these.
    """
    try:
        is_tensor = hasattr(values, "detach") and hasattr(values, "cpu")
        array = np.asarray(values.detach().cpu() if is_tensor else values)
    except Exception as error:  # of any type: other libraries' arrays
        raise UserError(f"data: {what}: cannot be read as an array ({error})") from error
    if array.ndim == 0 or array.dtype.kind not in "biuf":
        raise UserError(
            f"data: {what}: got an array of type {array.dtype} and shape {array.shape}, must be of "
            "numbers; names of classes belong into nas.Data(..., class_names=...)"
        )
    return array


def _channels_last(images: NDArray[Any]) -> NDArray[Any]:
    """Return images as (N, H, W) or (N, H, W, C), also those of torch, (N, C, H, W)."""
    is_first = images.ndim == 4 and images.shape[1] in (1, 3) and images.shape[3] not in (1, 3)
    return images.transpose(0, 2, 3, 1) if is_first else images


# Data sets.


def _copy_of_datasets(
    splits: Mapping[str, Any], class_names: Sequence[str] | None, name: str
) -> Path:
    """Write a Parquet file for each split; the hash of the content is that of all rows."""
    draft = Path(mkdtemp(prefix="reading-", dir=_folder()))
    try:
        digest = hashlib.sha256(repr(class_names and list(class_names)).encode())
        for part, split in splits.items():
            names = _class_names(split) if class_names is None else list(map(str, class_names))
            _check_repeats(part, split)
            _write_rows(draft / f"{part}.parquet", _items(part, split), names, digest)

        def move(folder: Path) -> None:
            for file in sorted(draft.iterdir()):
                file.replace(folder / file.name)

        return _kept(name, digest.hexdigest(), move)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _class_names(split: Any) -> list[str] | None:
    """Return the names by label that a data set of torchvision or of ``datasets`` has itself."""
    classes = getattr(split, "classes", None)
    if isinstance(classes, list | tuple | np.ndarray):
        return [str(name) for name in classes]
    features = getattr(split, "features", None)  # of a torch Dataset, it may be anything
    for feature in features.values() if isinstance(features, Mapping) else ():
        feature = getattr(feature, "feature", feature)  # of a list
        if names := getattr(feature, "names", None):
            return [str(name) for name in names]
    return None


def _check_repeats(name: str, split: Any) -> None:
    """Check that items are the same each time, as one reading of them is kept for good.

    Raises:
        UserError: they are not, as with random transforms.
    """
    first, again = (list(islice(_items(name, split), _READ_TWICE)) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        if encoded(one) != encoded(other):
            raise UserError(
                f"data: {one.where}: differs each time it is read, must be the same: leave random "
                "transforms out, as training augments the images by its recipe"
            )


def _items(name: str, split: Any) -> Iterator[Item]:
    """Yield the images and labels of a data set.

    Raises:
        UserError: an item is no image with its label; the message says which.
    """
    columns = getattr(split, "column_names", None)
    image, label = _columns(name, split) if columns is not None else (None, None)
    for i in range(len(split)):
        try:
            item = split[i]
        except Exception as error:  # of any type, as it is the user's
            raise UserError(
                f"data: {name}: item {i} cannot be read ({type(error).__name__}: {error})"
            ) from error
        if image is not None:
            yield Item(f"{name}: row {i}", item[image], item[label])
            continue
        if not (isinstance(item, tuple | list) and len(item) == 2):
            raise UserError(
                f"data: {name}: item {i}: got a {type(item).__name__}, must be (image, label)"
            )
        yield Item(f"{name}: item {i}", *item)


def _columns(name: str, split: Any) -> tuple[str, str]:
    """Return the names of the columns of images and of labels."""
    kinds = {column: type(kind).__name__ for column, kind in split.features.items()}
    images = [column for column, kind in kinds.items() if kind == "Image"]
    known = ("label", "labels", "fine_label", "class", "target")
    labels = [column for column in known if column in kinds]
    labels = labels or [column for column, kind in kinds.items() if kind == "ClassLabel"]
    if len(images) != 1 or not labels:
        told = ", ".join(f"{column} ({kind})" for column, kind in kinds.items())
        raise UserError(
            f"data: {name}: got the columns {told}, must have one of images (Image) and one of "
            "labels (label)"
        )
    return images[0], labels[0]


def _write_rows(path: Path, items: Iterator[Item], names: list[str] | None, digest: Any) -> None:
    import pyarrow as pa  # type: ignore[import-untyped]
    from pyarrow import parquet

    writer, kind = None, None
    while chunk := list(islice(items, _ROWS)):
        labels = [label_of(item, names) for item in chunk]
        for item, label in zip(chunk, labels, strict=True):
            kind = kind or type(label)
            if type(label) is not kind:
                raise UserError(
                    f"data: {item.where}: got the label {shown(label)}, which is "
                    f"{_KINDS[type(label)]}, but the first is {_KINDS[kind]}, must be all of one "
                    "kind"
                )
        images = [encoded(item) for item in chunk]
        for image, label in zip(images, labels, strict=True):
            digest.update(hashlib.sha256(image).digest())
            digest.update(repr(label).encode())
        table = pa.table({"image": pa.array(images, pa.binary()), "label": pa.array(labels)})
        if writer is None:
            schema = table.schema.with_metadata(_metadata(names))
            writer = parquet.ParquetWriter(path, schema, compression="none")
        writer.write_table(table.cast(writer.schema))
    if writer is None:
        raise UserError(f"data: {path.stem}: got 0 images, must have one or more")
    writer.close()


def _metadata(names: list[str] | None) -> dict[bytes, bytes]:
    """Return the class names as the ``datasets`` library writes them into a Parquet file."""
    import json

    if names is None:
        return {}
    feature = {"_type": "ClassLabel", "names": names}
    return {b"huggingface": json.dumps({"info": {"features": {"label": feature}}}).encode()}


# Copies.


def _folder() -> Path:
    folder = cache_directory().path / FOLDER
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise not_writable(folder, error) from error
    return folder


def _kept(name: str, digest: str, write: Callable[[Path], None]) -> Path:
    """Return the folder of a copy; ``write`` fills it if it is not there yet."""
    path = _folder() / f"{_safe(name)}-{digest[:12]}"
    if path.is_dir():
        return path
    draft = Path(mkdtemp(prefix="writing-", dir=_folder()))
    try:
        write(draft)
        for file in draft.iterdir():
            os.utime(file, ns=(_TIME_NS, _TIME_NS))
        draft.chmod(0o755)
        try:
            draft.rename(path)
        except OSError:
            if not path.is_dir():  # else another process was faster
                raise
    except OSError as error:
        raise not_writable(_folder(), error, exit_code=1) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return path


def _safe(name: str) -> str:
    """Return a name as part of a path; no word in it may mean a split, as in ``train``."""
    kept = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")[:40]
    return kept or "data"
