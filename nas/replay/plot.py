"""A page that plots the best reward against the epochs trained, with its spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go

from nas.replay.replay import Trace, bests_at
from results.atomic import write_text

# By Okabe and Ito, distinct to the colour-blind: the sampler, then random search, then others.
_COLOURS = ("0, 114, 178", "230, 159, 0", "0, 158, 115")
_POINTS = 300


def write_plot(path: Path, traces: Mapping[str, Sequence[Trace]], target: float) -> Path:
    """Plot the median over the repeats of each search, in a band that holds half of them.

    ``target`` is a horizontal line, the best reward that random search is expected to find with its
    whole budget. The page works offline.
    """
    figure = go.Figure(
        layout={
            "template": "plotly_white",
            "xaxis": {"title": {"text": "epochs trained"}, "rangemode": "tozero"},
            "yaxis": {"title": {"text": "best reward so far"}},
            "legend": {"orientation": "h", "y": 1.08},
        }
    )
    for (name, repeats), colour in zip(traces.items(), _COLOURS, strict=False):
        figure.add_traces(_band(name, repeats, colour))
    figure.add_hline(target, line={"dash": "dot"}, annotation_text=f"target {target:.4f}")
    return write_text(path, figure.to_html(include_plotlyjs=True))


def _band(name: str, traces: Sequence[Trace], colour: str) -> list[Any]:
    end = max(trace.epochs[-1] for trace in traces)
    epochs = np.unique(np.linspace(0, end, _POINTS).astype(int)).tolist()
    bests = bests_at(traces, epochs)
    shown = [i for i in range(len(epochs)) if not np.isnan(bests[:, i]).any()]
    low, middle, high = np.quantile(bests[:, shown], (0.25, 0.5, 0.75), axis=0).tolist()
    return band(name, [epochs[i] for i in shown], low, middle, high, colour)


def band(
    name: str,
    x: list[Any],
    low: Sequence[float],
    middle: Sequence[float],
    high: Sequence[float],
    colour: str,
) -> list[Any]:
    """Return the traces of a line in a band; ``colour`` is as in ``0, 114, 178``."""
    filled = go.Scatter(
        x=x + x[::-1],
        y=[*high, *low[::-1]],
        fill="toself",
        fillcolor=f"rgba({colour}, 0.2)",
        line={"width": 0},
        hoverinfo="skip",
        showlegend=False,
    )
    return [filled, go.Scatter(x=x, y=middle, name=name, line={"color": f"rgb({colour})"})]
