"""A training's directory: run.json, the checkpoints, and the lock that one training holds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nas.errors import UserError
from nas.full_training.checkpoint import BEST, LAST
from nas.full_training.settings import TrainSettings
from nas.sole_writer import sole_writer
from nas.versions import versions
from results.atomic import write_text

_FILE = "run.json"
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class TrainDirectory:
    """``path`` holds run.json, last.pt, best.pt, curve.csv and what else a training leaves."""

    path: Path

    @property
    def last(self) -> Path:
        """The checkpoint that training goes on from."""
        return self.path / LAST

    @property
    def best(self) -> Path:
        """The network of the epoch with the best minival accuracy."""
        return self.path / BEST

    def write_settings(self, settings: TrainSettings) -> None:
        """Begins the training: writes run.json, with which it can be gone on with.

        Raises:
            UserError: it cannot be written.
        """
        content = {
            "schema_version": SCHEMA_VERSION,
            "kind": "training",
            "settings": settings.to_json(),
            "versions": versions(),
        }
        try:
            write_text(self.path / _FILE, json.dumps(content, indent=2, allow_nan=False) + "\n")
        except OSError as error:
            raise UserError(
                f"--out: got {self.path}, must be writable ({error.strerror})"
            ) from error

    def read_settings(self) -> TrainSettings:
        """What run.json says.

        Raises:
            UserError: it is missing, torn, a search's, or a later release's.
        """
        try:
            content = json.loads((self.path / _FILE).read_text(encoding="utf-8"))
            if content["schema_version"] > SCHEMA_VERSION:
                raise UserError(f"--resume: {self.path} was made by a later release of this tool")
            return TrainSettings.from_json(content["settings"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"--resume: got {self.path}, must be the directory of a training, with a {_FILE} "
                "that nas train wrote"
            ) from error

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Held while a training writes; it goes with the process, however that ends."""
        with sole_writer(self.path, "training"):
            for torn in self.path.glob(".*.tmp"):  # left by a process that was killed
                torn.unlink(missing_ok=True)
            yield


def create(path: Path) -> TrainDirectory:
    """A new training's directory.

    Raises:
        UserError: the path is taken, or cannot be made.
    """
    try:
        if path.exists() and not (path.is_dir() and not any(path.iterdir())):
            raise UserError(
                f"--out: got {path}, which is there already, must be new or empty "
                f"(to go on with a training: --resume {path})"
            )
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--out: got {path}, must be writable ({error.strerror})") from error
    return TrainDirectory(path)
