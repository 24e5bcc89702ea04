"""The Pareto plot as plotly.js traces and layout: accuracy against step time."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from results.candidate import Candidate
from results.front import front
from results.notation import stages_text
from results.worth import normalized_step_time, ranked
from reward.objective import Objective
from reward.step_time_statistics import median_s
from search_space.architecture import Architecture

_SMALLEST_PX, _LARGEST_PX = 7, 22


def pareto_plot(
    candidates: Sequence[Candidate], objective: Objective, reference: Architecture | None = None
) -> dict[str, Any]:
    """``data`` and ``layout`` of a plotly.js figure, in JSON types; colours of text are the page's.

    x is S/S0, y accuracy in %, colour the reward (viridis, which the colour-blind can read too),
    area the parameters. The ``reference`` is marked if it is among the candidates.
    """
    ranking = ranked(candidates, objective)
    backbone = [c for _, c in ranking if reference is not None and c.architecture == reference]
    data = [_line(front(candidates)), _points(ranking)]
    data += [_mark(backbone[:1], "backbone", "diamond-open"), _winner(ranking)]
    return {"data": [trace for trace in data if trace["x"]], "layout": _layout()}


def _points(ranking: Sequence[tuple[float, Candidate]]) -> dict[str, Any]:
    candidates = [candidate for _, candidate in ranking][::-1]  # the best is drawn on top
    return {
        **_at(candidates),
        "mode": "markers",
        "name": "candidates",
        "hoverinfo": "text",
        "hovertext": [_hover(value, candidate) for value, candidate in reversed(ranking)],
        "marker": {
            "color": [value for value, _ in reversed(ranking)],
            "colorscale": "Viridis",
            "showscale": True,
            "colorbar": {
                "title": {"text": "reward", "side": "top"},
                "orientation": "h",
                "thickness": 12,
                "y": -0.2,
                "yanchor": "top",
            },
            "size": _sizes([candidate.parameters or 0 for candidate in candidates]),
            "line": {"width": 1},
        },
    }


def _line(candidates: Sequence[Candidate]) -> dict[str, Any]:
    """Steps, since between two candidates no better than the faster one's accuracy was found."""
    line = {"shape": "hv", "width": 2}
    return {
        **_at(candidates),
        "mode": "lines",
        "name": "Pareto front",
        "hoverinfo": "skip",
        "line": line,
    }


def _winner(ranking: Sequence[tuple[float, Candidate]]) -> dict[str, Any]:
    return _mark([candidate for _, candidate in ranking[:1]], "best reward", "star-open")


def _mark(candidates: Sequence[Candidate], name: str, symbol: str) -> dict[str, Any]:
    marker = {"symbol": symbol, "size": _LARGEST_PX + 6, "line": {"width": 2}}
    return {
        **_at(candidates),
        "mode": "markers",
        "name": name,
        "hoverinfo": "skip",
        "marker": marker,
    }


def _at(candidates: Sequence[Candidate]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "x": [normalized_step_time(candidate) for candidate in candidates],
        "y": [100 * (candidate.accuracy or 0) for candidate in candidates],
    }


def _sizes(parameters: Sequence[int]) -> list[float]:
    """Diameters in pixels, so that areas grow with the parameters."""
    largest = max(parameters, default=0) or 1
    return [max(_SMALLEST_PX, _LARGEST_PX * (count / largest) ** 0.5) for count in parameters]


def _hover(value: float, candidate: Candidate) -> str:
    step_ms = 1000 * median_s(candidate.step_time) if candidate.step_time else float("nan")
    lines = [
        f"candidate {candidate.number} ({candidate.architecture.architecture_id})",
        f"reward {value:.4f}, accuracy {100 * (candidate.accuracy or 0):.2f} %",
        f"step {step_ms:.1f} ms, {normalized_step_time(candidate):.3f} of the backbone's",
        f"{candidate.parameters:,} parameters, {candidate.multiply_adds or 0:,} multiply-adds",
        *stages_text(candidate.architecture).split(" "),
    ]
    return "<br>".join(escape(line) for line in lines)


def _layout() -> dict[str, Any]:
    """The backbone is the line at 1, since every step time is relative to it."""
    return {
        "xaxis": {"title": {"text": "training step time, relative to the backbone"}},
        "yaxis": {"title": {"text": "minival accuracy (%)"}},
        "shapes": [
            {"type": "line", "x0": 1, "x1": 1, "yref": "paper", "y0": 0, "y1": 1}
            | {"line": {"dash": "dot", "width": 1}}
        ],
        "annotations": [
            {"x": 1, "y": 0, "yref": "paper", "text": "backbone", "showarrow": False}
            | {"xanchor": "left", "yanchor": "bottom"}
        ],
        "legend": {
            "orientation": "h",
            "y": 1.02,
            "yanchor": "bottom",
            "x": 0,
            "itemsizing": "constant",
        },
        "margin": {"l": 56, "r": 12, "t": 84, "b": 110},
        "hovermode": "closest",
    }
