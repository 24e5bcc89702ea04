"""A run directory with made-up candidates, as a search leaves it, for the dashboard's tests.

    python -m tests.results.dashboard.made_run RUN --candidates 1000 [--live]

``--live`` adds a candidate per second to the run, until Ctrl-C.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from results.candidate import Candidate, CurvePoint, State
from results.database import connect
from results.database_url import sqlite_url
from results.record import Record
from results.rows import CANDIDATES, to_row
from reward.step_time.measurement import StepTime
from search_space.architecture import Architecture
from search_space.space import Space
from search_space.space_file import parse_space, write_space
from search_space.spaces import small

BEGAN = 1_760_000_000.0  # Unix seconds
PAIRS, EPOCHS, WORKERS = 15, 10, 4
DEVICE = "Intel(R) Xeon(R) Processor, 1 thread"


def make_run(
    path: Path,
    count: int,
    space: Space | None = None,
    seed: int = 0,
    run_id: str = "made",
    **changes: Any,
) -> Record:
    """Make a run with ``count`` candidates, 0 is the backbone; return its open record.

    ``changes`` are settings other than usual.
    """
    space = space or small()
    path.mkdir(parents=True, exist_ok=True)
    url = sqlite_url(path.absolute() / "record.sqlite")
    record = Record.open(url, run_id)
    record.create(settings(space, seed, **changes))
    run = {"schema_version": 1, "run_id": run_id, "storage": None}
    (path / "run.json").write_text(json.dumps(run))
    _insert(url, run_id, made_candidates(space, count, seed))
    return record


def settings(space: Space, seed: int = 0, **changes: Any) -> dict[str, Any]:
    """Return the settings of a search on the digits."""
    return {
        "data": "digits",
        "data_fingerprint": "0" * 16,
        "image_size": 32,
        "classes": 10,
        "in_channels": 1,
        "space": write_space(space),
        "sampler": "random",
        "seed": seed,
        "budget": 2000,
        "max_failures": 1000,
        "epochs": EPOCHS,
        "batch_size": 128,
        "time_limit_s": 3600.0,
        **changes,
    }


def add(record: Record, candidates: Iterable[Candidate]) -> None:
    """Add candidates as they are, each in one transaction."""
    for candidate in candidates:
        record.start(candidate)


def _insert(url: str, run_id: str, candidates: Iterable[Candidate]) -> None:
    """Insert candidates in one transaction, since the record would sync the disk after each."""
    rows = [{"run_id": run_id, **to_row(candidate)} for candidate in candidates]
    if rows:
        engine = connect(url)
        with engine.begin() as connection:
            connection.execute(insert(CANDIDATES), rows)
        engine.dispose()


def made_candidates(space: Space, count: int, seed: int = 0) -> list[Candidate]:
    """Return candidates with accuracy and step time computed from their stages; some failed."""
    return [made_candidate(space, number, seed) for number in range(count)]


def made_candidate(space: Space, number: int, seed: int = 0) -> Candidate:
    """Return the same candidate at each call; number 0 is the backbone and complete."""
    generator = random.Random(f"{seed} {number}")
    architecture = space.sample(generator) if number else space.backbone
    parameters = _parameters(architecture)
    started = BEGAN + 30.0 * (number // WORKERS) + 7.0 * (number % WORKERS)
    candidate = Candidate(
        number=number,
        state=State.COMPLETE,
        architecture=architecture,
        seed=generator.getrandbits(62),
        proposal=space.encode(architecture),
        parameters=parameters,
        multiply_adds=parameters * 140,
        reference_parameters=_parameters(space.backbone),
        step_time=_step_time(architecture, space, generator),
        worker=f"node-{number % WORKERS}",
        started_at=started,
        finished_at=started + 25.0 + generator.random(),
        phases_s={"build": 0.05, "count": 0.1, "step_time": 2.5, "training": 22.0},
        versions={"python": "3.11.2", "torch": "2.13.0", "git_commit": "0" * 40},
    )
    ending = generator.random() if number else 1.0
    if ending < 0.04:
        cause = generator.choice(["out_of_memory", "diverged", "time_limit"])
        return replace(candidate, state=State.FAILED, cause=cause, detail=f"{cause} at epoch 3")
    if ending < 0.07:
        return replace(candidate, state=State.INFEASIBLE, cause="parameters", detail="too many")
    curve = _curve(_accuracy(architecture, generator), generator)
    if ending < 0.12:
        stopped = replace(candidate, state=State.STOPPED, cause="unpromising", curve=curve[:4])
        return replace(stopped, accuracy=curve[3].accuracy)
    return replace(candidate, curve=curve, accuracy=curve[-1].accuracy)


def _parameters(architecture: Architecture) -> int:
    """Return roughly the number of a network's parameters."""
    return 5000 + sum(
        block.in_channels * block.hidden_channels
        + block.hidden_channels * block.out_channels
        + block.hidden_channels * block.kernel**2
        for block in architecture.blocks()
    )


def _cost(architecture: Architecture) -> float:
    return sum(
        (1.0 if block.operator == "mbconv" else 0.7) * math.sqrt(block.hidden_channels)
        for block in architecture.blocks()
    )


def _step_time(architecture: Architecture, space: Space, generator: random.Random) -> StepTime:
    cost, reference_cost = _cost(architecture), _cost(space.backbone)
    drift = [generator.uniform(0.95, 1.15) for _ in range(PAIRS)]
    noise = [generator.gauss(1, 0.02) for _ in range(2 * PAIRS)]
    return StepTime(
        samples_s=tuple(0.002 * cost * d * n for d, n in zip(drift, noise[:PAIRS], strict=True)),
        reference_samples_s=tuple(
            0.002 * reference_cost * d * n for d, n in zip(drift, noise[PAIRS:], strict=True)
        ),
        peak_memory_bytes=int(3e7 + 2e6 * cost),
        device=DEVICE,
        image_size=32,
        batch_size=128,
        is_precise=True,
    )


def _accuracy(architecture: Architecture, generator: random.Random) -> float:
    depth = sum(stage.layers for stage in architecture.stages)
    kernels = sum(stage.kernel == 5 for stage in architecture.stages)
    last = architecture.stages[-1]
    score = 0.6 + 0.25 * math.log(depth) + 0.05 * kernels + 0.05 * last.expansion
    return min(0.999, 1 - 0.25 * math.exp(-score) - 0.01 * generator.random())


def _curve(accuracy: float, generator: random.Random) -> tuple[CurvePoint, ...]:
    return tuple(
        CurvePoint(
            epoch=epoch,
            loss=2.3 * math.exp(-epoch / 3) + 0.02 * generator.random(),
            accuracy=accuracy * (1 - 0.6 * math.exp(-epoch / 1.5)) if epoch < EPOCHS else accuracy,
            elapsed_s=2.2 * epoch,
        )
        for epoch in range(1, EPOCHS + 1)
    )


def _add_live(path: Path) -> None:
    """Add candidates as a search does: started, then finished."""
    record = Record.read(sqlite_url(path.absolute() / "record.sqlite"), "made")
    space = parse_space(str(record.settings()["space"]))
    with record:
        for number in range(len(record.candidates()), 10**9):
            now = time.time()
            candidate = replace(made_candidate(space, number), started_at=now)
            record.start(replace(candidate, state=State.RUNNING, curve=(), accuracy=None))
            time.sleep(1)
            record.finish(replace(candidate, finished_at=time.time()))


def main() -> None:
    """Make the run unless it exists; with ``--live`` add candidates to it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--candidates", type=int, default=1000)
    parser.add_argument("--live", action="store_true")
    options = parser.parse_args()
    if not (options.run / "run.json").exists():
        make_run(options.run, options.candidates).close()
    if options.live:
        _add_live(options.run)


if __name__ == "__main__":
    main()
