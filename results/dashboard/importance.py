"""Importance of each choice of the space, by PED-ANOVA as implemented in Optuna.

Watanabe, Bansal and Hutter, PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in
Arbitrary Subspaces, IJCAI 2023: a choice is important if the best candidates' options are
distributed differently from those of all candidates. It is the one of Optuna's evaluators that is
fast enough for a page: well below a second for 1,000 candidates, where fANOVA takes about ten.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from results.dashboard.columns import Row, outcome_of
from reward.objective import Objective
from search_space.space import Space

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

TARGETS = ("reward", "accuracy", "normalized_step_time")
MIN_CANDIDATES = 20
_MAX_CANDIDATES = 1000  # of more, an evenly spaced subset is evaluated


def importances(
    rows: Sequence[Row],
    space: Space | None,
    objective: Objective,
    targets: Iterable[str] = TARGETS,
) -> dict[str, dict[str, Any]]:
    """Return for each target an IMPORTANCE as in :mod:`results.dashboard.payload`."""
    targets = tuple(targets)
    if space is None:
        problem = "the space of this run is not known"
        return {target: _importance(target, 0, problem=problem) for target in targets}
    known = [(row, values) for row in rows if (values := _values(row, objective)) is not None]
    if len(known) < MIN_CANDIDATES:
        problem = f"needs {MIN_CANDIDATES} complete candidates, has {len(known)}"
        return {target: _importance(target, len(known), problem=problem) for target in targets}
    interval = -(-len(known) // _MAX_CANDIDATES)  # rounded up
    known = known[::interval]
    values_by_target = _evaluate(space, known, targets)
    return {target: _importance(target, len(known), values_by_target[target]) for target in targets}


def _importance(
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
    """Return a candidate's value by target; None if one is unknown or it is outside the space."""
    outcome = outcome_of(row)
    if outcome is None or outcome.confirms is not None or set(row["choices"]) <= {None}:
        return None
    values = (outcome.reward(objective), outcome.accuracy, outcome.step_time)
    return dict(zip(TARGETS, values, strict=True))


def _evaluate(
    space: Space, known: Sequence[tuple[Row, Mapping[str, float]]], targets: Iterable[str]
) -> dict[str, dict[str, float]]:
    """Return the importance of each choice, by target.

    A stage with 0 layers counts with the first option of each of its other choices, as in
    :meth:`Space.encode`.
    """
    import optuna  # slow to import, and most pages do without it
    from optuna.distributions import CategoricalDistribution
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.filterwarnings("ignore", message="PedAnovaImportanceEvaluator computes.* low")
    choices = space.options()
    distributions = {name: CategoricalDistribution(options) for name, options in choices.items()}
    study = optuna.create_study()
    for row, values in known:
        indices = zip(choices.items(), row["choices"], strict=True)
        point = {name: options[index or 0] for (name, options), index in indices}
        study.add_trial(
            optuna.create_trial(
                value=_cost(values, TARGETS[0]),
                params=point,
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
    """Return the value with the sign that makes lower better, as the evaluator expects."""
    return values[target] if target == "normalized_step_time" else -values[target]


def _attribute(trial: FrozenTrial, name: str) -> float:
    value: float = trial.user_attrs[name]
    return value
