"""The static files of the page, which are installed with the package."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from results.dashboard.modules import bundled, in_order

INDEX = "index.html"
ENTRY = "main.js"
WHOLE = "whole.js"
"""All modules in one script, as a browser takes half a second to ask for some fifty."""
STYLE = "style.css"
STYLE_TAG = f'<link rel="stylesheet" href="page/{STYLE}">'
SCRIPT_TAG = f'<script type="module" src="page/{ENTRY}"></script>'
_MEDIA_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}


@cache
def page_files() -> dict[str, str]:
    """Return the text of each file of the page, by name."""
    page = files("results.dashboard") / "page"
    return {
        file.name: file.read_text(encoding="utf-8")
        for file in page.iterdir()
        if media_type(file.name) is not None
    }


def media_type(name: str) -> str | None:
    """Return the media type of a file's name; None if the page has no files of this kind."""
    return next((kind for ending, kind in _MEDIA_TYPES.items() if name.endswith(ending)), None)


def served_file(name: str) -> str | None:
    """Return the text of a file that the server has; None for any other name."""
    return _whole() if name == WHOLE else page_files().get(name)


@cache
def served_page(is_apart: bool = False) -> str:
    """Return the page as the server sends it, with what it needs asked for at once.

    With ``is_apart`` its modules stay files of their own, which is slower and easier to debug.
    """
    page = page_files()[INDEX]
    if is_apart:
        modules = in_order(page_files(), ENTRY)
        tags = "".join(f'<link rel="modulepreload" href="page/{name}">\n' for name in modules)
        return page.replace("</head>", f"{tags}</head>", 1)
    tag = '<link rel="preload" href="api/runs" as="fetch" crossorigin>\n'
    script = SCRIPT_TAG.replace(ENTRY, WHOLE)
    return page.replace("</head>", f"{tag}</head>", 1).replace(SCRIPT_TAG, script)


@cache
def _whole() -> str:
    return bundled(page_files(), ENTRY)
