"""Random search without repetition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import optuna
import pytest
from optuna.samplers import BaseSampler
from optuna.testing.pytest_samplers import BasicSamplerTestCase, MultiObjectiveSamplerTestCase
from optuna.trial import TrialState, create_trial

from nas.search.samplers.random import PermutationSampler, distributions
from search_space.space import Point, Space
from search_space.spaces import efficientnet_b4

optuna.logging.set_verbosity(optuna.logging.WARNING)


def _study(sampler: BaseSampler) -> optuna.Study:
    return optuna.create_study(direction="maximize", sampler=sampler)


def _ask(study: optuna.Study, space: Space) -> Point:
    return study.ask(dict(distributions(space))).params


def _trials(space: Space, count: int, seed: int = 0) -> list[Point]:
    study = _study(PermutationSampler(space, seed))
    return [_ask(study, space) for _ in range(count)]


def test_a_small_space_is_covered_in_as_many_trials_as_it_has_points(tiny_space: Space) -> None:
    trials = _trials(tiny_space, tiny_space.grid_size)
    ids = {tiny_space.decode(point).architecture_id for point in trials}
    assert len(ids) == tiny_space.size == tiny_space.grid_size == 144


def test_past_the_end_the_order_begins_again(tiny_space: Space) -> None:
    trials = _trials(tiny_space, 150)
    assert trials[144:] == trials[:6]


def test_a_trial_depends_on_seed_and_number_alone(tiny_space: Space) -> None:
    """A trial does not depend on results, on their order, or on earlier trials."""
    expected = _trials(tiny_space, 12, seed=4)
    study = _study(PermutationSampler(tiny_space, 4))
    first, second = (study.ask(dict(distributions(tiny_space))) for _ in range(2))
    study.tell(second, 0.9)
    study.tell(first, state=TrialState.FAIL)
    for number in range(2, 12):
        trial = study.ask(dict(distributions(tiny_space)))
        assert trial.params == expected[number]
        study.tell(trial, 1.0 / number)

    resumed = _study(PermutationSampler(tiny_space, 4))
    for _ in range(11):
        other = tiny_space.encode(tiny_space.backbone)
        space = dict(distributions(tiny_space))
        resumed.add_trial(create_trial(value=0.5, params=other, distributions=dict(space)))
    assert _ask(resumed, tiny_space) == expected[11]


def test_seeds_differ(tiny_space: Space) -> None:
    assert _trials(tiny_space, 20, seed=1) != _trials(tiny_space, 20, seed=2)


def test_every_choice_comes_equally_often() -> None:
    """In a space far too large to be covered; 1000 trials, five standard deviations."""
    space = efficientnet_b4()
    trials = _trials(space, 1000)
    for name, options in space.options().items():
        share = 1 / len(options)
        deviation = (1000 * share * (1 - share)) ** 0.5
        counts = Counter(trial[name] for trial in trials)
        for option in options:
            assert abs(counts[option] - 1000 * share) < 5 * deviation, (name, option)


def test_two_choices_are_independent() -> None:
    trials = _trials(efficientnet_b4(), 1000)
    pairs = Counter((trial["stage1.kernel"], trial["stage2.kernel"]) for trial in trials)
    assert len(pairs) == 4
    assert all(180 < count < 320 for count in pairs.values())  # 250, deviation 13.7


def test_distributions_are_the_spaces_options(tiny_space: Space) -> None:
    found = distributions(tiny_space)
    options = {name: distribution.choices for name, distribution in found.items()}
    assert options == tiny_space.options()


def test_a_parameter_that_is_not_the_spaces_is_sampled_all_the_same(tiny_space: Space) -> None:
    study = _study(PermutationSampler(tiny_space, 0))
    trial = study.ask()
    assert 0 <= trial.suggest_float("other", 0, 1) <= 1


class TestOptunasOwnSuite(BasicSamplerTestCase, MultiObjectiveSamplerTestCase):
    """The test suite that Optuna publishes for samplers."""

    @pytest.fixture
    def sampler(self, tiny_space: Space) -> Callable[[], BaseSampler]:
        """Return a function that makes a new sampler at each call."""
        return lambda: PermutationSampler(tiny_space, 0)
