"""How sure a winner is: intervals, the noise of seeds, chances and ties, by known values."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from math import hypot, sqrt
from statistics import NormalDist, fmean

import pytest

from results.candidate import BACKBONE
from results.certainty import Certainty, find_certainty
from results.noise import Noise, Outcome, find_noise, trainings_by_candidate, wilson_interval
from reward.metric import METRICS
from reward.objective import Objective, parse_reward

ACCURACY_ONLY = Objective(0.0, 0.0)
EXACT_SEEDS = 1000  # degrees of freedom that make an estimate exact


def outcome(
    number: int,
    accuracy: float,
    confirms: int | None = None,
    step_time: float = 1.0,
    interval: tuple[float, float] | None = None,
    epochs: int = 10,
) -> Outcome:
    return Outcome(number, confirms, epochs, accuracy, step_time, interval, 1.0, 0.1)


def certainty(
    found: Sequence[Outcome], noise: Noise, objective: Objective = ACCURACY_ONLY
) -> Certainty:
    result = find_certainty(found, objective, noise)
    assert result is not None
    return result


def measured(truths: Sequence[float], deviation: float, generator: random.Random) -> list[Outcome]:
    """Return an outcome for each true accuracy, its seed's deviation added."""
    return [
        outcome(i, min(1.0, max(0.0, generator.gauss(truth, deviation))))
        for i, truth in enumerate(truths)
    ]


def test_wilson_interval() -> None:
    """81 of 263: Newcombe (Statistics in Medicine 17, 1998), Table I, method 3."""
    assert wilson_interval(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson_interval(0.0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_the_seeds_widen_the_interval_in_quadrature() -> None:
    low, high = wilson_interval(0.9, 1000)
    assert Noise(1000).accuracy_interval(0.9) == (low, high)
    wider = Noise(1000, 0.01, 2).accuracy_interval(0.9)
    assert wider is not None
    assert 0.9 - wider[0] == pytest.approx(hypot(0.9 - low, 0.0196), abs=1e-5)
    of_four = Noise(1000, 0.01, 2).accuracy_interval(0.9, trainings=4)
    assert of_four is not None
    assert of_four[1] - 0.9 == pytest.approx(hypot(high - 0.9, 0.0098), abs=1e-5)
    assert Noise().accuracy_interval(0.9) is None


def of_images(number: int, accuracy: float, images: float | None) -> Outcome:
    """Return an outcome as noisy as a share of so many images."""
    return replace(outcome(number, accuracy), effective_images=images)


def test_another_metric_is_as_noisy_as_a_share_of_its_effective_images() -> None:
    noise = Noise(1000, metric=METRICS["macro_f1"])
    assert noise.accuracy_interval(0.9, images=150.5) == wilson_interval(0.9, 150.5)
    assert noise.accuracy_interval(0.9) is None  # the minival's size says nothing of it
    assert noise.share_of([100.0, 300.0]) == 150.0  # the mean of two variances
    assert noise.share_of([100.0, None]) is None
    assert Noise(1000, metric=METRICS["top5"]).share_of([None]) == 1000


def test_the_chances_follow_the_effective_images() -> None:
    """0.90 and 0.88 of 10,000 images are far apart, of 100 they are not."""
    noise = Noise(10_000, metric=METRICS["macro_f1"])
    pair = ((0, 0.90), (1, 0.88))
    sure = certainty([of_images(*each, 10_000.0) for each in pair], noise).winner_chance
    unsure = certainty([of_images(*each, 100.0) for each in pair], noise).winner_chance
    as_shares = certainty([outcome(*each) for each in pair], Noise(100)).winner_chance
    assert sure > 0.99
    assert unsure == as_shares < 0.8
    unknown = [of_images(0, 0.9, 100.0), of_images(1, 0.88, None)]
    assert find_certainty(unknown, ACCURACY_ONLY, noise) is None


def test_the_seeds_deviation_is_pooled_over_backbone_and_confirmed() -> None:
    found = [
        outcome(0, 0.70, BACKBONE), outcome(1, 0.72, BACKBONE), outcome(2, 0.74, BACKBONE),
        outcome(3, 0.99), outcome(4, 0.80, confirms=3), outcome(5, 0.82, confirms=3),
    ]  # fmt: skip
    noise = find_noise(found, 1000)
    assert noise.degrees == 3
    assert noise.seed_deviation == pytest.approx(sqrt((2 * 0.02**2 + 2 * 0.01**2) / 3))


def test_trainings_of_another_length_are_not_pooled() -> None:
    found = [
        outcome(0, 0.70, BACKBONE), outcome(1, 0.72, BACKBONE),
        outcome(2, 0.9), outcome(3, 0.8, 2, epochs=30), outcome(4, 0.81, 2, epochs=30),
    ]  # fmt: skip
    assert find_noise(found, 1000).degrees == 1
    assert {n: len(group) for n, group in trainings_by_candidate(found).items()} == {2: 2}
    result = certainty(found, Noise(1000))
    assert (result.winner, result.count, result.is_of_confirmed) == (2, 1, True)


def test_without_the_size_of_the_minival_nothing_is_stated() -> None:
    assert find_certainty([outcome(0, 0.9)], ACCURACY_ONLY, Noise()) is None
    assert find_certainty([], ACCURACY_ONLY, Noise(1000)) is None


def test_two_far_apart_are_sure_and_two_equal_are_not() -> None:
    noise = Noise(1000, 0.01, EXACT_SEEDS)
    far = certainty([outcome(0, 0.9), outcome(1, 0.6)], noise)
    assert (far.winner, far.ties) == (0, ())
    assert far.winner_chance == pytest.approx(1.0)
    equal = certainty([outcome(0, 0.8), outcome(1, 0.8)], noise)
    assert equal.winner_chance == pytest.approx(0.5, abs=0.05)
    assert equal.ties == (1,)


def test_a_lead_counts_less_than_for_a_pair_chosen_beforehand() -> None:
    """For such a pair it is Phi(difference / deviation); one that stands out is drawn back."""
    others = [outcome(2 + i, 0.2 + 0.002 * i) for i in range(300)]
    pair = [outcome(0, 0.85), outcome(1, 0.84)]
    sd = hypot(0.01, sqrt(0.85 * 0.15 / 10_000))
    result = certainty([*pair, *others], Noise(10_000, 0.01, EXACT_SEEDS))
    assert 0.55 < result.winner_chance < NormalDist().cdf(0.01 / (sd * sqrt(2)))


def test_few_trainings_make_less_sure_than_many() -> None:
    found = [outcome(0, 0.9), outcome(1, 0.87)]
    few = certainty(found, Noise(10_000, 0.01, 2)).winner_chance
    many = certainty(found, Noise(10_000, 0.01, EXACT_SEEDS)).winner_chance
    assert few < many - 0.02


def test_a_wide_step_time_makes_unsure() -> None:
    """With w = -1, a step of 1 +- 0.2 moves the reward by about a tenth, one deviation."""
    objective = Objective(-1.0, 0.0)
    exact = [outcome(0, 0.8, step_time=1.0), outcome(1, 0.76, step_time=1.0)]
    loose = [replace(each, step_time_interval=(0.8, 1.2)) for each in exact]
    noise = Noise(100_000)
    assert certainty(exact, noise, objective).winner_chance == pytest.approx(1.0)
    assert 0.5 < certainty(loose, noise, objective).winner_chance < 0.8


def test_confirmed_candidates_are_compared_by_the_mean_of_their_trainings() -> None:
    found = [
        outcome(0, 0.99), outcome(1, 0.95), outcome(2, 0.94),
        outcome(3, 0.80, confirms=0), outcome(4, 0.93, confirms=1),
        outcome(5, 0.80, confirms=0), outcome(6, 0.93, confirms=1),
    ]  # fmt: skip
    result = certainty(found, Noise(10_000, 0.01, EXACT_SEEDS))
    assert (result.winner, result.count, result.is_of_confirmed) == (1, 3, False)
    assert 0.3 < result.winner_chance < 0.7  # no. 2, trained once, may be better


@pytest.mark.parametrize("reward", ["product", "hard:T=1.2", "absolute:T=0.05s"])
def test_every_form_of_the_reward(reward: str) -> None:
    objective = parse_reward(reward)
    found = [outcome(i, 0.5 + 0.01 * i, step_time=0.5 + 0.05 * i) for i in range(30)]
    result = certainty(found, Noise(1000, 0.01, 2), objective)
    best = max(found, key=lambda each: each.reward(objective))
    assert result.winner == best.number
    assert sum(chance for _, chance in result.chances) == pytest.approx(1.0, abs=0.05)


def test_the_winners_curse_is_taken_back() -> None:
    """200 networks of true reward 0.8 +- 0.02, seeds of 0.03: the first exceeds its truth by 0.07.

    Over two thirds of that are taken back in the expected reward, over 40 searches.
    """
    generator = random.Random(0)
    lifts, expected_lifts = [], []
    for _ in range(40):
        truths = [generator.gauss(0.8, 0.02) for _ in range(200)]
        found = measured(truths, 0.03, generator)
        result = certainty(found, Noise(100_000, 0.03, EXACT_SEEDS))
        truth = truths[result.winner]
        lifts.append(found[result.winner].accuracy - truth)
        expected_lifts.append(result.expected_reward - truth)
    assert fmean(lifts) == pytest.approx(0.07, abs=0.015)
    assert abs(fmean(expected_lifts)) < 0.025


def test_stated_chances_hold() -> None:
    """Of winners said to be sure to some degree, as many are the best, to within a tenth."""
    generator = random.Random(1)
    stated, right = [], []
    for _ in range(150):
        truths = [generator.betavariate(8, 4) for _ in range(60)]
        result = certainty(measured(truths, 0.02, generator), Noise(100_000, 0.02, EXACT_SEEDS))
        stated.append(result.winner_chance)
        right.append(truths[result.winner] == max(truths))
    assert fmean(stated) == pytest.approx(fmean(right), abs=0.1)
