"""The verdict on a run's winner in the terminal, as search and results print it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nas.cli.echo import echo
from nas.cli.tables import print_wrapped

if TYPE_CHECKING:
    from results.verdict import Verdict


def print_verdict(verdict: Verdict | None, path: Path) -> None:
    """Print how the winner compares with the backbone, how sure it is, and what is doubtful.

    ``path`` is the run's directory. Nothing is printed of a run without a winner, not
    even the blank line that comes first.
    """
    if verdict is None:
        return
    echo()
    for sentence in verdict.sentences:
        print_wrapped(sentence)
    if verdict.hint:
        options, _, time = verdict.hint.partition(", ")
        print_wrapped(f"To decide between them ({time}):")
        echo(f"  nas search --resume {path} {options}")
    for warning in verdict.warnings:
        print_wrapped(f"warning: {warning}")
