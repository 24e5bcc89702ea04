"""Images from Parquet files."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import accumulate
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]
from pyarrow import parquet

from nas.data.fingerprint import fingerprint
from nas.data.formats.base import CHUNK, Listing, Source
from nas.data.tables import Table, table_listing
from nas.errors import UserError

SUFFIX = ".parquet"


def parquet_source(root: Path, files: Sequence[Path], class_names: tuple[str, ...]) -> Source:
    """The rows of these files, one after the other."""
    return Source(fingerprint(root, files), partial(_listing, files, class_names))


def _listing(files: Sequence[Path], class_names: tuple[str, ...]) -> Listing:
    """
    Raises:
        UserError: a file that cannot be read, or with other columns than it needs.
    """
    rows = []
    schema = None
    for file in files:
        with _readable(file), parquet.ParquetFile(file) as opened:
            rows.append(opened.metadata.num_rows)
            schema = schema or opened.schema_arrow
    starts = [0, *accumulate(rows)]

    def name(position: int) -> str:
        i = bisect_right(starts, position) - 1
        return f"{files[i]}, row {position - starts[i]}"

    return table_listing(Table(str(files[0]), schema, partial(_batches, files), name), class_names)


def _batches(files: Sequence[Path], columns: list[str]) -> Iterator[pa.RecordBatch]:
    for file in files:
        with _readable(file), parquet.ParquetFile(file) as opened:
            for column in columns:
                opened.schema_arrow.field(column)  # else one that is missing is passed over
            yield from opened.iter_batches(batch_size=CHUNK, columns=columns)


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, KeyError) as error:  # KeyError: no such column in it
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"--data: got {file}, must be a readable Parquet file of the same columns as the "
            f"others ({reason})"
        ) from error
