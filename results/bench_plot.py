"""What ``nas bench`` measured as one page: the time to train on an image against what is cheap to
know of a network, and the time of inference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from results.atomic import write_text

# Okabe and Ito's colours, which colour-blind people can tell apart.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_PANELS = (
    ("parameters", "parameters"),
    ("multiply_adds", "multiply-adds"),
    ("inference_time_s", "one image's inference (s)"),
)


def write_bench_plot(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Writes the page; ``rows`` as of ``nas bench --json``, the unmeasured left out.

    Training time is a step's by its images, in milliseconds, with its 95 % interval; all axes are
    logarithmic, so that a straight line is a power law. A network's rows are joined by a line.
    """
    measured = [row for row in rows if row["inference_time_s"] is not None]
    figure = make_subplots(1, len(_PANELS), shared_yaxes=True, horizontal_spacing=0.03)
    names = list(dict.fromkeys(row["name"] for row in measured))
    for column, (key, label) in enumerate(_PANELS, 1):
        for i, name in enumerate(names):
            own = [row for row in measured if row["name"] == name]
            colour = _COLOURS[i % len(_COLOURS)]
            figure.add_trace(_trace(own, key, name, colour, column == 1), row=1, col=column)
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
    times = [1000 * row["step_time_s"] / row["batch_size"] for row in rows]
    intervals = [row["step_time_ci_s"] or (row["step_time_s"],) * 2 for row in rows]
    scales = [1000 / row["batch_size"] for row in rows]
    above = [s * high - t for s, t, (_, high) in zip(scales, times, intervals, strict=True)]
    below = [t - s * low for s, t, (low, _) in zip(scales, times, intervals, strict=True)]
    return go.Scatter(
        x=[row[key] for row in rows],
        y=times,
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
