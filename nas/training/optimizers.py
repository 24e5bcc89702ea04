"""The RMSProp optimizer of the EfficientNet papers, and the learning-rate schedules."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

DECAY_FACTOR = 0.97  # of the staircase schedule; EfficientNetV2, section 5.1


class RMSPropTF(Optimizer):
    """RMSProp as TensorFlow defines it (``tf.compat.v1.train.RMSPropOptimizer``).

    It differs from torch's in three points: epsilon is inside the root, the mean squares start at
    one, and the learning rate is part of the momentum. The mean square m and the momentum v of a
    weight w with gradient g follow

        m = decay * m + (1 - decay) * g^2
        v = momentum * v + lr * g / sqrt(m + eps)
        w = w - v

    Weight decay is added to the gradient, because the published code adds half the squared weights
    to the loss. The defaults are EfficientNetV2's (section 5.1; epsilon from the published code).
    """

    def __init__(
        self,
        params: Any,
        lr: float,
        decay: float = 0.9,
        momentum: float = 0.9,
        eps: float = 1e-3,
        weight_decay: float = 0.0,
    ) -> None:
        defaults = {"lr": lr, "decay": decay, "momentum": momentum, "eps": eps}
        super().__init__(params, {**defaults, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Update all weights that have a gradient.

        Raises:
            ValueError: a closure is given, which is not supported.
        """
        if closure is not None:
            raise ValueError("closure: is not supported, must be None")
        for group in self.param_groups:
            weights = [p for p in group["params"] if p.grad is not None]
            if weights:
                self._update(weights, group)
        return None

    def _update(self, weights: list[Tensor], group: dict[str, Any]) -> None:
        states = [self._state(weight) for weight in weights]
        squares = [state["square"] for state in states]
        velocities = [state["velocity"] for state in states]
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        if group["weight_decay"]:
            gradients = list(torch._foreach_add(gradients, weights, alpha=group["weight_decay"]))
        torch._foreach_mul_(squares, group["decay"])
        torch._foreach_addcmul_(squares, gradients, gradients, 1 - group["decay"])
        roots = torch._foreach_add(squares, group["eps"])
        torch._foreach_sqrt_(roots)
        torch._foreach_mul_(velocities, group["momentum"])
        steps, rate = torch._foreach_div(gradients, roots), group["lr"]
        if isinstance(rate, Tensor):
            torch._foreach_mul_(steps, rate)
            torch._foreach_add_(velocities, steps)
        else:
            torch._foreach_add_(velocities, steps, alpha=rate)
        torch._foreach_sub_(weights, velocities)

    def _state(self, weight: Tensor) -> dict[str, Tensor]:
        state: dict[str, Tensor] = self.state[weight]
        if not state:
            state["square"] = torch.ones_like(weight)
            state["velocity"] = torch.zeros_like(weight)
        return state


def set_learning_rate(optimizer: Optimizer, rate: float) -> None:
    """Set the learning rate of all weights, without waiting for a GPU."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


def make_capturable(optimizer: Optimizer) -> None:
    """Let a CUDA graph hold the optimizer's step: its numbers that change are on the GPU.

    Call it after ``load_state_dict`` too, which brings the numbers of another device.
    """
    for group in optimizer.param_groups:
        device = group["params"][0].device
        group["lr"] = torch.full((), float(group["lr"]), device=device)
        if "capturable" in group:
            group["capturable"] = True
    # Its first steps are eager, of which torch would warn.
    optimizer._warned_capturable_if_run_uncaptured = True


def make_plain(optimizer: Optimizer) -> None:
    """Undo :func:`make_capturable`, which a state that was loaded may have brought along."""
    for group in optimizer.param_groups:
        group["lr"] = float(group["lr"])
        if "capturable" in group:
            group["capturable"] = False


def learning_rate_factor(progress: float, warmup: float, decays: float | None) -> float:
    """Return the learning-rate schedule at ``progress`` in [0, 1), as a share of the peak rate.

    After a linear warm-up over the share ``warmup`` of training, the schedule is half a cosine if
    ``decays`` is None, and otherwise a staircase that falls by 3 % that many times.
    """
    if decays is None:
        return warmup_cosine(progress, warmup)
    return warmup_staircase(progress, warmup, decays)


def warmup_cosine(progress: float, warmup: float) -> float:
    """Return the share of the peak rate: a linear rise over ``warmup``, then half a cosine to 0."""
    if progress < warmup:
        return progress / warmup
    return 0.5 * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup)))


def warmup_staircase(progress: float, warmup: float, decays: float) -> float:
    """Return the share of the peak rate: a linear rise over ``warmup``, then steps down by 3 %.

    There is a step after each of ``decays`` equal parts of training. The parts are counted from the
    start of training, as in the published code: the warm-up does not postpone the steps.
    """
    if progress < warmup:
        return progress / warmup
    return float(DECAY_FACTOR ** math.floor(progress * decays))
