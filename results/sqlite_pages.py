"""Rows in the pages of an SQLite file, found without its tree: damage costs no more than its page.

The format is described in https://sqlite.org/fileformat2.html; the sections below are of that page.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

Value = int | float | str | bytes | None
Row = list[Value]

_DEFAULT_PAGE_BYTES = 4096
_MOST_TIMES_READ = 4  # of a file that says that all its rows are long
_FILE_HEADER_BYTES = 100
_WAL_HEADER_BYTES, _FRAME_HEADER_BYTES = 32, 24
# Kind of a page in its first byte: bytes of its header, and of each cell before its lengths.
_TABLE_LEAF, _INDEX_LEAF, _INDEX_INTERIOR = 0x0D, 0x0A, 0x02
_LAYOUTS = {_TABLE_LEAF: (8, 0), _INDEX_LEAF: (8, 0), _INDEX_INTERIOR: (12, 4)}
_INTEGER_BYTES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
# Raised by what is not the page, cell or value that it seems to be.
_DAMAGE = (IndexError, KeyError, ValueError, struct.error)


@dataclass(frozen=True)
class Pages:
    """The pages of a file by number, from 1, in their last committed state."""

    content: dict[int, bytes]
    page_bytes: int

    def rows(self) -> Iterator[Row]:
        """Return the rows of all tables and indices, also former ones, but no unreadable ones.

        A row of an index holds its columns and the number of the table's row.
        """
        left = _MOST_TIMES_READ * self.page_bytes * len(self.content)
        for number, page in self.content.items():
            start = _FILE_HEADER_BYTES if number == 1 else 0
            for payload in self._payloads(page, start) if page[start] in _LAYOUTS else ():
                left -= len(payload)
                if left < 0:
                    return
                with suppress(*_DAMAGE):
                    yield _row(payload)

    def _payloads(self, page: bytes, start: int) -> Iterator[bytes]:
        """Return the contents of a page's cells (1.6, B-tree pages)."""
        header_bytes, prefix_bytes = _LAYOUTS[page[start]]
        count = int.from_bytes(page[start + 3 : start + 5])
        for i in range(min(count, self.page_bytes // 4)):
            place = start + header_bytes + 2 * i
            cell = int.from_bytes(page[place : place + 2])
            with suppress(*_DAMAGE):
                yield self._payload(page, cell + prefix_bytes, page[start] == _TABLE_LEAF)

    def _payload(self, page: bytes, place: int, is_table: bool) -> bytes:
        """Return the content of a cell, with its overflow pages (1.6)."""
        size, place = _varint(page, place)
        if is_table:
            _, place = _varint(page, place)  # the row's number
        if size > self.page_bytes * len(self.content):
            raise ValueError("longer than the file")
        usable = self.page_bytes
        most = usable - 35 if is_table else (usable - 12) * 64 // 255 - 23
        least = (usable - 12) * 32 // 255 - 23
        local = least + (size - least) % (usable - 4)
        local = size if size <= most else local if local <= most else least
        payload = page[place : place + local]
        following = int.from_bytes(page[place + local : place + local + 4])
        while len(payload) < size:
            overflow = self.content[following]
            payload += overflow[4 : 4 + size - len(payload)]
            following = int.from_bytes(overflow[:4])
        return payload


def read_pages(file: Path) -> Pages:
    """Read a file and, if there is one, its WAL; raise OSError if that fails."""
    data = file.read_bytes()
    size = int.from_bytes(data[16:18]) or _DEFAULT_PAGE_BYTES
    size = 65536 if size == 1 else size
    if size < 512 or size & (size - 1) or len(data) % size:
        size = _DEFAULT_PAGE_BYTES
    content = {i // size + 1: data[i : i + size] for i in range(0, len(data) - size + 1, size)}
    wal = file.with_name(f"{file.name}-wal")
    if wal.is_file():
        content.update(_committed(wal.read_bytes(), size))
    return Pages(content, size)


def _committed(wal: bytes, size: int) -> dict[int, bytes]:
    """Return the pages of the WAL's complete transactions (4, the write-ahead log)."""
    salt, committed, pending = wal[16:24], {}, {}
    for at in range(_WAL_HEADER_BYTES, len(wal), _FRAME_HEADER_BYTES + size):
        header = wal[at : at + _FRAME_HEADER_BYTES]
        page = wal[at + _FRAME_HEADER_BYTES : at + _FRAME_HEADER_BYTES + size]
        if header[8:16] != salt or len(page) < size:
            break
        pending[int.from_bytes(header[:4])] = page
        if any(header[4:8]):  # the last page of a transaction
            committed.update(pending)
            pending = {}
    return committed


def _row(payload: bytes) -> Row:
    """Return the values of a record (2.1, Record Format)."""
    header_end, place = _varint(payload, 0)
    kinds = []
    while place < header_end:
        kind, place = _varint(payload, place)
        kinds.append(kind)
    row: Row = []
    for kind in kinds:
        value, place = _value(payload, place, kind)
        row.append(value)
    return row


def _value(payload: bytes, place: int, kind: int) -> tuple[Value, int]:
    if kind == 0:
        return None, place
    if kind in (8, 9):
        return kind - 8, place
    size = _INTEGER_BYTES[kind] if kind in _INTEGER_BYTES else 8 if kind == 7 else (kind - 12) // 2
    data, end = payload[place : place + size], place + size
    if end > len(payload) or size < 0:
        raise ValueError("longer than its record")
    if kind in _INTEGER_BYTES:
        return int.from_bytes(data, signed=True), end
    if kind == 7:
        number: float = struct.unpack(">d", data)[0]
        return number, end
    return (data.decode() if kind % 2 else data), end


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """Return an integer of 1 to 9 bytes, and the place after it (1.6)."""
    value = 0
    for i in range(8):
        byte = data[place + i]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, place + i + 1
    return value << 8 | data[place + 8], place + 9
