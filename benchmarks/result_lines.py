"""Results of a long benchmark, one line of JSON each, which a killed benchmark goes on from."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from nas.errors import UserError


class ResultLines:
    """A file whose first line is a header and each other line one result of a kind.

    A last line that was not written whole is dropped when the file is opened.
    """

    def __init__(self, path: Path | None, header: dict[str, Any]) -> None:
        """Open the file, or begin it with the header, which is all that the results depend on.

        Without a path, results are kept in memory only.

        Raises:
            UserError: the file is there with another header; the message names a difference.
        """
        self._path = path
        self._lines: list[dict[str, Any]] = []
        if path is None:
            return
        header = json.loads(json.dumps(header))  # tuples become lists, as in the file
        if path.is_file():
            _drop_torn_line(path)
        if not path.is_file() or not path.stat().st_size:
            path.parent.mkdir(parents=True, exist_ok=True)
            _append(path, {"header": header})
        found, self._lines = read_lines(path)
        for name in header:
            if found.get(name) != header[name]:
                raise UserError(
                    f"--out: got {path.parent}, whose results have {name} = {found.get(name)!r}, "
                    f"must be another directory for {header[name]!r}"
                )

    def find(self, kind: str, **values: Any) -> list[dict[str, Any]]:
        """Return the results of a kind that have these values."""
        return found_in(self._lines, kind, **values)

    def add(self, kind: str, result: dict[str, Any]) -> None:
        """Add a result to the file at once, and print it without its curve."""
        line = {"kind": kind, **result}
        if self._path is not None:
            _append(self._path, line)
        self._lines.append(json.loads(json.dumps(line)))
        shown = {
            name: value for name, value in result.items() if name not in ("curve", "architecture")
        }
        ended = result["curve"][-1] if "curve" in result else {}
        print(f"{kind}: {shown} {ended or ''}".rstrip(), flush=True)


def read_lines(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the header and the results of a file.

    Raises:
        UserError: there is no such file, or it holds something else.
    """
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return lines[0]["header"], lines[1:]
    except FileNotFoundError as error:
        raise UserError(f"--out: got {path.parent}, which has no {path.name}") from error
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise UserError(f"--out: got {path}, must hold results of this command") from error


def found_in(lines: list[dict[str, Any]], kind: str, **values: Any) -> list[dict[str, Any]]:
    """Return the lines of a kind that have these values, in their order."""
    return [
        line
        for line in lines
        if line["kind"] == kind and all(line.get(name) == value for name, value in values.items())
    ]


def _drop_torn_line(path: Path) -> None:
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if whole != content:
        path.write_bytes(whole)


def _append(path: Path, line: dict[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
        file.flush()
        os.fsync(file.fileno())
