"""What a candidate is worth: A * S^w * P^v (EfficientNetV2, section 3.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class Objective:
    """The weighted product, with the paper's exponents; what follows has other forms.

    Twice the step time costs 4.7 % of the reward, twice the parameters 3.4 %. Every form is
    affine in the accuracy and rises with it.
    """

    step_time_exponent: float = -0.07
    parameters_exponent: float = -0.05

    def __call__(
        self, accuracy: float, normalized_step_time: float, normalized_parameters: float
    ) -> float:
        """The reward of an accuracy in [0, 1] and of S/S0 and P/P0, both above 0.

        S0 and P0 are the space's backbone's on the same device. The paper does not publish its
        normaliser; under a pure product another one would rescale every reward alike.
        """
        time_factor: float = normalized_step_time**self.step_time_exponent
        size_factor: float = normalized_parameters**self.parameters_exponent
        return accuracy * time_factor * size_factor

    def relative_to(self, reference_step_time_s: float) -> Self:
        """The same where S0 is that many seconds; only a target in seconds makes a difference."""
        return self

    @property
    def formula(self) -> str:
        """In one line, for people."""
        return (
            f"accuracy * (S/S0)^{self.step_time_exponent:g} * (P/P0)^{self.parameters_exponent:g}"
        )
