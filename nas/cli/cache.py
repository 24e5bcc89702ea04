"""``nas cache``: the images that were decoded, and the room that they take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from nas.data.cache.directory import CacheDirectory

ALL = "all"


@click.command()
@click.option(
    "--clear",
    metavar="[NAME]",
    is_flag=False,
    flag_value=ALL,
    help="Delete the images of this name, or all that no process uses.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the table as JSON.")
def cache(clear: str | None, as_json: bool) -> None:
    """List the decoded images that searches and trainings share.

    They are made anew when they are needed again. NAS_CACHE_DIR says where they
    are, NAS_CACHE_LIMIT how much room they may take, such as 500GB; what was
    not used for longest goes first.
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

    directory.sweep()
    entries = directory.entries()
    paths = [path for path in entries if name in (ALL, path.name)]
    beginning = name.rstrip("…")  # the table shortens long names
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
            raise UserError(f"--clear: {path}: got no right to delete it ({error})") from error
        click.echo(f"deleted {path.name}, {room}" if is_gone else f"kept {path.name}: it is in use")


def _print_table(directory: CacheDirectory) -> None:
    import time

    from rich.console import Console

    from nas.cli.tables import print_table
    from nas.data.cache.directory import in_units
    from nas.search.progress import duration

    rows = []
    total = 0
    for entry in _entries(directory):
        total += entry["bytes"]
        ago = f"{duration(max(0.0, time.time() - entry['used_at']))} ago"
        used = "in use" if entry["in_use"] else ago
        size, images = str(entry["image_size"]), f"{entry['images']:,}"
        rows.append((entry["name"], images, size, in_units(entry["bytes"]), used))
    console = Console()
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
    click.echo(json.dumps(content, indent=2))


def _entries(directory: CacheDirectory) -> list[dict[str, Any]]:
    """Each as the JSON has it, the last used first. Times are in seconds since 1970."""
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
