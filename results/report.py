"""The report: a run as one HTML file that needs neither a network nor this tool."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from plotly.offline import get_plotlyjs

from results.atomic import write_text
from results.candidate import Candidate, State
from results.confirmation import winner
from results.pareto_plot import pareto_plot
from results.report_tables import best_table, endings_table, settings_table, stages_table
from results.report_template import PAGE
from reward.objective import Objective
from search_space.architecture import Architecture


def write_report(
    path: Path,
    candidates: Sequence[Candidate],
    settings: Mapping[str, Any],
    objective: Objective,
    title: str,
    reference: Architecture | None = None,
) -> Path:
    """Writes the page, about 5 MB of which nearly all is plotly.js, whole or not at all.

    ``reference`` is the space's backbone, marked in the plot if it is among the candidates.
    """
    chosen = winner(candidates, objective)
    page = PAGE.substitute(
        title=escape(title),
        plotly=get_plotlyjs(),
        summary=escape(_summary(candidates)),
        reading=escape(_reading(candidates, objective)),
        best=best_table(candidates, objective),
        winner=f"The winner: candidate {chosen.number}" if chosen else "No winner yet",
        stages=stages_table(chosen.architecture) if chosen else "",
        endings=endings_table(candidates),
        settings=settings_table(settings),
        figure=_for_script(pareto_plot(candidates, objective, reference)),
    )
    return write_text(path, page)


def _summary(candidates: Sequence[Candidate]) -> str:
    complete = sum(candidate.state is State.COMPLETE for candidate in candidates)
    failed = sum(candidate.state is State.FAILED for candidate in candidates)
    return f"{len(candidates):,} candidates: {complete:,} complete, {failed:,} failed."


def _reading(candidates: Sequence[Candidate], objective: Objective) -> str:
    """How the figures came about: the objective, the machine, the number of samples."""
    formula = f"Reward = {objective.formula}; S0 and P0 are the backbone's."
    timed = next((candidate.step_time for candidate in candidates if candidate.step_time), None)
    if timed is None:
        return formula
    return (
        f"{formula} Step time: median of {len(timed.samples_s)} steps on {timed.device}, "
        f"{timed.image_size} px, batch {timed.batch_size}. The larger a point, the more parameters."
    )


def _for_script(value: object) -> str:
    """JSON that cannot end the script element that it stands in."""
    return json.dumps(value, allow_nan=False).replace("<", "\\u003c")
