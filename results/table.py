"""The candidates as a table, one row each."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from results.candidate import Candidate, stages_text
from results.candidate_json import candidate_json
from results.scaled_from import COEFFICIENTS
from results.step_time_json import with_ends_apart
from reward.objective import Objective

# Column: type. The wide ones may lack a value, which a plain integer cannot.
COLUMNS = {
    "number": "int64",
    "state": "str",
    "cause": "str",
    "seed": "int64",
    "accuracy": "float64",
    "step_time_s": "float64",
    "step_time_ci_low_s": "float64",
    "step_time_ci_high_s": "float64",
    "normalized_step_time": "float64",
    "normalized_step_time_ci_low": "float64",
    "normalized_step_time_ci_high": "float64",
    "unsteady": "str",
    "peak_memory_bytes": "Int64",
    "reward": "float64",
    "architecture_id": "str",
    "confirms": "Int64",
    "parameters": "Int64",
    "multiply_adds": "Int64",
    "image_size": "Int64",
    "batch_size": "Int64",
    "device": "str",
    "epochs": "int64",
    "stopped_at": "Int64",
    "training_s": "float64",
    "stages": "str",
}
_SCALED = dict.fromkeys(COEFFICIENTS, "float64")

_PAPERS = Objective()


def table(candidates: Iterable[Candidate], objective: Objective = _PAPERS) -> pd.DataFrame:
    """One row a candidate, in the order given; what is not known is missing (NaN, NA).

    ``stages`` is written as :func:`results.candidate.stages_text` says; ``image_size`` in pixels.
    Candidates of ``nas scale --fit`` have three columns more, alpha, beta and gamma.
    """
    rows = [_row(candidate, objective) for candidate in candidates]
    is_fit = any(row["coefficients"] for row in rows)
    columns = {**COLUMNS, **_SCALED} if is_fit else COLUMNS
    return pd.DataFrame(rows, columns=list(columns)).astype(columns)


def _row(candidate: Candidate, objective: Objective) -> dict[str, object]:
    row = with_ends_apart(candidate_json(candidate, objective))
    return {
        **row,
        **(row["coefficients"] or {}),
        "image_size": candidate.step_time and candidate.step_time.image_size,
        "stages": stages_text(candidate.architecture),
    }
