"""``nas bench --calibrate``: the step times of a run's candidates, mapped to this device."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, median
from typing import Any

from nas.architectures import find_architecture
from nas.bench.measure import DEFAULT_CAP_S, Row
from nas.bench.prepare import PlannedRow
from nas.bench.step_time_map import StepTimeMap, fit_map, left_out_errors, spread_out
from nas.errors import UserError
from nas.run_directory import open_run
from results.architecture_file import ArchitectureFile
from results.candidate import Candidate, State
from results.database import RecordError
from results.ranking import normalized_step_time, ranked, recorded_objective
from reward.objective import Objective
from reward.step_time.measurement import StepTime, normalized, reference_median_s
from search_space.space_file import parse_space
from search_space.task import Task

FEWEST_NETWORKS = 5
DEFAULT_NETWORKS = 7


@dataclass(frozen=True)
class CalibrationRequest:
    """The arguments of ``nas bench --calibrate``: which run, and which of its networks to measure.

    Without ``archs``, ``networks`` of them are chosen, spread over step time.
    """

    run: Path
    archs: Sequence[str] = ()
    networks: int = DEFAULT_NETWORKS
    cap_s: float = DEFAULT_CAP_S
    is_compiled: bool | None = None


@dataclass(frozen=True)
class CalibrationPlan:
    """The candidates of a run that were timed and trained, and the networks to measure here."""

    run: str
    candidates: Sequence[Candidate]
    objective: Objective
    rows: Sequence[tuple[Candidate, PlannedRow]]


def plan_calibration(request: CalibrationRequest) -> CalibrationPlan:
    """Return what to measure.

    Raises:
        UserError: there is no such run, it has too few candidates, or an ARCH is not among them.
    """
    try:
        with open_run(request.run, "--calibrate").read_record() as record:
            candidates, settings = record.candidates(), record.settings()
        objective = recorded_objective(settings)
        if settings.get("fit"):
            raise ValueError("is a run of nas scale --fit, must be one of nas search")
        backbone = parse_space(str(settings["space"])).backbone
        task = Task(int(settings["classes"]), int(settings["in_channels"]))
    except RecordError as error:
        raise UserError(f"--calibrate: {error}", exit_code=1) from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"--calibrate: {request.run}: {error}") from error
    timed = _timed(candidates)
    if len(timed) < FEWEST_NETWORKS:
        raise UserError(
            f"--calibrate: got {request.run}, which has {len(timed)} complete candidates with a "
            f"step time, must have {FEWEST_NETWORKS} or more"
        )
    chosen = _named(request, timed) if request.archs else _spread(timed, request.networks)
    recorded = bool(settings.get("is_compiled"))
    is_compiled = recorded if request.is_compiled is None else request.is_compiled

    def planned(candidate: Candidate) -> PlannedRow:
        step_time = _step_time(candidate)
        size = step_time.image_size
        name = f"{request.run}#{candidate.number}"
        return PlannedRow(
            ArchitectureFile(name, candidate.architecture, size, size, task),
            ArchitectureFile("the run's backbone", backbone, size, size, task),
            step_time.batch_size,
            is_compiled,
        )

    rows = [(candidate, planned(candidate)) for candidate in chosen]
    return CalibrationPlan(str(request.run), timed, objective, rows)


def _timed(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the complete candidates that were timed, each network once."""
    networks = {
        candidate.architecture.architecture_id: candidate
        for candidate in reversed(candidates)
        if candidate.state is State.COMPLETE
        and candidate.confirms is None
        and candidate.step_time is not None
        and None not in (candidate.accuracy, candidate.parameters, candidate.reference_parameters)
    }
    return sorted(networks.values(), key=lambda candidate: candidate.number)


def _named(request: CalibrationRequest, timed: Sequence[Candidate]) -> list[Candidate]:
    """Return the candidates with the architectures of the request, each once."""
    known = {candidate.architecture.architecture_id: candidate for candidate in timed}
    chosen: dict[str, Candidate] = {}
    for arch in request.archs:
        key = find_architecture(arch).architecture.architecture_id
        if key not in known:
            raise UserError(
                f"ARCH: got {arch}, which is no complete candidate of {request.run}, must be one, "
                f"such as {request.run}#{timed[0].number}"
            )
        chosen[key] = known[key]
    if len(chosen) < FEWEST_NETWORKS:
        raise UserError(
            f"ARCH: got {len(chosen)} different networks, must be {FEWEST_NETWORKS} or more with "
            "--calibrate, or none"
        )
    return list(chosen.values())


def _spread(timed: Sequence[Candidate], count: int) -> list[Candidate]:
    return [timed[i] for i in spread_out([normalized(_step_time(c)) for c in timed], count)]


def _step_time(candidate: Candidate) -> StepTime:
    assert candidate.step_time is not None  # by _timed
    return candidate.step_time


@dataclass(frozen=True)
class Ranked:
    """A candidate with its reward here and its ranks, from 1, there and here.

    ``step_time`` is S/S0 here: measured, or mapped.
    """

    candidate: Candidate
    step_time: float
    is_measured: bool
    reward: float
    rank: int
    rank_there: int


@dataclass(frozen=True)
class Calibration:
    """The map from a run's step times to this device, its errors, and the ranking by it.

    ``pairs`` are S/S0 of the measured networks there and here, by the number of their candidates,
    and ``errors`` the relative error of each by the map of the others. ``reference_step_time_s`` is
    S0 here.
    """

    run: str
    device: str
    device_there: str
    map: StepTimeMap
    pairs: Mapping[int, tuple[float, float]]
    errors: Sequence[float]
    reference_step_time_s: float
    ranking: Sequence[Ranked]

    @property
    def median_error(self) -> float:
        """The median of the errors' sizes, a share of the step time."""
        return median(map(abs, self.errors))

    def to_json(self) -> dict[str, Any]:
        """Return the calibration in JSON types: S/S0, seconds, and errors as shares."""
        return {
            "run": self.run,
            "device": self.device,
            "run_device": self.device_there,
            "reference_step_time_s": self.reference_step_time_s,
            "map": {"slope": self.map.slope, "intercept": self.map.intercept},
            "error": {
                "networks": len(self.errors),
                "median": self.median_error,
                "rms": math.sqrt(fmean(error**2 for error in self.errors)),
                "largest": max(map(abs, self.errors)),
            },
            "networks": [
                {
                    "number": number,
                    "run_normalized_step_time": there,
                    "normalized_step_time": here,
                    "error": error,
                }
                for (number, (there, here)), error in zip(
                    self.pairs.items(), self.errors, strict=True
                )
            ],
            "candidates": [_ranked_json(each, self.reference_step_time_s) for each in self.ranking],
        }


def _ranked_json(ranked: Ranked, reference_step_time_s: float) -> dict[str, Any]:
    candidate = ranked.candidate
    return {
        "rank": ranked.rank,
        "run_rank": ranked.rank_there,
        "number": candidate.number,
        "architecture_id": candidate.architecture.architecture_id,
        "reward": ranked.reward,
        "accuracy": candidate.accuracy,
        "parameters": candidate.parameters,
        "normalized_step_time": ranked.step_time,
        "step_time_s": ranked.step_time * reference_step_time_s,
        "is_measured": ranked.is_measured,
        "run_normalized_step_time": normalized_step_time(candidate),
    }


def calibrated(plan: CalibrationPlan, rows: Sequence[tuple[Candidate, Row]]) -> Calibration:
    """Return the calibration by the rows that could be measured.

    Raises:
        UserError: these are too few; the message has the first reason.
    """
    measured = [
        (candidate, row.measurement.step_time)
        for candidate, row in rows
        if row.measurement is not None
    ]
    if len(measured) < FEWEST_NETWORKS:
        problems = [row.problem for _, row in rows if row.problem]
        reason = f": {problems[0]}" if problems else ""
        raise UserError(
            f"--calibrate: {len(measured)} networks were measured, must be {FEWEST_NETWORKS} or "
            f"more{reason}",
            exit_code=1,
        )
    pairs = {
        candidate.number: (normalized(_step_time(candidate)), normalized(here))
        for candidate, here in measured
    }
    reference_s = median(reference_median_s(here) for _, here in measured)
    fitted = fit_map(list(pairs.values()))
    return Calibration(
        plan.run,
        measured[0][1].device,
        _step_time(plan.candidates[0]).device,
        fitted,
        pairs,
        left_out_errors(list(pairs.values())),
        reference_s,
        _ranking(plan, pairs, fitted, reference_s),
    )


def _ranking(
    plan: CalibrationPlan,
    pairs: Mapping[int, tuple[float, float]],
    fitted: StepTimeMap,
    reference_s: float,
) -> list[Ranked]:
    """Return the candidates by their reward here, the best first; of equals the lower number."""
    there = ranked(plan.candidates, plan.objective)
    ranks = {candidate.number: rank for rank, (_, candidate) in enumerate(there, 1)}
    known = {candidate.number: candidate for candidate in plan.candidates}

    def moved(candidate: Candidate) -> Candidate:
        """Return the candidate with its step time on this device."""
        pair, step_time = pairs.get(candidate.number), _step_time(candidate)
        step_s = reference_s * (pair[1] if pair else fitted(normalized(step_time)))
        here = replace(step_time, samples_s=(step_s,), reference_samples_s=(reference_s,))
        return replace(candidate, step_time=here)

    here = ranked(map(moved, plan.candidates), plan.objective)
    return [
        Ranked(
            known[candidate.number],
            normalized(_step_time(candidate)),
            candidate.number in pairs,
            value,
            rank,
            ranks[candidate.number],
        )
        for rank, (value, candidate) in enumerate(here, 1)
    ]
