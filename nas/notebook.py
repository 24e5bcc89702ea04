"""A line in a notebook's output that is drawn anew, as a terminal's is."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

_WIDTH = 40  # characters of a bar


def is_notebook() -> bool:
    """Return whether this process is the kernel of a notebook."""
    shell = sys.modules.get("IPython")
    if shell is None:
        return False
    return type(shell.get_ipython()).__name__ == "ZMQInteractiveShell"


class NotebookLine:
    """A line of text below the cell that runs; :meth:`show` replaces it."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, text: str, share: float) -> None:
        """Show a bar that is filled to a share in [0, 1], and a text behind it."""
        display = import_module("IPython.display").display
        full = round(_WIDTH * min(1.0, max(0.0, share)))
        content = {"text/plain": f"[{'#' * full}{'.' * (_WIDTH - full)}] {text}"}
        if self._handle is None:
            self._handle = display(content, raw=True, display_id=True)
        else:
            self._handle.update(content, raw=True)
