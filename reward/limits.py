"""What a network may cost at most: checked before it is trained."""

from __future__ import annotations

from dataclasses import dataclass

from reward.step_time.measurement import StepTime, normalized


class Infeasible(Exception):
    """A network outside the limits: which one, as a short code, and what it was."""

    def __init__(self, cause: str, detail: str) -> None:
        super().__init__(detail)
        self.cause = cause


@dataclass(frozen=True)
class Limits:
    """Upper bounds; None is no bound.

    ``max_step_time`` is S/S0, a training step's time relative to the reference's, and
    ``max_memory_bytes`` bounds a training step's peak memory.
    """

    max_parameters: int | None = None
    max_step_time: float | None = None
    max_memory_bytes: int | None = None

    @property
    def needs_timing(self) -> bool:
        """Whether the training step must be measured to know."""
        return self.max_step_time is not None or self.max_memory_bytes is not None

    def check_parameters(self, parameters: int) -> None:
        """Infeasible if there are too many."""
        if self.max_parameters is not None and parameters > self.max_parameters:
            raise Infeasible(
                "max_params",
                f"{parameters:,} parameters, over --max-params {self.max_parameters:,}",
            )

    def check_step_time(self, timed: StepTime) -> None:
        """Infeasible if the step takes too long or too much memory."""
        step_time = normalized(timed)
        if self.max_step_time is not None and step_time > self.max_step_time:
            raise Infeasible(
                "max_step_time",
                f"step {step_time:.3g} x the backbone's, over --max-step-time "
                f"{self.max_step_time:g}",
            )
        peak = timed.peak_memory_bytes
        if self.max_memory_bytes is not None and peak > self.max_memory_bytes:
            raise Infeasible(
                "max_memory", f"peak {peak:,} bytes, over --max-memory {self.max_memory_bytes:,}"
            )
