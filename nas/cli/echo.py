"""Print to the terminal, with the control characters of names shown instead of obeyed."""

from __future__ import annotations

import click

from nas.errors import visible


def echo(message: str = "", err: bool = False) -> None:
    """Print lines to standard output, or to standard error."""
    click.echo(visible(message), err=err)
