"""A page with the confusion matrix of ``nas evaluate``, which shows each count at the pointer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import plotly.graph_objects as go

from results.atomic import write_text

_MOST_WRITTEN = 20  # classes whose shares stand in their cells
_MOST_NAMED = 150  # classes that have a label on the axes
_LONGEST_NAME = 24  # characters on an axis
# Steeper at the beginning, so that a confusion of few images is seen.
_COLOURS = ((0, "#fbfdff"), (0.02, "#dbe9f6"), (0.1, "#a0cae4"), (0.35, "#4a93c8"), (1, "#0a2f66"))
_MARGIN, _CELL, _SMALLEST_CELL, _MOST_PIXELS = 260, 44, 13, 2400  # pixels


def write_confusion_plot(
    path: Path, counts: Sequence[Sequence[int]], names: Sequence[str], title: str
) -> Path:
    """Write the matrix as an HTML page that works offline.

    ``counts`` are how many images of each class, by row, were taken for each class, by column. The
    colour is the share of the class's images. Up to 20 classes, the share stands in each cell in
    per cent; with more, counts and names stand at the pointer, and any part can be enlarged.
    """
    sizes = [sum(row) for row in counts]
    shares = [
        [100 * count / size if size else None for count in row]
        for row, size in zip(counts, sizes, strict=True)
    ]
    classes = len(names)
    shown = [_plain(name) for name in names]
    texts = [
        [
            f"{own}<br>taken for {other}<br>{count:,} of {size:,} images"
            for other, count in zip(shown, row, strict=True)
        ]
        for own, row, size in zip(shown, counts, sizes, strict=True)
    ]
    cells = [[_share_text(share) for share in row] for row in shares]
    figure = go.Figure(
        go.Heatmap(
            z=shares,
            text=cells if classes <= _MOST_WRITTEN else None,
            texttemplate="%{text}" if classes <= _MOST_WRITTEN else None,
            customdata=texts,
            hovertemplate="%{customdata}<extra></extra>",
            colorscale=_COLOURS,
            zmin=0,
            zmax=100,
            colorbar={"title": {"text": "% of the class", "side": "right"}, "thickness": 12},
        )
    )
    places = list(range(classes)) if classes <= _MOST_NAMED else []
    cell = _CELL if classes <= _MOST_WRITTEN else _SMALLEST_CELL
    axis = {
        "tickvals": places,
        "ticktext": [_shortened(name) for name in names] if places else [],
        "tickfont": {"size": 12 if classes <= _MOST_WRITTEN else 9},
        "constrain": "domain",
        "showgrid": False,
        "zeroline": False,
    }
    side = min(_MOST_PIXELS, classes * cell) + _MARGIN
    figure.update_layout(
        template="plotly_white",
        title=_plain(title),
        width=max(520, side + 60),
        height=max(460, side),
        xaxis={**axis, "title": "taken for", "tickangle": -60, "scaleanchor": "y"},
        yaxis={**axis, "title": "class", "autorange": "reversed"},
    )
    return write_text(path, figure.to_html(include_plotlyjs=True))


def _share_text(share: float | None) -> str:
    """Return a share in per cent, empty for none."""
    if not share:
        return ""
    return f"{share:.0f}" if share >= 1 else "&lt;1"


def _plain(text: str) -> str:
    """Return a text that plotly does not take for HTML."""
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _shortened(name: str) -> str:
    return _plain(name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…")
