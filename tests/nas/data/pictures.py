"""Encoded images of one grey, which tell where a decoded one came from."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image


def picture(grey: int, side: int = 12) -> bytes:
    """A PNG file's content."""
    content = io.BytesIO()
    Image.new("L", (side, side), grey).save(content, "PNG")
    return content.getvalue()


def class_folders(root: Path, names: tuple[str, ...] = ("ant", "bee"), count: int = 10) -> Path:
    """``count`` pictures a class, of grey 0, 1, 2 and so on, 100 more from class to class."""
    for i, name in enumerate(names):
        (root / name).mkdir(parents=True)
        for j in range(count):
            (root / name / f"{j}.png").write_bytes(picture(100 * i + j))
    return root
