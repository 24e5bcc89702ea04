"""The static files of the page, which are installed with the package."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from results.dashboard.modules import in_order

INDEX = "index.html"
ENTRY = "main.js"
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


@cache
def served_page() -> str:
    """Return the page as the server sends it, with all modules asked for at once."""
    modules = in_order(page_files(), ENTRY)
    tags = "".join(f'<link rel="modulepreload" href="page/{name}">\n' for name in modules)
    return page_files()[INDEX].replace("</head>", f"{tags}</head>", 1)
