"""What earlier runs measured, as points of this run's space, for samplers that learn from it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nas.errors import UserError
from nas.run_directory import open_run
from results.candidate import Candidate, State
from results.database import RecordError
from results.ranking import normalized_step_time
from search_space import bounds
from search_space.architecture import Architecture
from search_space.choices import Option
from search_space.space import Point, Space
from search_space.space_file import parse_space

FEWEST_CANDIDATES = 8
"""Complete candidates that an earlier run must have in the space of this one."""
MOST_CANDIDATES = 400
"""Candidates that are kept of a run, since fitting a model takes the cube of their number."""

_DIGITS = 6  # significant ones, of accuracies and S/S0


@dataclass(frozen=True)
class EarlierCandidate:
    """A candidate of an earlier run.

    ``point`` is in the space of the run that learns. ``curve`` holds the accuracy after each epoch,
    in [0, 1]; it is empty for a candidate that was timed but not trained. ``step_time`` is S/S0,
    relative to the backbone of the earlier run.
    """

    point: Point
    curve: tuple[float, ...]
    is_complete: bool
    step_time: float


@dataclass(frozen=True)
class EarlierRun:
    """The candidates of an earlier run that a sampler learns from, and where they came from."""

    name: str
    data: str
    device: str
    candidates: tuple[EarlierCandidate, ...]

    @classmethod
    def of(
        cls, name: str, candidates: Iterable[Candidate], settings: Mapping[str, Any], space: Space
    ) -> EarlierRun:
        """Return what a run's candidates tell about ``space``, at most 400 of them, evenly chosen.

        A candidate counts if each of its stages has an operator, layers, and so on that the same
        stage of ``space`` may have. Channels, strides, and the image size may differ.

        Raises:
            ValueError: it tells too little; the message says why.
        """
        timed = [
            candidate
            for candidate in candidates
            if candidate.confirms is None and candidate.state in _TOLD and candidate.step_time
        ]
        to_point = _PointMapping(settings, space)
        mapped = [(to_point(candidate.architecture), candidate) for candidate in timed]
        known = [(point, candidate) for point, candidate in mapped if point]
        complete = sum(candidate.state is State.COMPLETE for _, candidate in known)
        if complete < FEWEST_CANDIDATES:
            raise ValueError(
                f"has {complete} complete candidates with operators, layers, kernels, and "
                f"expansions of the space {space.name}, must have {FEWEST_CANDIDATES} or more"
            )
        kept = known[:: math.ceil(len(known) / MOST_CANDIDATES)]
        return cls(
            name,
            str(settings.get("data", "")),
            (timed[0].step_time and timed[0].step_time.device) or "",
            tuple(_earlier(point, candidate) for point, candidate in kept),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the run in JSON types, a column for each quantity."""
        names = list(self.candidates[0].point)
        return {
            "run": self.name,
            "data": self.data,
            "device": self.device,
            "choices": names,
            "points": [[each.point[name] for name in names] for each in self.candidates],
            "curves": [list(each.curve) for each in self.candidates],
            "complete": [each.is_complete for each in self.candidates],
            "step_times": [each.step_time for each in self.candidates],
        }

    @classmethod
    def from_json(
        cls, data: Mapping[str, Any], options: Mapping[str, Sequence[Option]]
    ) -> EarlierRun:
        """Return the run that :meth:`to_json` wrote; ``options`` are those of the space.

        Raises:
            KeyError, TypeError, ValueError: a value is missing, of another type, or not possible.
        """
        names = list(data["choices"])
        if names != list(options):
            raise ValueError(f"learn_from: choices: must be those of the space, {len(options)}")
        columns = (data["points"], data["curves"], data["complete"], data["step_times"])
        rows = zip(*columns, strict=True)
        candidates = tuple(_read(row, options) for row in rows)
        if not FEWEST_CANDIDATES <= len(candidates) <= MOST_CANDIDATES:
            raise ValueError(
                f"learn_from: got {len(candidates)} candidates, must be {FEWEST_CANDIDATES} to "
                f"{MOST_CANDIDATES}"
            )
        if not any(each.is_complete for each in candidates):
            raise ValueError("learn_from: must have complete candidates")
        name, images, device = (
            bounds.text(key, data[key], bounds.MOST_TEXT) for key in ("run", "data", "device")
        )
        return cls(name, images, device, candidates)

    def __str__(self) -> str:
        """Say in words what there is to learn from."""
        device = f", timed on {self.device}" if self.device else ""
        return f"{self.name}: {len(self.candidates)} candidates of {self.data}{device}"


def find_earlier_runs(paths: Sequence[Path], space: Space) -> list[EarlierRun]:
    """Return what the runs in these directories tell about the space, each once.

    Raises:
        UserError: one is no run, cannot be read, or tells too little.
    """
    unique = {path.absolute(): path for path in paths}
    return [_find(path, space) for path in unique.values()]


def _find(path: Path, space: Space) -> EarlierRun:
    try:
        with open_run(path, "--learn-from").read_record() as record:
            return EarlierRun.of(str(path), record.candidates(), record.settings(), space)
    except RecordError as error:
        raise UserError(f"--learn-from: {error}", exit_code=1) from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"--learn-from: {path}: {error}") from error


# Points of another space.

_TOLD = frozenset({State.COMPLETE, State.STOPPED, State.INFEASIBLE})


class _PointMapping:
    """Finds the point of the space that has the choices of an earlier run's architecture."""

    def __init__(self, settings: Mapping[str, Any], space: Space) -> None:
        if settings.get("fit"):
            raise ValueError("is a run of nas scale --fit, must be one of nas search")
        self._space, self._options = space, space.options()
        self._earlier = parse_space(str(settings["space"]))
        count, must = len(self._earlier.choices), len(space.choices)
        if count != must:
            raise ValueError(
                f"searched {count} stages, must be as many as the space {space.name} has, {must}"
            )

    def __call__(self, architecture: Architecture) -> Point:
        """Return the point, or an empty one if a choice is not among the space's options."""
        if self._space.contains(architecture):
            return self._space.encode(architecture)
        earlier = self._earlier.point_of(architecture)
        point = dict(self._translated(architecture, earlier)) if earlier else {}
        is_possible = all(point.get(name) in options for name, options in self._options.items())
        return point if is_possible else {}

    def _translated(
        self, architecture: Architecture, earlier: Point
    ) -> Iterator[tuple[str, Option]]:
        """Yield the choices by name; of a stage left out, each choice's first option."""
        stages = iter(architecture.stages)
        for i, choices in enumerate(self._space.choices, 1):
            stage = next(stages) if earlier[f"stage{i}.layers"] else None
            for name, options in choices.options().items():
                absent = 0 if name == "layers" else options[0]
                yield f"stage{i}.{name}", getattr(stage, name) if stage else absent


def _earlier(point: Point, candidate: Candidate) -> EarlierCandidate:
    curve = tuple(_rounded(epoch.accuracy) for epoch in candidate.curve)
    is_complete = candidate.state is State.COMPLETE
    if is_complete and not curve and candidate.accuracy is not None:
        curve = (_rounded(candidate.accuracy),)
    step_time = normalized_step_time(candidate) or math.nan
    return EarlierCandidate(point, curve, is_complete and bool(curve), _rounded(step_time))


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def _read(row: tuple[Any, ...], options: Mapping[str, Sequence[Option]]) -> EarlierCandidate:
    values, accuracies, is_complete, step_time = row
    point: Point = {}
    for (name, may_be), value in zip(options.items(), values, strict=True):
        if value not in may_be:
            raise ValueError(f"learn_from: {name}: got {bounds.shown(value)}, must be an option")
        point[name] = may_be[may_be.index(value)]
    curve = tuple(bounds.real("learn_from: accuracy", value, 1.0) for value in accuracies)
    bounds.real("learn_from: step_time", step_time, bounds.MOST_STEP_S, bounds.LEAST_STEP_S)
    if not isinstance(is_complete, bool) or (is_complete and not curve):
        raise ValueError("learn_from: complete: must be true or false, and true with a curve alone")
    return EarlierCandidate(point, curve, is_complete, step_time)
