"""Measure the cost of the record: write candidates in transactions, and read them back.

python -m benchmarks.record [--candidates 10000] [--repeats 3]  # 5 to 90 s per repeat
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from results.candidate import Candidate, CurvePoint, State
from results.database_url import sqlite_url
from results.record import Record
from reward.step_time.clocks import processor_name
from reward.step_time.measurement import StepTime
from search_space.published import EFFICIENTNETV2_S


def main() -> None:
    """Print n, the spread of the seconds, the size of a candidate and the machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candidates", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--directory", help="where to write (default: the system's temporary directory)"
    )
    options = parser.parse_args()
    candidates = list(_candidates(options.candidates))
    print(_machine())
    print(f"n = {options.candidates} candidates, {options.repeats} repeats, SQLite (WAL, FULL)")
    runs = [_measure(candidates, options.directory) for _ in range(options.repeats)]
    for name, values in zip(
        ("start and finish", "read back"), zip(*runs, strict=True), strict=False
    ):
        seconds = [round(value, 2) for value in sorted(values)]
        rate = options.candidates / seconds[len(seconds) // 2]
        print(f"{name}: {seconds} s, median {rate:.0f} candidates/s")
    print(f"size: {runs[0][2]:.0f} bytes per candidate")


def _measure(candidates: list[Candidate], directory: str | None) -> tuple[float, float, float]:
    """Return the seconds to write and to read, and bytes per candidate."""
    with tempfile.TemporaryDirectory(dir=directory) as folder:
        file = Path(folder) / "record.sqlite"
        begin = time.perf_counter()
        with Record.open(sqlite_url(file), "benchmark") as record:
            record.create({})
            for candidate in candidates:
                record.start(replace(candidate, state=State.RUNNING, curve=(), step_time=None))
                record.finish(candidate)
        written = time.perf_counter()
        with Record.read(sqlite_url(file), "benchmark") as record:
            read = record.candidates()
        end = time.perf_counter()
        if read != candidates:
            raise SystemExit("the candidates read differ from those written")
        return written - begin, end - written, file.stat().st_size / len(candidates)


def _candidates(count: int) -> Iterator[Candidate]:
    """Yield complete candidates with random layers, 10 epochs and 15 pairs of timed steps."""
    generator = random.Random(0)
    for number in range(count):
        layers = [generator.randint(1, 8) for _ in EFFICIENTNETV2_S.stages]
        stages = zip(EFFICIENTNETV2_S.stages, layers, strict=True)
        yield Candidate(
            number=number,
            state=State.COMPLETE,
            architecture=replace(
                EFFICIENTNETV2_S, stages=tuple(replace(s, layers=n) for s, n in stages)
            ),
            seed=generator.getrandbits(62),
            accuracy=generator.random(),
            parameters=generator.randrange(10**8),
            multiply_adds=generator.randrange(10**10),
            reference_parameters=10**7,
            step_time=StepTime(
                _floats(generator, 15), _floats(generator, 15), 10**9, "cpu", 32, 128
            ),
            curve=tuple(CurvePoint(epoch, *_floats(generator, 3)) for epoch in range(1, 11)),
            worker="node-a",
            started_at=1.7e9 + generator.random(),
            finished_at=1.7e9 + 60 + generator.random(),
            phases_s=dict(zip(("build", "timing", "training"), _floats(generator, 3), strict=True)),
            versions={"python": "3.11.2", "torch": "2.13.0", "git_commit": "0" * 40},
        )


def _floats(generator: random.Random, count: int) -> tuple[float, ...]:
    return tuple(generator.random() for _ in range(count))


def _machine() -> str:
    versions = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    return f"{processor_name()}, {os.cpu_count()} cores, {versions}"


if __name__ == "__main__":
    main()
