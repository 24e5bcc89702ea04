"""The controller of the recurrent policy, beside torch's LSTM, and the tokens that it decides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nas.devices import one_thread
from nas.search.samplers.domain import Domain
from nas.search.samplers.rnn.controller import HIDDEN_UNITS, Controller, Weights
from nas.search.samplers.rnn.ppo import CLIP, ENTROPY_WEIGHT, LEARNING_RATE, Ppo, taken
from nas.search.samplers.rnn.tokens import SKIPPED, Tokens
from search_space.architecture import Architecture, Stage
from search_space.choices import StageChoices
from search_space.space import Space
from tests.nas.search.samplers.conftest import COUNT


@pytest.fixture
def domain() -> Domain:
    """Return a space of 2 * 3 * (1 + 2 * 2 * 3) = 78 networks, whose second stage may be absent."""
    stages = (Stage("mbconv", 3, 1, 1, 4, 1, 0.25), Stage("mbconv", 3, 1, 1, 8, 1, 0.25))
    choices = (
        StageChoices(("mbconv", "fused_mbconv"), (1,), (3,), (1, 2, 4)),
        StageChoices(("mbconv", "fused_mbconv"), (0, 1, 2), (3,), (1, 2, 4)),
    )
    return Domain(Space("two", Architecture(stages, stem_channels=4), choices), 0, COUNT)


@pytest.fixture
def controller(domain: Domain) -> Controller:
    """Return a controller whose weights are large, so that its choices depend on one another."""
    found = Controller(Tokens.of(domain), np.random.default_rng(3))
    for name in found.weights:
        found.weights[name] *= 8
    return found


@pytest.fixture
def one_torch_thread() -> Iterator[None]:
    """Let torch compute on one thread, as all of it is small."""
    with one_thread():
        yield


def all_codes(domain: Domain) -> list[tuple[int, ...]]:
    tokens, space = Tokens.of(domain), domain.space
    return sorted({tuple(tokens.encode(space.at(i))) for i in range(space.grid_size)})


def test_a_stage_that_may_be_absent_decides_its_layers_first(domain: Domain) -> None:
    assert [token.choice for token in Tokens.of(domain)] == [
        "stage1.operator",
        "stage1.expansion",
        "stage2.layers",
        "stage2.operator",
        "stage2.expansion",
    ]


def test_a_point_has_one_code_and_the_other_way_round(domain: Domain) -> None:
    tokens, space = Tokens.of(domain), domain.space
    fixed = {name: options[0] for name, options in domain.options.items()}
    for i in range(space.grid_size):
        point = space.at(i)
        codes = tokens.encode(point)
        assert domain.key(fixed | tokens.decode(codes)) == domain.key(point)
    absent = {**space.at(0), "stage1.operator": "fused_mbconv", "stage2.layers": 0}
    assert tokens.encode(absent) == [1, 0, 0, SKIPPED, SKIPPED]
    assert len(all_codes(domain)) == space.size == 78


def test_the_probabilities_of_all_networks_sum_to_1(domain: Domain, controller: Controller) -> None:
    codes = np.array(all_codes(domain))
    logs = taken(controller.forward(codes).log_probabilities, codes).sum(1)
    assert np.exp(logs).sum() == pytest.approx(1, abs=1e-12)
    assert np.exp(logs).std() > 0.01  # they differ


def test_networks_are_drawn_with_their_probabilities(
    domain: Domain, controller: Controller
) -> None:
    generator = np.random.default_rng(0)
    drawn = Counter(tuple(controller.draw(generator)) for _ in range(2000))
    codes = all_codes(domain)
    array = np.array(codes)
    expected = np.exp(taken(controller.forward(array).log_probabilities, array).sum(1))
    shares = np.array([drawn[each] / 2000 for each in codes])
    assert drawn.keys() <= set(codes)
    assert np.abs(shares - expected).max() < 4 * np.sqrt(expected.max() / 2000)


class Reference(nn.Module):
    """The controller in torch, with copies of the weights and one-hot inputs."""

    def __init__(self, tokens: Tokens, weights: Weights) -> None:
        super().__init__()
        self.tokens = tokens
        copies = {name: torch.from_numpy(each.copy()) for name, each in weights.items()}
        rows = len(copies["inputs"])
        self.lstm = nn.LSTM(rows, HIDDEN_UNITS, bias=False, batch_first=True).double()
        self.lstm.weight_ih_l0.data = copies["inputs"].T.contiguous()
        self.lstm.weight_hh_l0.data = copies["recurrent"].T.contiguous()
        self.outputs = nn.Parameter(copies["outputs"])
        self.biases = nn.Parameter(copies["biases"])

    def forward(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """Return log probabilities and entropies, of one network and token after the other."""
        logs = torch.zeros(*codes.shape, dtype=torch.float64)
        entropies = logs.clone()
        for n, network in enumerate(codes.tolist()):
            inputs, first = [0], 2
            for token, code in zip(self.tokens, network, strict=True):
                inputs.append(1 if code == SKIPPED else first + code)
                first += len(token.options)
            one_hot = nn.functional.one_hot(torch.tensor([inputs[:-1]]), self.lstm.input_size)
            hidden, _ = self.lstm(one_hot.double())
            for i, (token, code) in enumerate(zip(self.tokens, network, strict=True)):
                if code != SKIPPED:
                    width = len(token.options)
                    logits = hidden[0, i] @ self.outputs[i, :, :width] + self.biases[i, :width]
                    log_probabilities = logits.log_softmax(0)
                    logs[n, i] = log_probabilities[code]
                    entropies[n, i] = -(log_probabilities.exp() * log_probabilities).sum()
        return logs, entropies


@pytest.mark.usefixtures("one_torch_thread")
def test_an_update_is_that_of_torch(domain: Domain, controller: Controller) -> None:
    """Ten epochs of Adam on the clipped loss with entropy; some ratios leave the clip's range."""
    tokens = Tokens.of(domain)
    codes = np.array(all_codes(domain))[::13]  # six networks
    is_taken = torch.from_numpy(codes != SKIPPED)
    advantages = np.random.default_rng(1).normal(0, 3, len(codes))
    reference = Reference(tokens, controller.weights)
    optimizer = torch.optim.Adam(reference.parameters(), LEARNING_RATE)
    given, gains = torch.from_numpy(codes), torch.from_numpy(advantages)[:, None]
    Ppo(controller).update(codes, advantages)

    old = reference(given)[0].detach()
    clipped = 0
    for _ in range(10):
        logs, entropies = reference(given)
        ratios = (logs - old).exp()
        clipped += int(((ratios - 1).abs() > CLIP).sum())
        objective = torch.minimum(ratios * gains, ratios.clamp(1 - CLIP, 1 + CLIP) * gains)
        loss = -(objective + ENTROPY_WEIGHT * entropies)[is_taken].mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert clipped > 0
    found = {name: each.detach().numpy() for name, each in reference.named_parameters()}
    for name, expected in (
        ("inputs", found["lstm.weight_ih_l0"].T),
        ("recurrent", found["lstm.weight_hh_l0"].T),
        ("outputs", found["outputs"]),
        ("biases", found["biases"]),
    ):
        assert np.allclose(controller.weights[name], expected, rtol=0, atol=1e-9), name
