"""A candidate of a search, with all that is stored about it: raw measurements only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from reward.step_time.measurement import StepTime
from search_space.architecture import ACTIVATIONS, Architecture, Stage
from search_space.choices import SE_RATIO
from search_space.named import short_name


class State(StrEnum):
    """State of a candidate; only a COMPLETE one has a reward and can be on the Pareto front."""

    RUNNING = "running"
    COMPLETE = "complete"
    FAILED = "failed"
    INFEASIBLE = "infeasible"  # outside the limits on parameters or step time
    STOPPED = "stopped"  # by a pruner
    DUPLICATE = "duplicate"  # proposed again, not trained again
    INTERRUPTED = "interrupted"  # was running when its search ended; shown, never recorded


PROXY, FULL = "proxy", "full"
"""Fidelities of ``nas proxy``: the run's own, when a network is trained again, and the full one."""

BACKBONE = -1
"""What a training of the space's backbone ``confirms``: no candidate that was proposed."""

EVALUATED = frozenset({State.COMPLETE, State.STOPPED})
"""The states that count towards a search's budget."""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """End of an epoch: training loss, a candidate's accuracy, seconds of training so far."""

    epoch: int
    loss: float
    accuracy: float
    elapsed_s: float


@dataclass(frozen=True)
class Candidate:
    """One candidate: its architecture, its state and all that was measured of it.

    ``cause`` is a short code for a state other than COMPLETE, such as out_of_memory, diverged,
    time_limit, metric, worker_lost, device_error, error or duplicate; ``detail`` describes it in
    one line, and ``trace`` are the last calls that led to an error, a line each. ``accuracy`` is
    the value of the run's metric on the minival, in [0, 1]; the metric is accuracy unless
    ``--metric`` says otherwise. ``effective_images`` is of how many images a share would be as
    noisy as it; None if the metric is itself a share of the minival. ``started_at`` and
    ``finished_at`` are Unix seconds; ``phases_s`` are the seconds of each phase (build, count,
    step_time, training). ``reference_parameters`` are the parameters of the space's backbone, P0.
    ``inference_time_s`` is the median latency of one image. ``image_size`` is in pixels, None for
    that of the run.

    ``proposal`` is the point that the sampler proposed, by choice. The sampler's state is rebuilt
    from it, also where two points decode to one architecture. ``confirms`` is the number of the
    candidate that this one trains again with another seed, or :data:`BACKBONE` for a training of
    the space's backbone; it is then not ranked by itself (:mod:`results.ranking`). ``fidelity``
    is the name of another fidelity (epochs, image size, share of the data) than the run's own that
    it was trained at, in a run of ``nas proxy`` (:mod:`results.comparison`). It then ``confirms``
    a candidate as well, but does not count for it.

    ``started_event`` and ``ended_event`` number the starts and ends of a run's candidates from 1,
    in their order, which times do not tell if a clock was set back. Candidates of earlier releases
    have none.
    """

    number: int
    state: State
    architecture: Architecture
    seed: int
    proposal: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    image_size: int | None = None
    confirms: int | None = None
    fidelity: str | None = None
    cause: str | None = None
    detail: str | None = None
    accuracy: float | None = None
    effective_images: float | None = None
    parameters: int | None = None
    multiply_adds: int | None = None
    reference_parameters: int | None = None
    step_time: StepTime | None = None
    inference_time_s: float | None = None
    curve: tuple[CurvePoint, ...] = ()
    worker: str | None = None
    started_at: float | None = None
    finished_at: float | None = None
    started_event: int | None = None
    ended_event: int | None = None
    phases_s: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    trace: str | None = None

    @property
    def is_backbone(self) -> bool:
        """Whether this is a training of the space's backbone, which candidates are compared to."""
        return self.confirms == BACKBONE


def candidate_name(candidate: Candidate) -> str:
    """Return the candidate's name outside its run, such as ``candidate-7``."""
    return f"candidate-{candidate.number}"


_OPERATOR_LETTERS = {
    "mbconv": "M",
    "fused_mbconv": "F",
    "mbconv_k7": "L",
    "convnext": "C",
    "bottleneck": "B",
}


def stages_text(architecture: Architecture) -> str:
    """Return the stages in short notation, such as ``F3e1c24x2 F3e4c48x4/2 M3e4c128x6/2``.

    Each stage has its operator (M: MBConv, F: fused MBConv, L: MBConv with a large kernel, C:
    ConvNeXt, B: bottleneck, others by name without the module), kernel, expansion (e), channels
    (c), layers (x), and the first layer's stride (/) if it is not 1.
    What is unusual follows: ``-se0.25`` where the paper's operator has none, ``-se0`` where it has
    it, ``-relu`` for another activation than SiLU. The notation is for people: stem and head are
    only in the JSON.
    """
    return " ".join(_stage_text(stage) for stage in architecture.stages)


def _stage_text(stage: Stage) -> str:
    operator = _OPERATOR_LETTERS.get(stage.operator, short_name(stage.operator))
    stride = f"/{stage.stride}" if stage.stride > 1 else ""
    usual = stage.se_ratio == SE_RATIO.get(stage.operator, 0.0)
    squeeze = "" if usual else f"-se{stage.se_ratio:g}"
    activation = "" if stage.activation == ACTIVATIONS[0] else f"-{stage.activation}"
    size = f"{stage.kernel}e{stage.expansion}c{stage.channels}x{stage.layers}{stride}"
    return f"{operator}{size}{squeeze}{activation}"


def interrupted(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Return the candidates of a run that nobody searches: those still running as INTERRUPTED."""
    return [
        replace(candidate, state=State.INTERRUPTED)
        if candidate.state is State.RUNNING
        else candidate
        for candidate in candidates
    ]


def devices(candidates: Iterable[Candidate]) -> Counter[str]:
    """Count the candidates that were timed on each kind of device."""
    return Counter(c.step_time.device for c in candidates if c.step_time is not None)


def mixed_devices_warning(kinds: Iterable[str]) -> str:
    """Return the warning for a run whose candidates were timed on several kinds of device.

    S/S0 is measured against the backbone on the same device, so candidates of one kind compare.
    The ratio of two networks differs between kinds of device, and the reward does not correct that.
    """
    return (
        f"step times were measured on unlike devices, {' and '.join(sorted(kinds))}: each is "
        "relative to the backbone's on the same device, but this ratio differs between kinds of "
        "device, so rewards do too"
    )
