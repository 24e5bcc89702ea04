"""MnasNet's controller: an LSTM that decides one choice of a network after the other.

MnasNet (arXiv:1807.11626, section 4.2) draws a sequence of tokens from the softmaxes of an RNN. It
refers to NASNet (arXiv:1707.07012), whose appendix has the sizes and the first weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas.search.samplers.rnn.tokens import SKIPPED, Tokens

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Weights = dict[str, Floats]
"""The controller's weights, or a gradient by them, by name."""

HIDDEN_UNITS = 100  # NASNet: one layer of 100
INITIAL_RANGE = 0.1  # NASNet: weights are uniform in [-0.1, 0.1] at first

_START, _AFTER_SKIPPED, _FIRST_OPTION = 0, 1, 2  # the rows of the inputs' weights


@dataclass(frozen=True)
class Forward:
    """What the controller computed for N networks of T tokens with at most W options.

    ``log_probabilities`` is (N, T, W) in nats, of each option given the tokens before, and -inf
    where a token has fewer options. The others are what the backward pass needs, by token first:
    ``inputs`` (T, N), ``gates`` (T, N, 4, hidden), and ``cells`` and ``hidden`` (T + 1, N, hidden).
    """

    log_probabilities: Floats
    inputs: Codes
    gates: Floats
    cells: Floats
    hidden: Floats


class Controller:
    """An LSTM with a softmax for each token, whose input is the option that the last token took.

    It is written in numpy: for networks this small, torch takes two to three times as long.
    """

    def __init__(self, tokens: Tokens, generator: np.random.Generator) -> None:
        """Create the controller, with random weights; there must be a token."""
        self._tokens = tokens
        widths = np.array([len(token.options) for token in tokens])
        # the input's row for the first option of each token
        self._first_rows = _FIRST_OPTION + np.cumsum(widths) - widths
        shapes = {
            "inputs": (_FIRST_OPTION + int(widths.sum()), 4 * HIDDEN_UNITS),
            "recurrent": (HIDDEN_UNITS, 4 * HIDDEN_UNITS),
            "outputs": (len(tokens), HIDDEN_UNITS, int(widths.max())),
            "biases": (len(tokens), int(widths.max())),
        }
        self.weights: Weights = {
            name: generator.uniform(-INITIAL_RANGE, INITIAL_RANGE, shape)
            for name, shape in shapes.items()
        }
        self._no_option = np.arange(widths.max()) >= widths[:, None]  # (T, W)

    def draw(self, generator: np.random.Generator) -> list[int]:
        """Return the codes of a network that the policy draws, token by token."""
        codes: list[int] = []
        hidden = cell = np.zeros((1, HIDDEN_UNITS))
        row = _START
        for place, token in enumerate(self._tokens):
            _, cell, hidden = self._step(np.array([row]), cell, hidden)
            if token.is_skipped(codes):
                codes.append(SKIPPED)
                row = _AFTER_SKIPPED
                continue
            probabilities = np.exp(self._log_softmax(hidden[None], slice(place, place + 1)))
            codes.append(int(generator.choice(probabilities.size, p=probabilities.ravel())))
            row = self._first_rows[place] + codes[-1]
        return codes

    def forward(self, codes: Codes) -> Forward:
        """Return what the controller computes for networks of these codes, (N, T)."""
        count, length = codes.shape
        rows = np.where(codes == SKIPPED, _AFTER_SKIPPED, self._first_rows + codes)
        inputs = np.concatenate([np.full((count, 1), _START), rows[:, :-1]], 1).T
        gates = np.empty((length, count, 4, HIDDEN_UNITS))
        cells, hidden = np.zeros((2, length + 1, count, HIDDEN_UNITS))
        for i in range(length):
            gates[i], cells[i + 1], hidden[i + 1] = self._step(inputs[i], cells[i], hidden[i])
        log_probabilities = self._log_softmax(hidden[1:], slice(None)).swapaxes(0, 1)
        return Forward(log_probabilities, inputs, gates, cells, hidden)

    def backward(self, forward: Forward, by_logits: Floats) -> Weights:
        """Return the gradient of a loss by the weights, given that by the logits, (N, T, W)."""
        by_logits = by_logits.swapaxes(0, 1)  # (T, N, W)
        by_outputs = by_logits @ self.weights["outputs"].swapaxes(1, 2)  # (T, N, hidden)
        by_gates = np.empty_like(forward.gates)
        by_hidden = by_cell = np.zeros_like(forward.cells[0])
        for i in reversed(range(len(by_gates))):
            opened, kept, new, shown = forward.gates[i].swapaxes(0, 1)
            by_hidden = by_hidden + by_outputs[i]
            squashed = np.tanh(forward.cells[i + 1])
            by_cell = by_cell + by_hidden * shown * (1 - squashed**2)
            by_gates[i, :, 0] = by_cell * new * opened * (1 - opened)
            by_gates[i, :, 1] = by_cell * forward.cells[i] * kept * (1 - kept)
            by_gates[i, :, 2] = by_cell * opened * (1 - new**2)
            by_gates[i, :, 3] = by_hidden * squashed * shown * (1 - shown)
            by_cell = by_cell * kept
            by_hidden = _flat(by_gates[i]) @ self.weights["recurrent"].T
        by_sums = by_gates.reshape(-1, 4 * HIDDEN_UNITS)  # (T * N, 4 * hidden)
        is_row = forward.inputs.reshape(-1, 1) == np.arange(len(self.weights["inputs"]))
        return {
            "inputs": is_row.T.astype(np.float64) @ by_sums,
            "recurrent": forward.hidden[:-1].reshape(-1, HIDDEN_UNITS).T @ by_sums,
            "outputs": forward.hidden[1:].swapaxes(1, 2) @ by_logits,
            "biases": by_logits.sum(1),
        }

    def _step(self, rows: Codes, cell: Floats, hidden: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the gates (input, forget, new, output), the cell, and the hidden state."""
        sums = self.weights["inputs"][rows] + hidden @ self.weights["recurrent"]
        gates = sums.reshape(len(rows), 4, HIDDEN_UNITS)
        new = np.tanh(gates[:, 2])
        gates = 1 / (1 + np.exp(-gates))
        gates[:, 2] = new
        opened, kept, new, shown = gates.swapaxes(0, 1)
        cell = kept * cell + opened * new
        return gates, cell, shown * np.tanh(cell)

    def _log_softmax(self, hidden: Floats, tokens: slice) -> Floats:
        """Return the log probabilities of options, (T, N, W), from states (T, N, hidden)."""
        logits = hidden @ self.weights["outputs"][tokens] + self.weights["biases"][tokens][:, None]
        logits[np.broadcast_to(self._no_option[tokens][:, None], logits.shape)] = -np.inf
        shifted = logits - logits.max(-1, keepdims=True)
        log_probabilities: Floats = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
        return log_probabilities


def _flat(gates: Floats) -> Floats:
    return gates.reshape(len(gates), -1)
