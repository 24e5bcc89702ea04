"""The result of a comparison, from made candidates."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from results.candidate import FULL, PROXY, Candidate, CurvePoint, State
from results.comparison import Comparison, Fidelity
from results.proxy_report import ProxyReport, find_report
from results.proxy_words import answer, sentences
from reward.objective import Objective
from tests.results.conftest import MakeCandidate

FIDELITY = Fidelity(4, 8)
TRIED = "size=24"
COMPARISON = Comparison({FULL: FIDELITY, TRIED: FIDELITY}, 2, None)


def network(
    make: MakeCandidate, i: int, proxy: float, full: float, tried: float, early: float
) -> list[Candidate]:
    """Return the trainings of one network; its first is number 10 i."""
    curve = (CurvePoint(1, 1.0, early, 2.0), CurvePoint(2, 1.0, proxy, 5.0))
    first = make(10 * i, accuracy=proxy, curve=curve)
    long = (CurvePoint(1, 1.0, 0.1, 30.0), CurvePoint(2, 1.0, full, 60.0))
    again = replace(first, confirms=10 * i)
    return [
        first,
        replace(again, number=10 * i + 1, fidelity=FULL, accuracy=full, curve=long),
        replace(again, number=10 * i + 2, fidelity=TRIED, accuracy=tried,
                curve=(CurvePoint(1, 1.0, tried, 1.0),)),
    ]  # fmt: skip


@pytest.fixture
def report(make_candidate: MakeCandidate) -> ProxyReport:
    """Twelve networks, whose proxy is right but for one pair; what was tried ranks the reverse."""
    candidates = []
    for i in range(12):
        full = 0.5 + 0.02 * i
        proxy = 0.3 + 0.02 * {0: 1, 1: 0}.get(i, i)
        candidates += network(make_candidate, i, proxy, full, 0.9 - proxy, 0.1 + 0.02 * i)
    twice = replace(candidates[1], number=1001, accuracy=0.503)
    by_proxy = replace(candidates[0], number=1002, confirms=0, fidelity=PROXY, accuracy=0.31)
    return find_report([*candidates, twice, by_proxy], COMPARISON, Objective())


def test_tau_of_the_proxy_counts_the_pairs_in_the_same_order(report: ProxyReport) -> None:
    pairs = 12 * 11 / 2
    tau = report.proxy.reward
    assert tau is not None
    assert report.proxy.accuracy is not None
    assert tau.value == pytest.approx((pairs - 2) / pairs)
    assert report.proxy.accuracy.value == pytest.approx((pairs - 2) / pairs)
    assert report.proxy.better_half is not None
    assert report.proxy.better_half.value == pytest.approx(1.0)
    assert report.networks == 12
    assert report.proxy.seconds == 5.0
    assert report.full_seconds == 60.0


def test_the_curve_and_what_was_tried_are_compared_too(report: ProxyReport) -> None:
    (early,), (tried,) = report.curve, report.tried
    assert early.name == "epochs=1"
    assert early.seconds == 2.0
    assert early.reward is not None
    assert tried.reward is not None
    assert early.reward.value == pytest.approx(1.0)
    assert tried.reward.value == pytest.approx(-64 / 66)
    assert early.per_minute == pytest.approx(30.0)


def test_the_cheapest_that_is_as_good_is_recommended(report: ProxyReport) -> None:
    assert report.cheaper is report.curve[0]
    assert report.is_worth is True
    assert "worth starting" in answer(report)
    said = "A cheaper proxy may do: by the learning curve, epochs=1 has a tau of 1.00 in 0.40 of"
    assert any(said in sentence for sentence in sentences(report))


def test_one_that_ranks_the_reverse_is_not_worth_a_search(make_candidate: MakeCandidate) -> None:
    candidates = [
        c for i in range(12)
        for c in network(make_candidate, i, 0.9 - 0.02 * i, 0.5 + 0.02 * i, 0.5, 0.2)
    ]  # fmt: skip
    report = find_report(candidates, COMPARISON, Objective())
    assert report.is_worth is False
    assert "not worth starting" in answer(report)
    assert report.cheaper is None


def test_chance_is_not_certain_and_more_is_priced(make_candidate: MakeCandidate) -> None:
    generator = random.Random(5)
    proxy = [0.3 + 0.01 * i for i in range(6)]
    full = sorted(proxy, key=lambda _: generator.random())
    candidates = [
        c for i in range(6) for c in network(make_candidate, i, proxy[i], full[i], 0.5, 0.2)
    ]
    report = find_report(candidates, COMPARISON, Objective())
    assert report.is_worth is None
    assert "Not certain yet" in answer(report)
    more = report.more()
    assert more is not None
    networks, hours = more
    assert hours == pytest.approx(networks * (5 + 60 + 1) / 3600)


def test_only_networks_with_both_trainings_count(make_candidate: MakeCandidate) -> None:
    candidates = [c for i in range(5) for c in network(make_candidate, i, 0.3, 0.5, 0.4, 0.2)]
    candidates[1] = replace(candidates[1], state=State.FAILED, accuracy=None)
    report = find_report(candidates, COMPARISON, Objective())
    assert report.networks == 4
    assert set(report.points) == {0, 10, 20, 30, 40}


def test_without_a_network_nothing_is_known() -> None:
    report = find_report([], COMPARISON, Objective())
    assert report.networks == 0
    assert report.is_worth is None
    assert report.more() is None
    assert report.cheaper is None
    assert "too few to compare" in answer(report)
