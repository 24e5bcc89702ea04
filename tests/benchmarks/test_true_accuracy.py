"""The distribution of true accuracies, from made trainings whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.true_accuracy import (
    Form,
    HeldOut,
    Networks,
    TrueAccuracies,
    letters,
    logit,
    share,
    traits,
)
from results.ranking import normalized_step_time, reward
from reward.objective import Objective, parse_reward
from search_space.architecture import Architecture, Stage
from search_space.spaces import small
from tests.nas.replay.conftest import made_table

NOISE = 0.02


def made_truth(count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return features, accuracies that follow from them smoothly, and noisy ones."""
    generator = np.random.default_rng(seed)
    features = generator.standard_normal((count, 6))
    true = 0.6 + 0.03 * np.tanh(features[:, 0]) - 0.02 * features[:, 1]
    return features, true, true + NOISE * generator.standard_normal(count)


@pytest.mark.parametrize("seed", range(4))
def test_the_distribution_is_nearer_to_the_truth_than_the_trainings_and_as_wide_as_it_is_off(
    seed: int,
) -> None:
    features, true, recorded = made_truth(200, seed)
    fitted = TrueAccuracies(features, recorded, NOISE)
    assert fitted.deviation == pytest.approx(NOISE)
    generator = np.random.default_rng(seed)
    draws = np.array([fitted.draw(generator) for _ in range(400)])
    error = np.sqrt(np.mean((draws.mean(axis=0) - true) ** 2))
    assert error < 0.75 * NOISE
    assert np.sqrt(np.mean(draws.var(axis=0))) == pytest.approx(error, rel=0.35)
    low, high = np.quantile(draws, (0.025, 0.975), axis=0)
    assert 0.88 < np.mean((low <= true) & (true <= high)) <= 1


def test_what_is_stated_for_networks_not_seen_is_about_their_error() -> None:
    features, _, recorded = made_truth(300, 0)
    error, stated = TrueAccuracies(features, recorded, NOISE).check()
    assert error > 0.9 * NOISE
    assert stated == pytest.approx(error, rel=0.25)


def test_held_out_predictions_do_not_know_the_network_that_they_judge() -> None:
    features, true, recorded = made_truth(200, 3)
    plain = HeldOut(features, recorded, NOISE)
    changed = recorded.copy()
    changed[7] += 0.2
    judged, other = (
        fitted.draw(np.random.default_rng(0))
        for fitted in (plain, HeldOut(features, changed, NOISE))
    )
    assert abs(other[7] - judged[7]) < 1e-3  # but for the variance that scales the prior
    assert np.abs(other - judged).max() > 5e-3
    assert np.corrcoef(judged, true)[0, 1] > np.corrcoef(recorded, true)[0, 1]
    seen = plain.seen(judged, 2, np.random.default_rng(0))
    assert seen == pytest.approx(np.array([recorded, recorded]))


def test_each_training_shows_the_truth_with_new_noise() -> None:
    features, _, recorded = made_truth(100, 1)
    fitted = TrueAccuracies(features, recorded, NOISE)
    generator = np.random.default_rng(0)
    true = fitted.draw(generator)
    seen = fitted.seen(true, 500, generator)
    assert seen.shape == (500, 100)
    assert np.std(seen - true) == pytest.approx(NOISE, rel=0.1)
    assert np.abs(seen.mean(axis=0) - true).max() < 5 * NOISE / 500**0.5
    assert np.corrcoef((seen - true)[0], (seen - true)[1])[0, 1] < 0.4


def test_by_default_the_noise_is_a_fifth_of_the_variance() -> None:
    features, _, recorded = made_truth(200, 2)
    assert TrueAccuracies(features, recorded, None).deviation == pytest.approx(
        np.sqrt(0.2) * recorded.std(), rel=0.1
    )


def test_logits_and_back() -> None:
    accuracies = np.array([0.002, 0.1, 0.5, 0.998])
    assert share(logit(accuracies)) == pytest.approx(accuracies)
    assert share(logit(np.array([0.0, 1.0]))) == pytest.approx([0.002, 0.998])


@pytest.mark.parametrize("text", ["product", "product:w=-0.3,v=0", "hard:T=0.5", "absolute:T=1.5"])
def test_rewards_are_those_of_the_ranking(text: str) -> None:
    table = made_table(small(), 12)
    table = replace(table, settings={**table.settings, "image_size": 32})
    networks = Networks.of(table)
    found = networks.line(Form("any", text))(networks.accuracies)
    expected = [reward(candidate, parse_reward(text)) for candidate in table.candidates]
    assert found == pytest.approx(expected)


def test_costs_are_relative_to_the_backbone() -> None:
    table = made_table(small(), 12)
    networks = Networks.of(replace(table, settings={**table.settings, "image_size": 32}))
    timed = [normalized_step_time(candidate) for candidate in table.candidates]
    assert networks.costs["step time"] == pytest.approx(timed)
    sizes = [(c.parameters or 0) / (c.reference_parameters or 1) for c in table.candidates]
    assert networks.costs["parameters"] == pytest.approx(sizes)
    # A made million; the backbone of small at 32 px has 4.2 million.
    assert networks.costs["multiply-adds"] == pytest.approx(networks.costs["multiply-adds"][0])
    cost = float(networks.costs["multiply-adds"][0])
    by_multiply_adds = networks.line(Form("any", cost="multiply-adds"))(networks.accuracies)
    first = Objective()(table.candidates[0].accuracy or 0, cost, sizes[0])
    assert by_multiply_adds[0] == pytest.approx(first)


def test_traits_are_those_of_the_architecture() -> None:
    stages = (
        Stage("fused_mbconv", 3, 1, 1, 16, 2),
        Stage("mbconv", 5, 2, 4, 24, 1, 0.25),
        Stage("fused_mbconv", 3, 2, 4, 40, 3),
    )
    architecture = Architecture(stages, stem_channels=16, stem_stride=2, head_channels=64)
    assert letters(architecture) == "FMF"
    found = {name: values.tolist() for name, values in traits([architecture], 4).items()}
    assert found == {
        "stages with kernel 3": [2 / 3],
        "mean expansion": [3.0],
        "layers": [6.0],
        "a stage is left out": [1.0],
        "Fused-MBConv, early half": [0.5],
        "Fused-MBConv, late half": [1.0],
    }


def test_a_table_without_multiply_adds_is_refused() -> None:
    table = made_table(small(), 3)
    first = replace(table.candidates[0], multiply_adds=None)
    settings = {**table.settings, "image_size": 32}
    with pytest.raises(ValueError, match="TABLE: a candidate has no multiply-adds"):
        Networks.of(replace(table, candidates=(first, *table.candidates[1:]), settings=settings))
