"""When a search ends and what it costs, forecast from made-up durations."""

from __future__ import annotations

import heapq
import math
import random
from dataclasses import replace

import pytest

from results.candidate import BACKBONE, Candidate, State
from results.forecast import RECENT, Course, Durations, Forecast, Plan, time_left_s, worked_s
from search_space.spaces import small

BEGAN = 1_000_000.0
BACKBONE_NETWORK = small(8).backbone


def ended(
    number: int,
    start: float,
    end: float,
    state: State = State.COMPLETE,
    confirms: int | None = None,
) -> Candidate:
    return Candidate(
        number, state, BACKBONE_NETWORK, 0, confirms=confirms, started_at=start, finished_at=end
    )


def running(number: int, start: float) -> Candidate:
    return replace(ended(number, start, 0), state=State.RUNNING, finished_at=None)


def in_rounds(rounds: int, workers: int, seconds: float = 60.0) -> list[Candidate]:
    """Candidates that all take equally long, ``workers`` at a time."""
    return [
        ended(w + workers * r, BEGAN + seconds * r, BEGAN + seconds * (r + 1))
        for r in range(rounds)
        for w in range(workers)
    ]


def test_equal_durations_leave_only_the_last_ones_uncertain() -> None:
    """40 of a minute take 4 workers 10 minutes, and up to 3/4 of the last one more."""
    minutes = Durations.estimated([60.0] * 10)
    assert time_left_s(minutes, workers=4, trainings=40) == (600.0, 645.0)
    assert time_left_s(minutes, workers=1, trainings=40) == (2400.0, 2400.0)
    assert time_left_s(minutes, workers=4, trainings=2, begun_s=20.0) == (50.0, 80.0)
    assert time_left_s(minutes, workers=4, trainings=0) == (0.0, 0.0)
    assert time_left_s(minutes, workers=4, trainings=math.inf) == (math.inf, math.inf)


def test_the_spread_is_that_of_the_trainings_and_of_their_mean() -> None:
    """Durations 50 and 70 have the mean 60 and the deviation 14.142."""
    durations = Durations.estimated([50.0, 70.0])
    assert durations == Durations(2, 60.0, math.sqrt(200), 70.0)
    low, high = time_left_s(durations, workers=1, trainings=100)
    spread = 1.645 * 2.5 * math.sqrt(200) * math.sqrt(100 + 100**2 / 2)
    assert (low, high) == pytest.approx((6000 - spread, 6000 + spread))
    assert time_left_s(Durations.estimated([1.0, 100.0]), 1, 8)[0] == 0.0


def test_what_runs_corrects_the_mean_of_the_few_that_have_ended() -> None:
    """Two of 10 s have ended and two run for 20 s: (20 + 40) / (2 + 2 / 2)."""
    assert Durations.estimated([10.0, 10.0], [20.0, 20.0]).mean_s == pytest.approx(20.0)
    assert Durations.estimated([10.0, 10.0], [0.0, 0.0]).mean_s == pytest.approx(10.0)


def test_a_budget_is_done_at_the_workers_pace() -> None:
    course = Course(in_rounds(rounds=5, workers=4))
    end = BEGAN + 300 + 80 / 4 * 60
    assert course.forecast(Plan(budget=100)) == Forecast((end, end + 45), 100, is_cut=False)
    assert course.forecast(Plan(budget=100, space_size=20)) == Forecast(
        (BEGAN + 300,) * 2, 20, is_cut=False
    )


def test_before_three_candidates_have_ended_nothing_is_forecast() -> None:
    course = Course(in_rounds(rounds=2, workers=1))
    course.add(ended(7, BEGAN, BEGAN + 60, confirms=BACKBONE))
    course.add(ended(8, BEGAN, BEGAN, state=State.DUPLICATE))
    assert course.forecast(Plan(budget=10)) is None
    course.add(ended(9, BEGAN + 120, BEGAN + 180))
    assert course.forecast(Plan(budget=10)) is not None


def test_without_a_budget_or_a_time_no_end_is_forecast() -> None:
    assert Course(in_rounds(rounds=5, workers=1)).forecast(Plan()) is None


def test_candidates_that_failed_make_the_rest_take_longer() -> None:
    """Every second one fails, so the 10 that are left take 20 trainings."""
    course = Course(
        ended(i, BEGAN + 60 * i, BEGAN + 60 * (i + 1), State.FAILED if i % 2 else State.COMPLETE)
        for i in range(10)
    )
    forecast = course.forecast(Plan(budget=15))
    assert forecast is not None
    assert forecast.ends_at == (BEGAN + 600 + 1200,) * 2


def test_where_time_ends_the_search_it_says_how_many_candidates_that_gives() -> None:
    """Of 1000 s, 700 s are left after 5 rounds of 60 s, in which 4 workers train 46.7 more."""
    course = Course(in_rounds(rounds=5, workers=4))
    until = BEGAN + 1000
    assert course.forecast(Plan(until=until)) == Forecast((until, until), 67, is_cut=True)
    assert course.forecast(Plan(budget=500, until=until)) == Forecast((until, until), 67, True)
    end = BEGAN + 600
    assert course.forecast(Plan(budget=40, until=until)) == Forecast((end, end + 45), 40, False)


def test_a_comparison_that_time_ends_still_has_pairs_to_come() -> None:
    """Four of twenty networks took 6 minutes each, in full and before; 36 minutes do six more."""
    trainings = []
    for i in range(4):
        start = BEGAN + 360 * i
        trainings += [ended(2 * i, start, start + 60)]
        trainings += [ended(2 * i + 1, start + 60, start + 360, confirms=2 * i)]
    plan = Plan(20, 1e6, BEGAN + 3600, confirmations=20, confirms_at_once=True)
    forecast = Course(trainings).forecast(plan)
    assert forecast is not None
    assert forecast.is_cut
    assert forecast.candidates == 10


def test_confirmations_take_their_share() -> None:
    """Six trainings of twice the length take one worker 720 s."""
    course = Course(in_rounds(rounds=10, workers=1))
    plan = Plan(budget=10, confirmations=6, confirmation_factor=2.0)
    confirmed = course.forecast(plan)
    assert confirmed is not None
    assert confirmed.ends_at == (BEGAN + 600 + 720,) * 2
    cut = course.forecast(replace(plan, budget=math.inf, until=BEGAN + 600 + 720 + 120))
    assert cut is not None
    assert (cut.candidates, cut.is_cut) == (12, True)

    course.add(ended(20, BEGAN + 600, BEGAN + 700, confirms=3))  # shorter than expected
    shorter = course.forecast(plan)
    assert shorter is not None
    assert shorter.ends_at == (BEGAN + 700 + 500,) * 2


def test_the_cost_is_that_of_all_workers_until_the_end() -> None:
    """20 minutes of work are done; 20 candidates of a minute are left, the last 3/4 longer."""
    course = Course(in_rounds(rounds=5, workers=4))
    forecast = course.forecast(Plan(budget=40, price=6.0))
    assert forecast is not None
    assert forecast.cost_so_far == pytest.approx(2.0)
    assert forecast.cost == pytest.approx((4.0, 4.3))


def test_the_cost_of_a_search_that_time_ends() -> None:
    """30 minutes by 5 workers are left, and 2 minutes of what runs are behind."""
    course = Course(in_rounds(rounds=5, workers=4))
    course.add(running(20, BEGAN + 180))  # the fifth at once
    forecast = course.forecast(Plan(until=BEGAN + 300 + 1800, price=1.0))
    assert forecast is not None
    assert forecast.cost == pytest.approx(((20 + 2 + 5 * 30) / 60,) * 2)


def test_after_a_pause_the_time_counts_from_the_new_start() -> None:
    course = Course(in_rounds(rounds=5, workers=1))
    course.add(running(5, BEGAN + 10_000))
    forecast = course.forecast(Plan(budget=10))
    assert forecast is not None
    assert forecast.ends_at == (BEGAN + 10_300,) * 2


def test_only_the_last_candidates_tell_how_long_the_next_take() -> None:
    long_ago = [ended(i, i, i + 1) for i in range(50)]
    forecast = Course([*long_ago, *in_rounds(RECENT, 1)]).forecast(Plan(budget=RECENT + 150))
    assert forecast is not None
    assert forecast.ends_at == (BEGAN + 60 * (RECENT + 100),) * 2


def test_the_interval_holds_the_end_of_nine_of_ten_simulated_searches() -> None:
    """100 candidates of very unlike durations on 4 workers, forecast after 20 have ended."""
    inside = sum(_is_inside(seed) for seed in range(200))
    assert 174 <= inside <= 188


def _is_inside(seed: int) -> bool:
    generator = random.Random(seed)
    free = [BEGAN] * 4
    trainings = []
    for number in range(100):
        start = heapq.heappop(free)
        trainings.append(ended(number, start, start + generator.lognormvariate(4, 0.5)))
        heapq.heappush(free, trainings[-1].finished_at or 0)
    by_end = sorted(trainings, key=lambda training: training.finished_at or 0)
    course, now = Course(by_end[:20]), by_end[19].finished_at or 0
    for training in trainings:
        if (training.started_at or 0) <= now < (training.finished_at or 0):
            course.add(running(training.number, training.started_at or 0))
    forecast = course.forecast(Plan(budget=100))
    assert forecast is not None
    low, high = forecast.ends_at
    return low <= (by_end[-1].finished_at or 0) <= high


def test_worked_time_leaves_out_pauses_and_counts_what_overlaps_once() -> None:
    trainings = [ended(0, 0, 10), ended(1, 5, 20), ended(2, 6, 8), ended(3, 100, 130)]
    assert worked_s([*trainings, running(4, 140)]) == 50.0
    assert worked_s([]) == 0.0
