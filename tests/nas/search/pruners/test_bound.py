"""The bound never discards a recorded run's winner, and says what it saved."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from nas.search.pruners.base import first_stop
from nas.search.pruners.bound import Bound, Certain, Credible
from results.candidate import Candidate, State
from results.ranking import best
from reward.objective import Objective
from tests.nas.search.pruners.conftest import EPOCHS, after, made

OBJECTIVE = Objective()


def _trained(order: list[Candidate]) -> list[Candidate]:
    """Those of the order that the certain bound lets train, each judged before it begins."""
    rule, trained = Bound(OBJECTIVE, Certain()), []
    for candidate in order:
        ends = first_stop(after(candidate, 0), [rule])
        if ends is None:
            trained.append(candidate)
        rule.ended(ends or candidate)
    return trained


@pytest.mark.parametrize("seed", range(50))
def test_the_certain_bound_keeps_the_winner_of_a_recorded_run(
    recorded: list[Candidate], seed: int
) -> None:
    order = random.Random(seed).sample(recorded, len(recorded))
    trained = _trained(order)
    assert best(trained, OBJECTIVE) == best(recorded, OBJECTIVE)
    assert len(trained) < 0.8 * len(recorded)


def test_it_keeps_the_winner_in_the_recorded_order(recorded: list[Candidate]) -> None:
    """104 of the 200 were not trained at all, as benchmarks/README.md says."""
    trained = _trained(recorded)
    assert best(trained, OBJECTIVE) == best(recorded, OBJECTIVE)
    assert len(trained) == 96


def test_equals_are_not_stopped() -> None:
    rule = Bound(OBJECTIVE, Certain())
    rule.ended(made(1, [1.0]))
    assert rule.verdict(after(made(0, [1.0]), 0)) is None
    why = rule.verdict(after(made(0, [1.0], step_time=1.01), 0))
    assert why == "reward 0.9993 at most, at accuracy 1.000; candidate 1 has 1.0000"


def test_nothing_is_said_before_step_time_and_parameters_are_known() -> None:
    rule = Bound(OBJECTIVE, Certain())
    slow = after(made(1, [0.5], step_time=100.0), 0)
    assert rule.verdict(slow) is None  # nothing to compare with either
    rule.ended(made(0, [0.9]))
    assert rule.verdict(slow) is not None
    assert rule.verdict(replace(slow, step_time=None)) is None
    assert rule.verdict(replace(slow, parameters=None)) is None


def test_only_complete_candidates_raise_the_bound() -> None:
    rule = Bound(OBJECTIVE, Certain())
    rule.ended(replace(made(0, [1.0], step_time=0.01), state=State.STOPPED))
    assert rule.verdict(after(made(1, [0.5], step_time=2.0), 0)) is None


def test_the_credible_ceiling_is_its_formula() -> None:
    ceiling = Credible(epochs=2, fewest=2, margin=0.5)
    candidate = after(made(9, [0.4, 0.5]), 1)
    ceiling.ended(made(0, [0.5, 0.8]))  # 0.4 of the error left
    assert ceiling.of(candidate) == 1.0  # one is too few
    ceiling.ended(made(1, [0.2, 0.76]))  # 0.3 of it
    assert ceiling.of(candidate) == pytest.approx(1 - 0.6 * 0.3 / 1.5)
    assert ceiling.of(after(candidate, 0)) == 1.0
    ceiling.ended(made(2, [0.9, 0.1]))  # more error than before: says nothing against the others
    assert ceiling.of(candidate) == pytest.approx(1 - 0.6 * 0.3 / 1.5)
    ceiling.ended(made(3, [1.0, 1.0]))  # nothing left of nothing
    assert ceiling.of(candidate) == 1.0


def test_without_the_margin_one_more_passes_its_ceiling_no_oftener_than_the_proof_says() -> None:
    """1 / (n + 1) of exchangeable candidates at most, here with n = 9, within three deviations."""
    generator, passed, rounds, n = random.Random(0), 0, 2000, 9
    for _ in range(rounds):
        ceiling = Credible(epochs=2, fewest=n, margin=0.0)
        curves = [[generator.random() * 0.5, 0.5 + generator.random() * 0.5] for _ in range(n + 1)]
        for number, curve in enumerate(curves[:n]):
            ceiling.ended(made(number, curve))
        passed += curves[n][1] > ceiling.of(after(made(n, curves[n]), 1))
    share = 1 / (n + 1)
    assert 0 < passed <= rounds * share + 3 * (rounds * share * (1 - share)) ** 0.5


def test_a_learned_ceiling_stops_what_lags_behind_and_not_what_leads() -> None:
    rule = Bound(OBJECTIVE, Credible(EPOCHS, fewest=3))
    leading = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9]
    for number in range(3):
        rule.ended(made(number, leading))
    lagging = made(3, [0.5 * accuracy for accuracy in leading])
    ends = [epoch for epoch in range(1, EPOCHS) if rule.verdict(after(lagging, epoch))]
    assert ends
    assert not [epoch for epoch in range(EPOCHS) if rule.verdict(after(made(4, leading), epoch))]
