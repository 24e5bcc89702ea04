"""Encoded images of a single grey, by which a decoded image is recognised."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from PIL import Image


def picture(grey: int, side: int = 12) -> bytes:
    """Return the content of a PNG file."""
    content = io.BytesIO()
    Image.new("L", (side, side), grey).save(content, "PNG")
    return content.getvalue()


def class_folders(root: Path, names: tuple[str, ...] = ("ant", "bee"), count: int = 10) -> Path:
    """Write ``count`` pictures per class with greys from 0, 100, 200 and so on."""
    for i, name in enumerate(names):
        (root / name).mkdir(parents=True)
        for j in range(count):
            (root / name / f"{j}.png").write_bytes(picture(100 * i + j))
    return root


def labelled_tar(path: Path, labels: list[int]) -> None:
    """Write a WebDataset shard with a picture for each label."""
    with tarfile.open(path, "w") as archive:
        for i, label in enumerate(labels):
            for name, content in ((f"{i}.png", picture(9)), (f"{i}.cls", b"%d" % label)):
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
