"""The pruners that stop candidates early, as ``--scheduler`` and ``--bound`` name them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from nas.errors import UserError, nearest_first
from nas.versions import check_ray
from results.candidate import Candidate, State
from reward.objective import Objective

BOUNDS = ("none", "certain", "credible")

GRACE_SHARE = 0.4  # of the epochs; what it saves and what it loses: docs/pruners.md
REDUCTION = 4


class Pruner(Protocol):
    """Decides when the training of a candidate is to be stopped.

    Its state depends only on the candidates that have ended, in any order, and on what the running
    ones have reported. So after the candidates of a record were passed to :meth:`ended`, it decides
    as in an uninterrupted search.
    """

    @property
    def cause(self) -> str:
        """The recorded cause of the candidates that this pruner stops."""

    def verdict(self, candidate: Candidate) -> str | None:
        """Return in one line why to stop a running candidate here, or None to continue."""

    def ended(self, candidate: Candidate) -> None:
        """Take note of a candidate that has ended; one without a curve is forgotten."""


def first_stop(candidate: Candidate, pruners: Iterable[Pruner]) -> Candidate | None:
    """Return the running candidate as stopped by the first pruner that stops it, or None.

    Its accuracy is that of the last epoch. Every pruner is asked, even after one has stopped the
    candidate, since the candidate's reports are part of each pruner's state.
    """
    verdicts = [(pruner.cause, pruner.verdict(candidate)) for pruner in pruners]
    for cause, detail in verdicts:
        if detail is not None:
            return replace(
                candidate,
                state=State.STOPPED,
                cause=cause,
                detail=detail,
                accuracy=candidate.curve[-1].accuracy if candidate.curve else None,
                finished_at=time.time(),
            )
    return None


def tell_pruners(pruners: Sequence[Pruner], candidates: Iterable[Candidate]) -> None:
    """Pass the candidates that have ended to the pruners, except confirmations."""
    for candidate in candidates:
        if candidate.state is not State.RUNNING and candidate.confirms is None:
            for pruner in pruners:
                pruner.ended(candidate)


def make_pruners(scheduler: str, bound: str, objective: Objective, epochs: int) -> list[Pruner]:
    """Return new pruners for the two options' values; a full training has ``epochs``.

    Raises:
        UserError: ``scheduler`` is not valid, or Ray, which carries it out, is not installed.
    """
    pruners: list[Pruner] = []
    if bound != "none":
        from nas.search.pruners.bound import Bound, CertainCeiling, CredibleCeiling

        ceiling = CertainCeiling() if bound == "certain" else CredibleCeiling(epochs)
        pruners.append(Bound(objective, ceiling))
    rungs = parse_rungs(scheduler, epochs)
    if rungs is not None:
        check_ray("--scheduler asha: ")
        from nas.search.pruners.asha import Asha  # imports Ray Tune, which takes a second

        pruners.append(Asha(objective, epochs, rungs.grace, rungs.reduction))
    return pruners


def check_pruners(scheduler: str, bound: str, epochs: int) -> None:
    """Check the values of ``--scheduler`` and ``--bound`` before anything slow is loaded.

    Raises:
        UserError: one of them is not valid.
    """
    parse_rungs(scheduler, epochs)
    if bound not in BOUNDS:
        raise UserError(
            f"--bound: got {bound!r}, must be one of {', '.join(nearest_first(bound, BOUNDS))}"
        )


@dataclass(frozen=True)
class Rungs:
    """The epochs at which successive halving decides: ``grace``, ``grace * reduction``, ..."""

    grace: int
    reduction: int = REDUCTION


def default_grace(epochs: int) -> int:
    """Return 0.4 of the epochs, at least 1.

    Under one cosine cycle, earlier rewards tell little about the final ones (docs/pruners.md).
    """
    return max(1, round(GRACE_SHARE * epochs))


def parse_rungs(scheduler: str, epochs: int) -> Rungs | None:
    """Return the rungs of ``asha[:grace=..,reduction=..]``, or None for ``none``.

    Raises:
        UserError: the text is not valid, or with these numbers nothing would be stopped.
    """
    name, _, options = scheduler.partition(":")
    if scheduler == "none":
        return None
    values = {"grace": default_grace(epochs), "reduction": REDUCTION}
    highest = {"grace": epochs - 1, "reduction": 100}
    is_invalid = name != "asha" or (not options and ":" in scheduler)
    for part in options.split(",") if options else ():
        key, _, text = part.partition("=")
        is_invalid |= key not in values or not text.isdecimal()
        if not is_invalid:
            values[key] = int(text)
    if is_invalid:
        raise UserError(
            f"--scheduler: got {scheduler!r}, must be none or asha[:grace=..,reduction=..]"
        )
    if epochs < 2:
        raise UserError("--scheduler asha: needs --epochs 2 or more, got 1")
    for key, lowest in (("grace", 1), ("reduction", 2)):
        if not lowest <= values[key] <= highest[key]:
            raise UserError(
                f"--scheduler asha: got {key} {values[key]}, must be from {lowest} to "
                f"{highest[key]} for {epochs} epochs"
            )
    return Rungs(**values)
