"""Measure how well multiply-adds and parameters predict the step time, by rank correlation.

python -m benchmarks.cost_models [TABLE]    # a run's candidates.csv, or a table of `nas replay`
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

SHIPPED = Path(__file__).with_name("small_on_shapes.csv")
RESAMPLES = 2000


def main() -> None:
    """Print n, Spearman's correlations with their 95 % bootstrap intervals, and the device."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else SHIPPED
    table = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    timed = table.dropna(subset=["normalized_step_time"])
    print(f"n = {len(timed)} networks, measured on {', '.join(timed['device'].unique())}")
    for column in ("multiply_adds", "parameters"):
        value, low, high = _rank_correlation(timed, column)
        print(f"step time and {column}: Spearman {value:.2f} ({low:.2f} to {high:.2f})")


def _rank_correlation(table: pd.DataFrame, column: str) -> tuple[float, float, float]:
    generator = np.random.default_rng(0)
    pair = table[["normalized_step_time", column]].astype(float)
    samples = (generator.integers(len(pair), size=len(pair)) for _ in range(RESAMPLES))
    low, high = np.quantile([_spearman(pair.iloc[rows]) for rows in samples], [0.025, 0.975])
    return _spearman(pair), float(low), float(high)


def _spearman(pair: pd.DataFrame) -> float:
    return float(np.corrcoef(pair.rank().to_numpy(), rowvar=False)[0, 1])


if __name__ == "__main__":
    main()
