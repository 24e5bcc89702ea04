"""The metric of a run: what a candidate's A is, how it is called, and how its noise is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ACCURACY, TOP_5 = "accuracy", "top5"
_LONGEST_SHORT = 12  # characters


@dataclass(frozen=True)
class Metric:
    """A measure of a network on the minival, in [0, 1], higher is better, shown in per cent.

    ``name`` is that of ``--metric``: one of :data:`METRICS`, or a user's function as
    ``package.module:attribute``. ``title`` stands in sentences, ``short`` in the heads of tables.
    With ``is_share``, it is a share of the images, so its interval follows from a formula
    (:func:`results.noise.wilson_interval`); that of others is estimated from resampled images.
    """

    name: str
    title: str
    short: str
    is_share: bool = False


METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(ACCURACY, "accuracy", "acc.", is_share=True),
        Metric("balanced_accuracy", "balanced accuracy", "bal. acc."),
        Metric("macro_f1", "macro F1", "macro F1"),
        Metric(TOP_5, "top-5 accuracy", "top-5", is_share=True),
        Metric("auroc", "AUROC", "AUROC"),
        Metric("map", "mean average precision", "mAP"),
    )
}
"""The metrics that come with the tool, by name; ``nas.metrics`` computes them."""


def describe_metric(name: str) -> Metric:
    """Return the metric of a name; any that is not ours is a user's, titled by its attribute."""
    if name in METRICS:
        return METRICS[name]
    words = name.rpartition(":")[2].rpartition(".")[2].replace("_", " ").strip() or name
    short = words if len(words) <= _LONGEST_SHORT else words[: _LONGEST_SHORT - 1] + "."
    return Metric(name, words, short)


def recorded_metric(settings: Mapping[str, Any]) -> Metric:
    """Return the metric of recorded settings; accuracy in those of releases without ``metric``."""
    return describe_metric(str(settings.get("metric") or ACCURACY))
