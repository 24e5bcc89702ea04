"""Durations, costs, and counts as people read them."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Return a rounded duration, such as 40 s, 12 min, 3.5 h or 2.1 days."""
    for limit, scale, unit in ((90, 1, "s"), (5400, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            number = seconds / scale
            return f"{number:.1f} {unit}" if unit == "h" else f"{number:.0f} {unit}"
    return f"{seconds / 86_400:.1f} days"


def duration_range(low_s: float, high_s: float) -> str:
    """Return two rounded durations, such as 25 to 31 min, or one if both are the same."""
    low, high = duration(low_s), duration(high_s)
    if low == high:
        return high
    (low_number, low_unit), high_unit = low.split(), high.split()[1]
    return f"{low_number if low_unit == high_unit else low} to {high}"


def cost_range(cost: tuple[float, float]) -> str:
    """Return two rounded costs, such as 4.10 to 4.45, or one if both are the same."""
    low, high = (f"{c:,.0f}" if cost[1] >= 10 else f"{c:.2f}" for c in cost)
    return high if low == high else f"{low} to {high}"


def short_count(count: int | None) -> str:
    """Return a count in three digits, such as 21.5 M or 2.87 G; None gives an empty text."""
    if count is None:
        return ""
    for scale, unit in ((10**9, " G"), (10**6, " M"), (10**3, " k")):
        if count >= scale:
            return f"{count / scale:.3g}{unit}"
    return str(count)
