"""The report's tables: the best candidates, the winner's stages, how the candidates ended."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from results.candidate import Candidate
from results.html_table import html_table
from results.notation import stages_text
from results.worth import normalized_step_time, ranked
from reward.objective import Objective
from reward.step_time_statistics import median_s
from search_space.architecture import Architecture, Stage

_OPERATORS = {"mbconv": "MBConv", "fused_mbconv": "Fused-MBConv"}


def best_table(candidates: Iterable[Candidate], objective: Objective, top: int = 10) -> str:
    """The candidates of the highest rewards, best first."""
    head = ["#", "reward", "accuracy %", "step ms", "S/S0", "parameters", "multiply-adds", "stages"]
    return html_table(head, [_best_row(v, c) for v, c in ranked(candidates, objective)[:top]])


def _best_row(value: float, candidate: Candidate) -> list[object]:
    return [
        candidate.number,
        f"{value:.4f}",
        f"{100 * (candidate.accuracy or 0):.2f}",
        f"{1000 * median_s(candidate.step_time):.1f}" if candidate.step_time else "",
        f"{normalized_step_time(candidate):.3f}",
        _count(candidate.parameters),
        _count(candidate.multiply_adds),
        stages_text(candidate.architecture),
    ]


def stages_table(architecture: Architecture) -> str:
    """Every stage in the form of EfficientNetV2's Table 4."""
    last = len(architecture.stages) + 1
    rows: list[Sequence[object]] = [
        (0, "Conv3x3", architecture.stem_stride, architecture.stem_channels, 1)
    ]
    rows += [_stage_row(index, stage) for index, stage in enumerate(architecture.stages, 1)]
    rows.append((last, "Conv1x1 & Pooling & FC", "-", architecture.head_channels, 1))
    return html_table(["stage", "operator", "stride", "channels", "layers"], rows)


def _stage_row(index: int, stage: Stage) -> Sequence[object]:
    operator = f"{_OPERATORS.get(stage.operator, stage.operator)}{stage.expansion}"
    squeeze = f", SE{stage.se_ratio:g}" if stage.se_ratio else ""
    return (
        index,
        f"{operator}, k{stage.kernel}x{stage.kernel}{squeeze}",
        stage.stride,
        stage.channels,
        stage.layers,
    )


def endings_table(candidates: Iterable[Candidate]) -> str:
    """How many candidates there are by state and cause, the most first."""
    endings = Counter((candidate.state.value, candidate.cause or "") for candidate in candidates)
    rows = [(state, cause, _count(count)) for (state, cause), count in endings.most_common()]
    return html_table(["state", "cause", "candidates"], rows)


def settings_table(settings: Mapping[str, Any]) -> str:
    """What the run was asked to do."""
    rows = [
        (name, value if isinstance(value, str) else json.dumps(value, default=str))
        for name, value in settings.items()
    ]
    return html_table(["setting", "value"], rows, numbers_right=False)


def _count(count: int | None) -> str:
    return "" if count is None else f"{count:,}"
