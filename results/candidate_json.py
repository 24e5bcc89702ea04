"""A candidate with all that is computed from it, in the keys of the command line's JSON."""

from __future__ import annotations

from typing import Any

from results.candidate import Candidate, State
from results.ranking import reward
from results.scaled_from import coefficients
from results.step_time_json import step_time_json
from reward.objective import Objective


def candidate_json(candidate: Candidate, objective: Objective) -> dict[str, Any]:
    """One candidate in JSON types; null for what is not known.

    A proxy trains and validates at one image size. ``epochs`` are those that were spent,
    ``stopped_at`` the one at whose end training was stopped, 0 if it never began. ``coefficients``
    are alpha, beta and gamma in a run of ``nas scale --fit``.
    """
    architecture = candidate.architecture.to_json()
    return {
        "number": candidate.number,
        "name": name(candidate),
        "state": candidate.state.value,
        "cause": candidate.cause,
        "detail": candidate.detail,
        "seed": candidate.seed,
        "accuracy": candidate.accuracy,
        **step_time_json(candidate.step_time),
        "reward": reward(candidate, objective),
        "coefficients": coefficients(candidate),
        "architecture_id": candidate.architecture.architecture_id,
        "confirms": candidate.confirms,
        "parameters": candidate.parameters,
        "multiply_adds": candidate.multiply_adds,
        "image_size": image_size_json(candidate),
        "epochs": len(candidate.curve),
        "stopped_at": len(candidate.curve) if candidate.state is State.STOPPED else None,
        "training_s": candidate.phases_s.get("training"),
        **architecture,
    }


def name(candidate: Candidate) -> str:
    """What a candidate is called outside its run."""
    return f"candidate-{candidate.number}"


def image_size_json(candidate: Candidate) -> dict[str, int] | None:
    """Train and eval size in pixels; null where the step was not timed."""
    timed = candidate.step_time
    return None if timed is None else {"train": timed.image_size, "eval": timed.image_size}
