"""How much each choice of the space decides: importance by Optuna's PED-ANOVA.

Watanabe, Bansal and Hutter, PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in
Arbitrary Subspaces, IJCAI 2023: how unlike the best candidates' choices are those of all. Of
Optuna's evaluators it is the one that answers in well under a second for a thousand candidates;
fANOVA takes some ten.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from results.candidate import State
from results.dashboard.columns import Row
from reward.objective import Objective
from search_space.space import Space

TARGETS = ("reward", "accuracy", "normalized_step_time")
FEWEST, _MOST = 20, 2000  # candidates; of more, so many are taken, evenly spread over the search


def importance(
    rows: Sequence[Row], space: Space | None, target: str, objective: Objective
) -> dict[str, Any]:
    """An IMPORTANCE of :mod:`results.dashboard.payload` from all of a run's candidates."""
    if space is None:
        return _answer(target, 0, "the space is not known")
    known = [
        (value, row["choices"])
        for row in rows
        if row["state"] == State.COMPLETE
        and (value := _value(row, target, objective)) is not None
        and any(place is not None for place in row["choices"])
    ]
    if len(known) < FEWEST:
        return _answer(target, len(known), f"needs {FEWEST} complete candidates, has {len(known)}")
    known = known[:: -(-len(known) // _MOST)]
    found = _evaluate(space, known, is_low_best=target == "normalized_step_time")
    return {**_answer(target, len(known), None), "values": found}


def _answer(target: str, candidates: int, problem: str | None) -> dict[str, Any]:
    return {
        "target": target,
        "evaluator": "PED-ANOVA",
        "candidates": candidates,
        "values": {},
        "problem": problem,
    }


def _value(row: Row, target: str, objective: Objective) -> float | None:
    """None where it is not known."""
    accuracy: float | None = row["accuracy"]
    step_time: float | None = row["normalized_step_time"]
    if target != "reward":
        return accuracy if target == "accuracy" else step_time
    if (
        accuracy is None
        or not step_time
        or not row["parameters"]
        or not row["reference_parameters"]
    ):
        return None
    return objective(accuracy, step_time, row["parameters"] / row["reference_parameters"])


def _evaluate(
    space: Space, known: Sequence[tuple[float, Sequence[int | None]]], is_low_best: bool
) -> dict[str, float]:
    """A stage that is left out counts with the first of each choice, as the space encodes it."""
    import optuna  # takes a while, and most pages are looked at without it
    from optuna.distributions import CategoricalDistribution
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    parameters = space.parameters()
    distributions = {name: CategoricalDistribution(of) for name, of in parameters.items()}
    study = optuna.create_study(direction="minimize" if is_low_best else "maximize")
    for value, places in known:
        chosen = {
            name: options[place or 0]
            for (name, options), place in zip(parameters.items(), places, strict=True)
        }
        study.add_trial(
            optuna.create_trial(value=value, params=chosen, distributions=dict(distributions))
        )
    found = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())
    return {name: float(share) for name, share in found.items()}
