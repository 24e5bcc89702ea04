"""Proximal policy optimization (Schulman et al., 2017, arXiv:1707.06347) of a controller.

The constants are published ones, and none was chosen on a recorded table.
"""

from __future__ import annotations

import numpy as np

from nas.search.samplers.rnn.controller import Codes, Controller, Floats, Weights
from nas.search.samplers.rnn.tokens import SKIPPED

LEARNING_RATE = 0.00035  # NASNet (arXiv:1707.07012), appendix
EPOCHS = 10  # PPO, Table 3
CLIP = 0.2  # PPO, Table 1
ENTROPY_WEIGHT = 0.01  # PPO, Table 5, for advantages of about 1

ADAM_MOMENTS = (0.9, 0.999)  # of Adam (arXiv:1412.6980), like the next
ADAM_EPSILON = 1e-8


class Ppo:
    """Trains a controller with Adam on one batch of networks and advantages after the other."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._steps = 0
        self._means = {name: np.zeros_like(w) for name, w in controller.weights.items()}
        self._squares = {name: np.zeros_like(w) for name, w in controller.weights.items()}

    def update(self, codes: Codes, advantages: Floats) -> None:
        """Take a step for each epoch; ``codes`` is (N, T), ``advantages`` (N,).

        The old policy of the ratios is the one before this update.
        """
        old = taken(self._controller.forward(codes).log_probabilities, codes)
        for _ in range(EPOCHS):
            forward = self._controller.forward(codes)
            by_logits = loss_by_logits(forward.log_probabilities, codes, old, advantages)
            self._step(self._controller.backward(forward, by_logits))

    def _step(self, gradient: Weights) -> None:
        self._steps += 1
        first, second = ADAM_MOMENTS
        rate = LEARNING_RATE / (1 - first**self._steps)
        scale = 1 / (1 - second**self._steps)
        for name, weights in self._controller.weights.items():
            mean, square = self._means[name], self._squares[name]
            mean += (1 - first) * (gradient[name] - mean)
            square += (1 - second) * (gradient[name] ** 2 - square)
            weights -= rate * mean / (np.sqrt(scale * square) + ADAM_EPSILON)


def taken(log_probabilities: Floats, codes: Codes) -> Floats:
    """Return the log probability of each token's code, (N, T); 0 for those that are skipped."""
    found = np.take_along_axis(log_probabilities, np.maximum(codes, 0)[:, :, None], 2)[:, :, 0]
    return np.where(codes == SKIPPED, 0.0, found)


def clipped_loss(ratios: Floats, advantages: Floats) -> Floats:
    """Return the negative of PPO's clipped surrogate objective (section 3, equation 7)."""
    clipped = np.clip(ratios, 1 - CLIP, 1 + CLIP)
    loss: Floats = -np.minimum(ratios * advantages, clipped * advantages)
    return loss


def loss_by_logits(
    log_probabilities: Floats, codes: Codes, old: Floats, advantages: Floats
) -> Floats:
    """Return the gradient of the loss by the logits, (N, T, W).

    The loss is the mean over the tokens that are taken of the clipped loss minus the weighted
    entropy. Each token is an action with the advantage of its network.
    """
    advantages = advantages[:, None]
    probabilities = np.exp(log_probabilities)
    ratios = np.exp(taken(log_probabilities, codes) - old)
    is_flat = np.where(advantages > 0, ratios > 1 + CLIP, ratios < 1 - CLIP)
    by_log_ratio = np.where(is_flat, 0.0, -ratios * advantages)  # (N, T)
    is_code = np.arange(probabilities.shape[2]) == codes[:, :, None]
    finite = np.where(probabilities > 0, log_probabilities, 0.0)
    entropies = -(probabilities * finite).sum(2, keepdims=True)
    by_entropy = -probabilities * (finite + entropies)
    gradient = by_log_ratio[:, :, None] * (is_code - probabilities) - ENTROPY_WEIGHT * by_entropy
    is_taken = codes != SKIPPED
    result: Floats = gradient * is_taken[:, :, None] / is_taken.sum()
    return result
