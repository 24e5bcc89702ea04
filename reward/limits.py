"""Upper limits on the cost of a network, checked before it is trained."""

from __future__ import annotations

from dataclasses import dataclass

from reward.step_time.measurement import StepTime, normalized


class Infeasible(Exception):
    """A network exceeds a limit.

    ``cause`` is a short code for the limit. The message has the value and the limit.
    """

    def __init__(self, cause: str, detail: str) -> None:
        super().__init__(detail)
        self.cause = cause


@dataclass(frozen=True)
class Limits:
    """Upper limits; None means no limit.

    ``max_step_time`` is S/S0, the time of a training step relative to the backbone's.
    ``max_memory_bytes`` limits the peak memory of a training step.
    """

    max_parameters: int | None = None
    max_step_time: float | None = None
    max_memory_bytes: int | None = None

    @property
    def needs_timing(self) -> bool:
        """Whether a limit needs a measured training step."""
        return self.max_step_time is not None or self.max_memory_bytes is not None

    def check_parameters(self, parameters: int) -> None:
        """Check the limit on parameters.

        Raises:
            Infeasible: there are too many.
        """
        if self.max_parameters is not None and parameters > self.max_parameters:
            raise Infeasible(
                "max_params",
                f"{parameters:,} parameters, over --max-params {self.max_parameters:,}",
            )

    def check_step_time(self, timed: StepTime) -> None:
        """Check the limits on the time and the memory of a training step.

        Raises:
            Infeasible: the step takes too long or too much memory.
        """
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
