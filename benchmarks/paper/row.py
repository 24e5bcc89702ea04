"""What a row of the papers is to the command: its name, its options, and how it is run."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class PaperRow:
    """A table or figure that ``python -m benchmarks.paper NAME`` runs.

    ``title`` says what the paper shows there. ``published`` are lines of the paper's own figures.
    ``add_options`` adds the row's options to its parser.
    """

    name: str
    title: str
    published: tuple[str, ...]
    add_options: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], None]
