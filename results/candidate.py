"""A candidate of a search: every raw fact about it that is stored, and nothing computed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from reward.step_time.measurement import StepTime
from search_space.architecture import Architecture, Stage


class State(StrEnum):
    """How a candidate stands; only a COMPLETE one has a reward and can be on the front."""

    RUNNING = "running"
    COMPLETE = "complete"
    FAILED = "failed"
    INFEASIBLE = "infeasible"  # outside the limits on parameters or step time
    STOPPED = "stopped"  # ended early on purpose
    DUPLICATE = "duplicate"  # proposed again, not trained again


EVALUATED = frozenset({State.COMPLETE, State.STOPPED})
"""What a search's budget counts."""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """An epoch's end: training loss, minival accuracy in [0, 1], seconds since training began."""

    epoch: int
    loss: float
    accuracy: float
    elapsed_s: float


@dataclass(frozen=True)
class Candidate:
    """One architecture's way through the search.

    ``cause`` is a short code for a state other than COMPLETE: out_of_memory, diverged, time_limit,
    worker_lost, error, duplicate and the like; ``detail`` is one line of text about it.
    ``accuracy`` is in [0, 1], on the minival. ``started_at`` and ``finished_at`` are Unix seconds,
    ``phases_s`` seconds by phase (build, count, step_time, training). ``reference_parameters`` are
    those of the space's backbone, P0. ``proposal`` is what the strategy proposed, by parameter
    name: with it a strategy's state is rebuilt exactly, also where two proposals decode to one
    network. ``image_size`` in pixels where it is not the run's. ``inference_time_s`` is the median
    latency of one image. ``confirms`` is the candidate that this one trains again with another
    seed; such a one is not ranked by itself (:mod:`results.ranking`).
    """

    number: int
    state: State
    architecture: Architecture
    seed: int
    proposal: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    image_size: int | None = None
    confirms: int | None = None
    cause: str | None = None
    detail: str | None = None
    accuracy: float | None = None
    parameters: int | None = None
    multiply_adds: int | None = None
    reference_parameters: int | None = None
    step_time: StepTime | None = None
    inference_time_s: float | None = None
    curve: tuple[CurvePoint, ...] = ()
    worker: str | None = None
    started_at: float | None = None
    finished_at: float | None = None
    phases_s: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)


_LETTERS = {"mbconv": "M", "fused_mbconv": "F"}


def stages_text(architecture: Architecture) -> str:
    """The stages in order, such as ``F3e1c24x2 F3e4c48x4/2 M3e4c128x6/2``.

    Operator (F: fused MBConv, M: MBConv, any other by its name) and kernel, expansion (e), channels
    (c), layers (x) and the first layer's stride (/) where it is not 1. For reading, so it leaves
    squeeze-and-excitation, stem and head out; the architecture's JSON has everything.
    """
    return " ".join(_stage_text(stage) for stage in architecture.stages)


def _stage_text(stage: Stage) -> str:
    operator = _LETTERS.get(stage.operator, stage.operator)
    stride = f"/{stage.stride}" if stage.stride > 1 else ""
    return f"{operator}{stage.kernel}e{stage.expansion}c{stage.channels}x{stage.layers}{stride}"


def devices(candidates: Iterable[Candidate]) -> Counter[str]:
    """How many steps were timed on each kind."""
    return Counter(c.step_time.device for c in candidates if c.step_time is not None)


def mixed_devices_warning(kinds: Iterable[str]) -> str:
    """What there is to know of a run on unlike devices.

    S is the ratio to the backbone's step on the same device, so candidates of one kind compare.
    Two networks' ratio is another one on another kind of device, which the reward of a mixed run
    cannot tell apart.
    """
    return (
        f"steps were timed on unlike devices, {' and '.join(sorted(kinds))}: each is relative to "
        "the backbone's on its own device, but the ratio itself depends on the kind"
    )
