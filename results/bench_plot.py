"""A plot of ``nas bench``: training time against parameters, multiply-adds and inference time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from results.atomic import write_text

# The colours of Okabe and Ito, which colour-blind people can distinguish.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_PANELS = (
    ("parameters", "parameters"),
    ("multiply_adds", "multiply-adds"),
    ("inference_time_s", "inference time of an image (s)"),
)


def write_bench_plot(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write the plot as an HTML page; ``rows`` are those of ``nas bench --json``.

    Rows without measurements are left out. The training time of an image is the step time divided
    by the batch size, in milliseconds, with its 95 % interval. All axes are logarithmic, so that a
    power law is a straight line. A line joins the rows of one network.
    """
    measured = [row for row in rows if row["inference_time_s"] is not None]
    figure = make_subplots(1, len(_PANELS), shared_yaxes=True, horizontal_spacing=0.03)
    names = list(dict.fromkeys(row["name"] for row in measured))
    for column, (key, label) in enumerate(_PANELS, 1):
        for i, name in enumerate(names):
            rows_of_network = [row for row in measured if row["name"] == name]
            colour = _COLOURS[i % len(_COLOURS)]
            trace = _trace(rows_of_network, key, name, colour, has_legend=column == 1)
            figure.add_trace(trace, row=1, col=column)
        figure.update_xaxes(type="log", title=label, row=1, col=column)
    figure.update_yaxes(type="log")
    figure.update_yaxes(title="training time of an image (ms)", row=1, col=1)
    figure.update_layout(
        template="plotly_white",
        title="; ".join(sorted({row["device"] for row in measured})),
        legend={"orientation": "h", "y": -0.2},
    )
    return write_text(path, figure.to_html(include_plotlyjs=True))


def _trace(
    rows: Sequence[Mapping[str, Any]], key: str, name: str, colour: str, has_legend: bool
) -> go.Scatter:
    times_ms = [1000 * row["step_time_s"] / row["batch_size"] for row in rows]
    intervals_s = [row["step_time_ci_s"] or (row["step_time_s"],) * 2 for row in rows]
    scales = [1000 / row["batch_size"] for row in rows]  # seconds a step to milliseconds an image
    above = [s * high - t for s, t, (_, high) in zip(scales, times_ms, intervals_s, strict=True)]
    below = [t - s * low for s, t, (low, _) in zip(scales, times_ms, intervals_s, strict=True)]
    return go.Scatter(
        x=[row[key] for row in rows],
        y=times_ms,
        error_y={"array": above, "arrayminus": below},
        mode="markers+lines",
        marker={"color": colour, "size": 9},
        line={"color": colour, "width": 1},
        name=name,
        legendgroup=name,
        showlegend=has_legend,
        text=[f"{row['image_size']['train']} px, batch {row['batch_size']}" for row in rows],
        hovertemplate="%{text}<br>%{x:.4s}, %{y:.3g} ms<extra>"
        + name.replace("<", "&lt;")
        + "</extra>",
    )
