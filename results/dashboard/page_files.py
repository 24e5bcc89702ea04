"""The page's files, which are installed with the package and sent as they are."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from plotly.offline import get_plotlyjs

INDEX = "index.html"
_KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}


@cache
def page_files() -> dict[str, str]:
    """The text of each file by name."""
    page = files("results.dashboard") / "page"
    return {
        file.name: file.read_text(encoding="utf-8")
        for file in page.iterdir()
        if kind_of(file.name) is not None
    }


def kind_of(name: str) -> str | None:
    """A file's media type by its name; None for what is not the page's."""
    return next((kind for ending, kind in _KINDS.items() if name.endswith(ending)), None)


@cache
def plotly_js() -> str:
    """The library that draws, as the plotly package carries it."""
    text: str = get_plotlyjs()
    return text
