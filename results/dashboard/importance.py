"""How much each choice of the space decides: importance by Optuna's PED-ANOVA.

Watanabe, Bansal and Hutter, PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in
Arbitrary Subspaces, IJCAI 2023: how unlike the best candidates' choices are those of all. Of
Optuna's evaluators it is the one that answers in well under a second for a thousand candidates;
fANOVA takes some ten.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from results.candidate import State
from results.dashboard.columns import Row
from reward.objective import Objective
from search_space.space import Space

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

TARGETS = ("reward", "accuracy", "normalized_step_time")
FEWEST, _MOST = 20, 1000  # candidates; of more, so many are taken, evenly spread over the search


def importances(
    rows: Sequence[Row],
    space: Space | None,
    objective: Objective,
    targets: Iterable[str] = TARGETS,
) -> dict[str, dict[str, Any]]:
    """An IMPORTANCE of :mod:`results.dashboard.payload` for each target."""
    targets = tuple(targets)
    if space is None:
        return {target: _answer(target, 0, problem="the space is not known") for target in targets}
    known = [(row, values) for row in rows if (values := _values(row, objective)) is not None]
    if len(known) < FEWEST:
        problem = f"needs {FEWEST} complete candidates, has {len(known)}"
        return {target: _answer(target, len(known), problem=problem) for target in targets}
    known = known[:: -(-len(known) // _MOST)]
    found = _evaluate(space, known, targets)
    return {target: _answer(target, len(known), found[target]) for target in targets}


def _answer(
    target: str,
    candidates: int,
    values: Mapping[str, float] | None = None,
    problem: str | None = None,
) -> dict[str, Any]:
    return {
        "target": target,
        "evaluator": "PED-ANOVA",
        "candidates": candidates,
        "values": dict(values or {}),
        "problem": problem,
    }


def _values(row: Row, objective: Objective) -> dict[str, float] | None:
    """A candidate's value by target; None if one of them or its place in the space is not known."""
    accuracy, step_time = row["accuracy"], row["normalized_step_time"]
    parameters, reference = row["parameters"], row["reference_parameters"]
    if row["state"] != State.COMPLETE or accuracy is None or set(row["choices"]) <= {None}:
        return None
    if not step_time or not parameters or not reference:
        return None
    reward = objective(accuracy, step_time, parameters / reference)
    return dict(zip(TARGETS, (reward, accuracy, step_time), strict=True))


def _evaluate(
    space: Space, known: Sequence[tuple[Row, Mapping[str, float]]], targets: Iterable[str]
) -> dict[str, dict[str, float]]:
    """A stage that is left out counts with the first of each choice, as the space encodes it."""
    import optuna  # takes a while, and most pages are looked at without it
    from optuna.distributions import CategoricalDistribution
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.filterwarnings("ignore", message="PedAnovaImportanceEvaluator computes.* low")
    parameters = space.options()
    distributions = {name: CategoricalDistribution(of) for name, of in parameters.items()}
    study = optuna.create_study()
    for row, values in known:
        places = zip(parameters.items(), row["choices"], strict=True)
        chosen = {name: options[place or 0] for (name, options), place in places}
        study.add_trial(
            optuna.create_trial(
                value=_cost(values, TARGETS[0]),
                params=chosen,
                distributions=dict(distributions),
                user_attrs={target: _cost(values, target) for target in targets},
            )
        )
    evaluator = PedAnovaImportanceEvaluator()
    return {
        target: get_param_importances(
            study, evaluator=evaluator, target=partial(_attribute, name=target)
        )
        for target in targets
    }


def _cost(values: Mapping[str, float], target: str) -> float:
    """The evaluator looks for what is low."""
    return values[target] if target == "normalized_step_time" else -values[target]


def _attribute(trial: FrozenTrial, name: str) -> float:
    value: float = trial.user_attrs[name]
    return value
