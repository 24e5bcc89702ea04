"""The verdict on a run's winner in the terminal, as search and results print it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nas.cli.tables import print_wrapped

if TYPE_CHECKING:
    from results.candidate import Candidate
    from reward.objective import Objective


def print_verdict(
    candidates: Iterable[Candidate],
    objective: Objective,
    settings: Mapping[str, Any],
    path: Path,
) -> None:
    """Print how the winner compares with the backbone, how sure it is, and what is doubtful.

    ``path`` is the run's directory. Nothing is printed of a run without a winner, not
    even the blank line that comes first.
    """
    from results.noise import outcomes
    from results.verdict import find_verdict

    verdict = find_verdict(outcomes(candidates), objective, settings)
    if verdict is None:
        return
    click.echo()
    for sentence in verdict.sentences:
        print_wrapped(sentence)
    if verdict.hint:
        options, _, time = verdict.hint.partition(", ")
        print_wrapped(f"To decide between them ({time}):")
        click.echo(f"  nas search --resume {path} {options}")
    for warning in verdict.warnings:
        print_wrapped(f"warning: {warning}")
