"""The console of every table and progress line."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from nas.errors import visible

# By Okabe and Ito, as in the figures; marks of results.text_plot.
_STYLES = {"★": "bold #D55E00", "●": "#0072B2"}


class Terminal(Console):
    """A console for names that anyone may have chosen.

    It shows their control characters instead of obeying them, and reads no markup. It stays silent,
    instead of failing, once its reader is gone (``| head``).
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Return the text as it is shown."""
        return super().render_str(visible(text), **options)

    def on_broken_pipe(self) -> None:
        """Print nothing from now on."""
        self.quiet = True


def is_ascii(console: Console) -> bool:
    """Return whether the console can show no more than ASCII, as far as is known."""
    return not console.encoding.startswith("utf")


def plot_text(line: str) -> Text:
    """Return a line of a plot with its front and its winner in their colours."""
    text = Text(line, no_wrap=True, overflow="crop")
    for mark, style in _STYLES.items():
        text.highlight_words([mark], style)
    return text
