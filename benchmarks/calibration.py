"""How well a few networks map step times from one device to another.

python -m benchmarks.calibration [--draws 300] [--accel-nas-bench CSV]

The networks of recorded tables that were timed on two devices. Each draw takes 50 of them as a
run's candidates, measures a few of those on the other device, at random or spread over step time as
``nas bench --calibrate`` chooses them, and compares the mapped S/S0 of the others with what was
recorded there. The public table holds the training times of 117 networks on ImageNet, by a proxy
and in full (afzalxo/Accel-NASBench, data of its repository).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from statistics import fmean, median

import numpy as np
import pandas as pd

from nas.bench.step_time_map import fit_map, spread_out

HERE = Path(__file__).parent
TABLES = {
    "Xeon, 24 px, batch 32": HERE / "small_on_shapes_24px.parquet",
    "Xeon, 32 px, batch 32": HERE / "small_on_shapes.csv",
    "EPYC, 32 px, batch 64": HERE / "small_on_cifar10_32px.parquet",
}
RUN = 50  # candidates
COUNTS = (5, 7, 10)


def main() -> None:
    """Print the errors for each pair of devices and number of networks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=300)
    parser.add_argument("--accel-nas-bench", type=Path)
    options = parser.parse_args()
    times = pd.DataFrame({name: step_times(path) for name, path in TABLES.items()})
    for there in times:
        for here in times:
            if there != here:
                print_errors(f"{there} -> {here}", times[[there, here]].dropna(), options.draws)
    if options.accel_nas_bench:
        table = pd.read_csv(options.accel_nas_bench)
        wide = table.pivot_table("train_time_s", "number", "training", "median").dropna()
        print_errors("Accel-NASBench, proxy -> full", wide[["proxy", "full"]], options.draws)


def step_times(path: Path) -> pd.Series[float]:
    """Return S/S0 of a table's networks."""
    table = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    return table.set_index("architecture_id")["normalized_step_time"]


def print_errors(name: str, times: pd.DataFrame, draws: int) -> None:
    """Print median and 95 % quantile over draws of the median error, for both ways to choose."""
    values = [(float(there), float(here)) for there, here in times.to_numpy()]
    unmapped = median(abs(there / here - 1) for there, here in values)
    print(f"{name}, without a map: median error {100 * unmapped:.1f} %")
    for count in COUNTS:
        for way in ("at random", "spread out"):
            generator = np.random.default_rng(0)
            errors = [error(values, count, way, generator) for _ in range(draws)]
            print(
                f"{name}, {count} networks {way}: median error {100 * fmean(errors):.1f} %, "
                f"in 95 % of draws up to {100 * float(np.quantile(errors, 0.95)):.1f} % "
                f"({len(values)} networks, n = {draws} draws)",
                flush=True,
            )


def error(
    values: list[tuple[float, float]], count: int, way: str, generator: np.random.Generator
) -> float:
    """Return the median relative error of one draw's networks that were not measured here."""
    run = [values[i] for i in generator.permutation(len(values))[:RUN]]
    places = list(range(count)) if way == "at random" else spread_out([x for x, _ in run], count)
    fitted = fit_map([run[i] for i in places])
    others = [pair for i, pair in enumerate(run) if i not in places]
    return float(median(abs(fitted(there) / here - 1) for there, here in others))


if __name__ == "__main__":
    main()
