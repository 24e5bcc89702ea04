"""Tables of text as HTML, everything escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def html_table(
    head: Sequence[str], rows: Iterable[Sequence[object]], numbers_right: bool = True
) -> str:
    """A table in a frame that scrolls sideways where the page is narrow; lines stay lines."""
    names = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = "".join(
        f"<tr>{''.join(_cell(value, numbers_right) for value in row)}</tr>\n" for row in rows
    )
    return f'<div class="scroll"><table><tr>{names}</tr>\n{body}</table></div>'


def _cell(value: object, numbers_right: bool) -> str:
    text = str(value)
    is_number = text.replace(",", "").replace(".", "").replace("-", "").isdigit()
    return f"<td{' class=number' if is_number and numbers_right else ''}>{escape(text)}</td>"
