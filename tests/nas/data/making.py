"""A process that decodes a folder into the cache slowly.

``python -m tests.nas.data.making FOLDER SECONDS`` takes SECONDS for each image. It prints "image"
for each one, and "done DIGEST" at the end.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nas.data.cache import filling
from nas.data.cache.opening import WholeListing, open_cached
from nas.data.decode import Decoding, decode
from nas.data.formats.folder import training_folder
from tests.nas.command_line import REPOSITORY, environment

SIZE = 8


@contextmanager
def maker(folder: Path, seconds_an_image: float) -> Iterator[subprocess.Popen[str]]:
    """Run this module as a process with the same cache; kill it at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.nas.data.making", str(folder), str(seconds_an_image)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
        env=environment(),
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def _main(folder: str, seconds: str) -> None:
    def slow(read: Callable[[], bytes], size: int, decoding: Decoding) -> Any:
        sys.stdout.write("image\n")
        sys.stdout.flush()
        time.sleep(float(seconds))
        return decode(read, size, decoding)

    setattr(filling, "decode", slow)  # noqa: B010 - it is imported there
    entry = open_cached(folder, training_folder(Path(folder)), SIZE, WholeListing())
    sys.stdout.write(f"done {entry.meta.digest}\n")


if __name__ == "__main__":
    _main(*sys.argv[1:])
