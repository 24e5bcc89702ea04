"""Images from Parquet files."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import accumulate
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]
from pyarrow import parquet

from nas.data.fingerprint import fingerprint
from nas.data.source import CHUNK, Listing, Source
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
    try:
        opened = [parquet.ParquetFile(file) for file in files]
        starts = [0, *accumulate(file.metadata.num_rows for file in opened)]

        def name(position: int) -> str:
            i = bisect_right(starts, position) - 1
            return f"{files[i]}, row {position - starts[i]}"

        schema = opened[0].schema_arrow
        table = Table(str(files[0]), schema, partial(_batches, files), name)
        return table_listing(table, class_names)
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"--data: got {files[0].parent}, must be readable Parquet files ({reason})"
        ) from error


def _batches(files: Sequence[Path], columns: list[str]) -> Iterator[pa.RecordBatch]:
    for file in files:
        yield from parquet.ParquetFile(file).iter_batches(batch_size=CHUNK, columns=columns)
