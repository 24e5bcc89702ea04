"""A plot of a run's candidates: accuracy against training step time, with the Pareto front."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from results.candidate import Candidate, State, stages_text
from results.noise import Noise
from results.ranking import front, normalized_step_time, reward, winner
from reward.objective import Objective
from reward.step_time.measurement import normalized_interval

# By Okabe and Ito, distinct to the colour-blind.
_GREY, _BLUE, _VERMILION = "#999999", "#0072B2", "#D55E00"


def pareto_figure(
    candidates: Sequence[Candidate], objective: Objective, noise: Noise, metric: str = "accuracy"
) -> go.Figure:
    """Return the plot; without a complete candidate it says so.

    The horizontal axis is S/S0, the step time relative to the backbone's. The winner has its 95 %
    intervals.
    """
    shown = [
        candidate
        for candidate in candidates
        if candidate.state is State.COMPLETE
        and candidate.confirms is None
        and candidate.accuracy is not None
        and candidate.step_time is not None
    ]
    figure = go.Figure(
        layout={
            "template": "plotly_white",
            "xaxis": {"title": {"text": "training step time, relative to the backbone's"}},
            "yaxis": {"title": {"text": f"{metric} (%)"}},
            "legend": {"orientation": "h", "y": 1.1},
            "height": 480,
        }
    )
    if not shown:
        figure.add_annotation(text="no candidate is complete yet", showarrow=False)
        return figure
    best, on_front = winner(candidates, objective), front(candidates)
    numbers = {candidate.number for candidate in on_front}
    others = [candidate for candidate in shown if candidate.number not in numbers]
    figure.add_trace(_points("other candidates", others, objective, _GREY, size=6))
    trace = _points("Pareto front", on_front, objective, _BLUE, size=8)
    figure.add_trace(trace.update(mode="markers+lines", line={"shape": "hv", "width": 1}))
    if best is not None:
        trace = _points(f"winner: no. {best.number}", [best], objective, _VERMILION, size=14)
        trace.update(marker={"symbol": "star"}, **_intervals(best, noise))
        figure.add_trace(trace)
    return figure


def _points(
    name: str, candidates: Sequence[Candidate], objective: Objective, colour: str, size: int
) -> go.Scatter:
    texts = []
    for candidate in candidates:
        stages = stages_text(candidate.architecture).replace("<", "&lt;")
        value = reward(candidate, objective)
        told = "" if value is None else f"<br>reward {value:.4f}"
        texts.append(f"no. {candidate.number}: {stages}{told}")
    return go.Scatter(
        x=[normalized_step_time(candidate) for candidate in candidates],
        y=[100 * (candidate.accuracy or 0) for candidate in candidates],
        mode="markers",
        name=name,
        marker={"color": colour, "size": size},
        text=texts,
        hovertemplate="%{text}<br>%{y:.1f} %, %{x:.2f} x the backbone's<extra></extra>",
    )


def _intervals(candidate: Candidate, noise: Noise) -> dict[str, object]:
    """Return the 95 % intervals of a candidate as error bars, as far as they are known."""
    bars: dict[str, object] = {}
    value = normalized_step_time(candidate)
    times = normalized_interval(candidate.step_time) if candidate.step_time else None
    if times and value:
        bars["error_x"] = {"array": [times[1] - value], "arrayminus": [value - times[0]]}
    accuracy = candidate.accuracy
    if accuracy is None:
        return bars
    share = noise.accuracy_interval(accuracy, images=candidate.effective_images)
    if share:
        low, high = share
        bars["error_y"] = {
            "array": [100 * (high - accuracy)],
            "arrayminus": [100 * (accuracy - low)],
        }
    return bars
