"""Image files below a folder: which are taken, and what is passed over, by reason."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from nas.data.decode import MOST_PIXELS, Unusable

SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm"))
MOST_BYTES = 16 * MOST_PIXELS  # of an encoded file: far above any image that would be decoded
_SYSTEM = frozenset(
    ("__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found")
)
_SYSTEM_FILES = frozenset(("thumbs.db", "desktop.ini"))
_SIGNATURE_BYTES = 16
_SIGNATURES = (
    b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"RIFF",
    b"P1", b"P2", b"P3", b"P4", b"P5", b"P6", b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51",
)  # fmt: skip


def is_hidden(name: str) -> bool:
    """Return whether a name is that of a hidden or system file or folder, as systems leave them.

    Among them are ``.ipynb_checkpoints``, ``__MACOSX`` and macOS's ``._1.jpg``.
    """
    return name.startswith(".") or name in _SYSTEM or name.lower() in _SYSTEM_FILES


def subfolders(root: Path) -> list[Path]:
    """Return the folders in ``root``, links to folders included, without hidden ones."""
    return sorted(path for path in root.iterdir() if not is_hidden(path.name) and path.is_dir())


def image_files(root: Path, passed_over: Counter[str]) -> list[Path]:
    """Return the images below ``root``, sorted; count in ``passed_over`` what is none, by reason.

    Links are followed; a folder that was entered already is not entered again.
    """
    return sorted(_walk(root, passed_over, set()))


def has_image(root: Path) -> bool:
    """Return whether there is any image below ``root``."""
    return next(_walk(root, Counter(), set()), None) is not None


def _walk(folder: Path, passed_over: Counter[str], entered: set[tuple[int, int]]) -> Iterator[Path]:
    try:
        status = folder.stat()
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        passed_over[f"folder that cannot be read ({display(folder.name)}: {error.strerror})"] += 1
        return
    if (status.st_dev, status.st_ino) in entered:
        passed_over["link to a folder that was read already"] += 1
        return
    entered.add((status.st_dev, status.st_ino))
    for entry in found:
        path = folder / entry.name
        kind = _kind(entry)
        if is_hidden(entry.name):
            passed_over["hidden or of the system"] += 1
        elif kind == "folder":
            yield from _walk(path, passed_over, entered)
        elif kind != "file":
            passed_over[kind] += 1
        elif f".{entry.name.rpartition('.')[2].lower()}" in SUFFIXES or _has_signature(path):
            yield path
        else:
            passed_over["no image"] += 1


def _kind(entry: os.DirEntry[str]) -> str:
    """Return what an entry is, or what it links to: a folder, a file, or why it is passed over."""
    try:
        if entry.is_dir():
            return "folder"
        if entry.is_file():
            return "file"
        entry.stat()
    except OSError:  # nothing there, or a link to itself
        return "broken link"
    return "no regular file"


def _has_signature(path: Path) -> bool:
    """Return whether a file with another suffix begins as an image does."""
    try:
        with path.open("rb") as file:
            beginning = file.read(_SIGNATURE_BYTES)
    except OSError:
        return False
    is_webp_or_avif = beginning[8:12] == b"WEBP" or beginning[4:12] in (b"ftypavif", b"ftypavis")
    is_riff = beginning.startswith(b"RIFF")
    return is_webp_or_avif or (beginning.startswith(_SIGNATURES) and not is_riff)


def display(path: Path | str) -> str:
    r"""Return a path as text that UTF-8 can encode; other bytes become ``\xe9`` and so on."""
    return os.fsencode(path).decode(errors="backslashreplace")


def read_file(path: Path) -> bytes:
    """Read a regular file of at most :data:`MOST_BYTES`, never a device or a pipe.

    Raises:
        OSError: it cannot be read.
        Unusable: it is no regular file, or too large to be an image.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise Unusable("no regular file")
        if status.st_size > MOST_BYTES:
            raise Unusable(f"{status.st_size:,} bytes, over {MOST_BYTES:,}")
        return file.read()


def summary(passed_over: Counter[str]) -> str:
    """Return a note such as ``passed over 3: 2 hidden or of the system, 1 broken link``."""
    total = passed_over.total()
    if not total:
        return ""
    reasons = ", ".join(f"{count} {reason}" for reason, count in passed_over.most_common() if count)
    return f"passed over {total:,}: {reasons}"
