"""Images from Parquet files and from other tables with a column of images and one of labels."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
from pyarrow import parquet

from nas.data.formats.base import CHUNK, Chunk, Listing, Reader, Source, fingerprint
from nas.data.formats.files import image_files, read_file
from nas.data.formats.labels import Label, class_names_of, numbered
from nas.errors import UserError

SUFFIX = ".parquet"

# Names of columns, the first one found is taken.
_IMAGE_NAMES = ("image", "img", "jpg", "jpeg", "png", "webp", "bytes")
_LABEL_NAMES = ("label", "labels", "fine_label", "class", "cls", "target", "targets", "category")


def parquet_source(root: Path, files: Sequence[Path]) -> Source:
    """Return the rows of these files, one file after the other."""
    named = _image_files(files) if files else []
    return Source(fingerprint(root, [*files, *named]), partial(_listing, files))


def _image_files(files: Sequence[Path]) -> list[Path]:
    """Return the images beside the files that rows may name, which then are part of the content."""
    with suppress(UserError), _readable(files[0]), parquet.ParquetFile(files[0]) as opened:
        kinds = [field.type for field in opened.schema_arrow]
        if any(pa.types.is_struct(kind) and kind.get_field_index("path") >= 0 for kind in kinds):
            return image_files(files[0].parent, Counter())
    return []


def _listing(files: Sequence[Path], class_names: tuple[str, ...]) -> Listing:
    """List the images of all files.

    Raises:
        UserError: a file cannot be read, or lacks a column.
    """
    row_counts = []
    schemas = []
    for file in files:
        with _readable(file), parquet.ParquetFile(file) as opened:
            row_counts.append(opened.metadata.num_rows)
            schemas.append(opened.schema_arrow)
    _check_names(files, schemas)
    schema = schemas[0]
    starts = [0, *accumulate(row_counts)]

    def name(position: int) -> str:
        i = bisect_right(starts, position) - 1
        return f"{files[i]}, row {position - starts[i]}"

    table = Table(str(files[0]), schema, partial(_batches, files), name, files[0].parent)
    return table_listing(table, class_names)


def _check_names(files: Sequence[Path], schemas: Sequence[pa.Schema]) -> None:
    """Check that all files name the classes alike, since labels are numbers of these names."""
    for file, schema in zip(files, schemas, strict=True):
        for label in schema.names:
            first = _stored_names(schemas[0], label)
            if (names := _stored_names(schema, label)) != first:
                raise UserError(
                    f"--data: got {file} with the classes {', '.join(names[:5]) or 'unnamed'}, "
                    f"must have those of {files[0]}, {', '.join(first[:5]) or 'unnamed'}"
                )


def _batches(files: Sequence[Path], columns: list[str]) -> Iterator[pa.RecordBatch]:
    for file in files:
        with _readable(file), parquet.ParquetFile(file) as opened:
            for column in columns:
                opened.schema_arrow.field(column)  # raises, as iter_batches skips a missing one
            yield from opened.iter_batches(batch_size=CHUNK, columns=columns)


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    """Turn the errors of reading ``file`` into a UserError."""
    try:
        yield
    except (pa.ArrowException, OSError, KeyError) as error:  # KeyError: a missing column
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"--data: got {file}, must be a readable Parquet file with the same columns as the "
            f"other files ({reason})"
        ) from error


# Tables.


@dataclass(frozen=True)
class Table:
    """A table that is read in batches of rows.

    ``batches`` takes the names of the wanted columns; ``name`` takes a row's number and returns the
    row's name. ``where`` names the table in errors. Rows may name image files below ``folder``.
    ``cell`` takes a column's name and a row's number; None if reading one row costs many.
    """

    where: str
    schema: pa.Schema
    batches: Callable[[list[str]], Iterator[pa.RecordBatch]]
    name: Callable[[int], str]
    folder: Path | None = None
    cell: Callable[[str, int], pa.Scalar] | None = None


def table_listing(table: Table, class_names: tuple[str, ...] = ()) -> Listing:
    """List the images and labels of a table.

    Labels are numbered by ``class_names``, by default by the names that the table has.

    Raises:
        UserError: a column is missing, or a row has no label or one outside the classes.
    """
    image = _column(table, "images", _IMAGE_NAMES, _is_image)
    label = _column(table, "labels", _LABEL_NAMES, _is_label)
    values: list[Any] = []
    for batch in table.batches([label]):
        values += batch.column(0).to_pylist()
    stored_names = _stored_names(table.schema, label)
    labels, names = _labels(table.where, values, stored_names, class_names)
    reader = partial(_reader, table, image) if table.cell else None
    return Listing(labels, names, table.name, partial(_chunks, table, image), reader=reader)


def _column(
    table: Table, content: str, known: tuple[str, ...], has_type: Callable[[pa.DataType], bool]
) -> str:
    """Return the column with a known name and the right type, or the only one of that type.

    The only column of labels may be beside others of numbers that are not whole.
    """
    fitting = [field.name for field in table.schema if has_type(field.type)]
    named = [name for name in known if name in fitting]
    if not named and len(fitting) != 1:
        whole = [n for n in fitting if not pa.types.is_floating(table.schema.field(n).type)]
        fitting = whole
    if not named and len(fitting) != 1:
        columns = ", ".join(f"{field.name} ({field.type})" for field in table.schema)
        raise UserError(
            f"--data: {table.where}: got the columns {columns}; must have a single column of "
            f"{content}, or one that is named {' or '.join(known[:2])}"
        )
    return named[0] if named else fitting[0]


def _is_image(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        return bool(kind.get_field_index("bytes") >= 0)
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


_LABEL_TYPES = (
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_boolean,
    pa.types.is_string,
    pa.types.is_large_string,
)


def _is_label(kind: pa.DataType) -> bool:
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        kind = kind.value_type
    if pa.types.is_dictionary(kind):  # pandas' categories
        kind = kind.value_type
    return any(is_kind(kind) for is_kind in _LABEL_TYPES)


def _stored_names(schema: pa.Schema, label: str) -> tuple[str, ...]:
    """Return the class names that the ``datasets`` library stored in the schema, if it did."""
    metadata = (schema.metadata or {}).get(b"huggingface")
    try:
        feature: Any = json.loads(metadata or b"{}")
        for key in ("info", "features", label):
            feature = feature.get(key) or {}
        if isinstance(feature, list):  # a list of labels, as written by older versions
            feature = feature[0]
        if isinstance(feature.get("feature"), dict):
            feature = feature["feature"]
        names = feature.get("names") or ()
    except (ValueError, RecursionError, AttributeError, IndexError, TypeError):
        return ()  # metadata of another form; the labels then are what the column holds
    return tuple(str(name).strip() for name in names) if isinstance(names, list) else ()


def _labels(
    where: str, values: list[Any], stored_names: tuple[str, ...], class_names: tuple[str, ...]
) -> tuple[Any, tuple[str, ...]]:
    """Return the class number of each row, and the names of the classes."""
    _check_labels(where, values, len(stored_names))
    if stored_names:  # the values are numbers of these names
        values = [
            [stored_names[v] for v in value] if isinstance(value, list) else stored_names[value]
            for value in values
        ]
    labels: list[Label] = values
    names = class_names or stored_names or class_names_of(labels, where)
    return numbered(labels, names, where), names


def _check_labels(where: str, values: list[Any], name_count: int) -> None:
    """Check, if the table names its classes, that every row has one of those as its label."""
    if not name_count:
        return
    for i, value in enumerate(values):
        for number in value if isinstance(value, list) else [value]:
            if number is None or number == -1:
                raise UserError(f"--data: {where}: image {i}: got no label, must have one or more")
            if not (isinstance(number, int) and 0 <= number < name_count):
                raise UserError(
                    f"--data: {where}: image {i}: got the label {number!r}, must be a number from "
                    f"0 to {name_count - 1}, as the file names {name_count} classes"
                )


def _chunks(table: Table, image: str) -> Iterator[Chunk]:
    position = 0
    for batch in table.batches([image]):
        readers = [partial(_read, cell, table.folder) for cell in batch.column(0)]
        yield list(enumerate(readers, position))
        position += len(readers)


def _reader(table: Table, image: str, row: int) -> Reader:
    assert table.cell is not None
    cell = table.cell
    return lambda: _read(cell(image, row), table.folder)


def _read(cell: pa.Scalar, folder: Path | None) -> bytes:
    """Return the bytes in a cell, or those of the file below ``folder`` that it names.

    There are none if the cell is empty, and no file is read without a folder.

    Raises:
        UserError: the file is outside the folder, or is not a regular file.
    """
    value = cell.as_py()
    if isinstance(value, dict):
        path, value = value.get("path"), value.get("bytes")
        if value is None and path:
            value = read_file(_inside(str(path), folder))
    content: bytes = value or b""
    return content


def _inside(path: str, folder: Path | None) -> Path:
    file = (folder or Path()) / path
    if folder is None or not file.resolve().is_relative_to(folder.resolve()):
        raise UserError(f"--data: got the image file {path!r}, must be below the data's own folder")
    return file
