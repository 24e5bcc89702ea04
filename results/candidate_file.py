"""The architecture file of any candidate of a run: the winner's is best.json."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from results.architecture_file import ArchitectureFile, scaling_provenance
from results.candidate import Candidate, candidate_name
from results.files import best_file, winner_file
from results.noise import outcomes
from results.ranking import confirmation_json, confirmed, recorded_objective, winner
from results.verdict import find_verdict
from reward.objective import Objective
from search_space import bounds
from search_space.task import Task


class NoSuchCandidate(LookupError):
    """A run has no candidate of a number; the message is one line with those it has."""


def candidate_file(
    candidates: Iterable[Candidate], number: int, settings: Mapping[str, Any], run_id: str
) -> ArchitectureFile:
    """Return the architecture file of candidate ``number``, with its measurements and origin.

    It is best.json's content for the winner. Any other candidate that was trained again has the
    result of that too. A candidate need not be complete: its architecture is known all the same.

    Raises:
        NoSuchCandidate: the run has no such candidate.
        ValueError: the settings lack the task or the image size, or hold another form of reward.
    """
    candidates = list(candidates)
    by_number = {candidate.number: candidate for candidate in candidates}
    if number not in by_number:
        numbers = f"it has {min(by_number)} to {max(by_number)}" if by_number else "it has none yet"
        raise NoSuchCandidate(f"no candidate {number}: {numbers}")
    candidate = by_number[number]
    objective = recorded_objective(settings)
    chosen = winner(candidates, objective)
    if chosen is not None and chosen.number == number:
        verdict = find_verdict(outcomes(candidates), objective, settings)
        best = best_file(candidates, objective, run_id, _task(settings), settings, verdict)
        assert best is not None
        return best
    results = confirmed(candidates, objective)
    again = next((each for each in results if each.candidate.number == number), None)
    confirmation = confirmation_json(again, results) if again else None
    return single_file(candidate, settings, run_id, objective, confirmation)


def single_file(
    candidate: Candidate,
    settings: Mapping[str, Any],
    run_id: str,
    objective: Objective,
    confirmation: Mapping[str, object] | None = None,
) -> ArchitectureFile:
    """Return a candidate's architecture file, without a comparison with others of its run.

    ``confirmation`` is the result of training it again (:func:`results.ranking.confirmation_json`).

    Raises:
        ValueError: the settings lack the task or the image size.
    """
    task = _task(settings)
    if candidate.step_time is not None:
        return winner_file(candidate, objective, run_id, task, confirmation, settings)
    size = recorded_size(candidate, settings)
    return ArchitectureFile(
        candidate_name(candidate),
        candidate.architecture,
        size,
        size,
        task,
        candidate.parameters,
        candidate.multiply_adds,
        provenance={
            **scaling_provenance(candidate, settings),
            "run": run_id,
            "candidate": candidate.number,
            "seed": candidate.seed,
        },
    )


def recorded_size(candidate: Candidate, settings: Mapping[str, Any]) -> int:
    """Return the image size in pixels that a candidate has, or would have been trained at.

    Raises:
        ValueError: neither the candidate nor the settings hold one.
    """
    size = candidate.step_time.image_size if candidate.step_time else candidate.image_size
    known = settings.get("image_size") if size is None else size
    return bounds.whole("image_size", known, bounds.MOST_IMAGE_SIZE)


def _task(settings: Mapping[str, Any]) -> Task:
    return Task(
        bounds.whole("classes", settings.get("classes"), bounds.MOST_CLASSES),
        bounds.whole("in_channels", settings.get("in_channels"), bounds.MOST_IMAGE_CHANNELS),
    )
