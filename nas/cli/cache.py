"""``nas cache``: the decoded images on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nas.cli import options
from nas.cli.echo import echo
from nas.cli.options import option

if TYPE_CHECKING:
    from nas.data.cache.directory import CacheDirectory

ALL = "all"


@options.command(
    {
        "See which images are cached, and how much disk space they take": "nas cache",
        "Delete all that no process uses": "nas cache --clear",
    },
    short_help="List or delete cached images.",
)
@option(
    "--clear",
    metavar="[NAME]",
    is_flag=False,
    flag_value=ALL,
    help="Delete the entry of this name, or without a name all that no process uses.",
)
@options.json_option()
def cache(clear: str | None, as_json: bool) -> None:
    """List the decoded images that searches and trainings share.

    Deleted images are decoded again when they are needed. The environment
    variable NAS_CACHE_DIR sets the folder, and NAS_CACHE_LIMIT its largest
    size, such as 500GB; beyond that, the entries unused for longest are deleted.
    """
    from nas.data.cache.directory import cache_directory

    directory = cache_directory()
    if clear is not None:
        _clear(directory, clear)
    elif as_json:
        _print_json(directory)
    else:
        _print_table(directory)


def _clear(directory: CacheDirectory, name: str) -> None:
    from nas.data.cache.directory import in_units
    from nas.data.cache.entry import remove_unless_in_use, size_bytes
    from nas.errors import UserError
    from results.file_system import whose

    directory.sweep()
    if name == ALL:
        _clear_given(directory)
    entries = directory.entries()
    paths = [path for path in entries if name in (ALL, path.name)]
    beginning = name.rstrip("…")  # as the table shortens long names
    begins = [path for path in entries if beginning and path.name.startswith(beginning)]
    if not paths and len(begins) == 1:
        paths = begins
    if not paths and name != ALL:
        names = ", ".join(path.name for path in begins or entries) or "none is there"
        raise UserError(f"--clear: got {name!r}, must be one of the cache's: {names}")
    for path in paths:
        room = in_units(size_bytes(path))
        try:
            is_gone = remove_unless_in_use(path)
        except OSError as error:
            if name == ALL and whose(path):
                echo(f"kept {path.name}: it cannot be deleted{whose(path)}")
                continue
            raise UserError(f"--clear: {path}: cannot be deleted{whose(path)} ({error})") from error
        echo(f"deleted {path.name}, {room}" if is_gone else f"kept {path.name}: it is in use")


def _clear_given(directory: CacheDirectory) -> None:
    """Delete the copies of data that programs gave, which they write again when needed."""
    import shutil

    from nas.data.cache.directory import in_units
    from nas.data.cache.entry import size_bytes
    from nas.data.given_copies import FOLDER

    folder = directory.path / FOLDER
    if folder.is_dir():
        room = in_units(sum(size_bytes(path) for path in folder.iterdir() if path.is_dir()))
        shutil.rmtree(folder, ignore_errors=True)
        echo(f"deleted {FOLDER}, {room}: copies of data that programs gave")


def _print_table(directory: CacheDirectory) -> None:
    import time

    from nas.cli.tables import print_table
    from nas.data.cache.directory import in_units
    from nas.terminal import Terminal
    from results.units import duration

    rows = []
    total = 0
    for entry in _entries(directory):
        total += entry["bytes"]
        ago = f"{duration(max(0.0, time.time() - entry['used_at']))} ago"
        used = "in use" if entry["in_use"] else ago
        size, images = str(entry["image_size"]), f"{entry['images']:,}"
        rows.append((entry["name"], images, size, in_units(entry["bytes"]), used))
    console = Terminal()
    if rows:
        columns = ("name<", "images", "px", "size", "last used")
        print_table(console, columns, rows)
    limit = in_units(directory.limit_bytes)
    console.print(
        f"{in_units(total)} of {limit} in {directory.path}", highlight=False, soft_wrap=True
    )


def _print_json(directory: CacheDirectory) -> None:
    import json

    entries = _entries(directory)
    content = {
        "directory": str(directory.path),
        "limit_bytes": directory.limit_bytes,
        "bytes": sum(entry["bytes"] for entry in entries),
        "entries": entries,
    }
    echo(json.dumps(content, indent=2))


def _entries(directory: CacheDirectory) -> list[dict[str, Any]]:
    """Return the entries as JSON, the last used first; times are in seconds since 1970."""
    from nas.data.cache.entry import Meta, is_in_use, size_bytes, used_at

    entries = []
    for path in directory.entries():
        try:
            meta = Meta.read(path)
        except (OSError, ValueError, KeyError, TypeError):  # deleted meanwhile, or damaged
            continue
        entries.append(
            {
                "name": path.name,
                "source": meta.source,
                "images": meta.images,
                "image_size": meta.image_size,
                "classes": len(meta.class_names),
                "unreadable": len(meta.unreadable),
                "bytes": size_bytes(path),
                "made_at": meta.made_at,
                "used_at": used_at(path),
                "in_use": is_in_use(path),
            }
        )
    return entries
