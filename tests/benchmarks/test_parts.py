"""Parts of the reward and the space by replay, on made networks whose right answer is known."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import parts
from benchmarks.parts import COSTS, EXPONENTS, JUDGE, OPERATORS, ORDERS, Found, Plan, simulate
from benchmarks.true_accuracy import (
    MULTIPLY_ADDS,
    PARAMETERS,
    STEP_TIME,
    Floats,
    Form,
    Networks,
    TrueAccuracies,
)
from nas.replay.table import write_table
from results.noise import Outcome
from search_space.spaces import small
from tests.nas.replay.conftest import made_table


class Known(TrueAccuracies):
    """True accuracies that are known, and trainings without noise."""

    def __init__(self, accuracies: Floats) -> None:
        self._accuracies = accuracies

    def draw(self, generator: np.random.Generator) -> Floats:
        """Return the known ones."""
        return self._accuracies

    def seen(self, true: Floats, searches: int, generator: np.random.Generator) -> Floats:
        """Return the true ones in each search."""
        return np.tile(true, (searches, 1))


def made(
    accuracies: Floats, step_times: Floats, multiply_adds: Floats | None = None
) -> tuple[Networks, Known]:
    """Make networks of equally many parameters."""
    outcomes = [
        Outcome(i, None, 10, accuracy, step_time, None, 1.0, 0.1)
        for i, (accuracy, step_time) in enumerate(zip(accuracies, step_times, strict=True))
    ]
    costs = {
        STEP_TIME: step_times,
        MULTIPLY_ADDS: step_times if multiply_adds is None else multiply_adds,
        PARAMETERS: np.ones(len(step_times)),
    }
    operators = ["M" * (1 + i % 3) for i in range(len(step_times))]
    features = np.zeros((len(step_times), 1))
    return Networks(outcomes, costs, operators, {}, features), Known(accuracies)


def whole(networks: Networks, true: Known, forms: tuple[Form, ...] = COSTS) -> list[Found]:
    """Search among all of a random half of the networks, so nothing is left to the draw."""
    count = len(networks.outcomes)
    return simulate(networks, true, forms, np.arange(count), Plan(count // 2, 20, 2))


def test_the_cost_in_the_place_of_the_step_time_is_what_is_saved() -> None:
    """Equal accuracies, and multiply-adds that fall as the step time rises."""
    step_times = np.linspace(0.5, 2, 40)
    networks, true = made(np.full(40, 0.5), step_times, step_times[::-1])
    measured, by_multiply_adds, by_parameters, _ = whole(networks, true)
    assert (measured.step_time <= by_parameters.step_time).all()
    assert (by_multiply_adds.step_time >= by_parameters.step_time).all()
    assert measured.step_time.mean() < 0.7
    assert by_multiply_adds.step_time.mean() > 1.8
    assert (measured.reward == measured.best).all()
    assert (step_times[measured.place] == measured.step_time).all()
    # The slowest instead of the fastest: (2 / 0.5)^-0.07 of the reward, but for a few left out.
    lost = 1 - by_multiply_adds.reward / by_multiply_adds.best
    assert 1 - 4**-0.07 > lost.mean() > 1 - 3**-0.07


def test_a_stronger_exponent_buys_time_with_accuracy() -> None:
    step_times = np.linspace(0.3, 3, 60)
    networks, true = made(0.5 + 0.05 * np.log(step_times), step_times)
    forms = {form.reward: found for form, found in zip(EXPONENTS, whole(
        networks, true, EXPONENTS), strict=True)}  # fmt: skip
    order = [
        forms[f"product:w={w}"].step_time.mean()
        if w != "-0.07"
        else forms["product"].step_time.mean()
        for w in ("0", "-0.03", "-0.07", "-0.15", "-0.3")
    ]
    assert order == sorted(order, reverse=True)
    assert order[0] > 2.5
    assert order[-1] < 0.5
    assert (forms["hard:T=1"].step_time <= 1.0).all()
    assert forms["hard:T=1"].step_time.mean() > 0.8
    # Parameters are equal, so the soft form is the product.
    assert (forms["soft:T=1"].step_time == forms["product"].step_time).all()
    assert abs(forms["absolute:T=1"].step_time.mean() - 1) < abs(order[2] - 1)


def test_noise_makes_the_chosen_seem_better_and_loses_reward() -> None:
    """Accuracies that differ by nothing but noise."""
    networks, _ = made(np.full(60, 0.5), np.ones(60))
    generator = np.random.default_rng(0)
    features = generator.standard_normal((60, 5))
    recorded = 0.5 + 0.02 * generator.standard_normal(60)
    true = TrueAccuracies(features, recorded, 0.02)
    (found,) = simulate(networks, true, [JUDGE], np.arange(60), Plan(30, 50, 10))
    lift = found.seen - found.accuracy
    assert lift.mean() == pytest.approx(0.03, abs=0.01)  # two deviations, less what is true
    assert found.accuracy.mean() == pytest.approx(0.5, abs=0.015)
    assert (found.reward <= found.best).all()
    assert (found.reward < found.best).mean() > 0.5


def test_the_interval_of_the_table_holds_the_value_of_the_space() -> None:
    """Tables of 80 networks of a space, searches of 10: the mean step time of what they choose."""
    generator = np.random.default_rng(0)

    def drawn(count: int) -> tuple[Networks, Known]:
        step_times = np.exp(0.4 * generator.standard_normal(count))
        return made(0.5 + 0.02 * generator.standard_normal(count), step_times)

    networks, true = drawn(20_000)
    plan = Plan(10, 40, 100)
    (found,) = simulate(networks, true, [JUDGE], np.arange(20_000), plan)
    value, held = found.step_time.mean(), 0
    for _ in range(100):
        networks, true = drawn(80)
        (found,) = simulate(networks, true, [JUDGE], np.arange(80), Plan(10, 60, 15))
        low, high = np.quantile(found.step_time.mean(axis=1), (0.025, 0.975))
        held += low <= value <= high
    assert held >= 89  # 95 of 100 are meant; 88 or fewer have a chance of 0.4 %


def test_parts_of_the_space_are_told_by_their_operators() -> None:
    networks, _ = made(np.full(120, 0.5), np.ones(120))
    texts = ("MM", "FF", "FM", "MF", "FMF")
    networks = replace(networks, operators=[*texts[:4] * 30])
    by_operators, by_order = parts.pools(networks, OPERATORS), parts.pools(networks, ORDERS)
    assert [len(pool) for pool in by_operators.values()] == [120, 30, 30, 60]
    assert {networks.operators[i] for i in by_order["Fused, then MBConv"]} == {"FM"}
    assert {networks.operators[i] for i in by_order["MBConv, then Fused"]} == {"MF"}
    networks = replace(networks, operators=["FMF"] * 91 + ["MM"] * 29)
    assert list(parts.pools(networks, OPERATORS)) == ["all", "both operators"]
    assert not parts.pools(networks, ORDERS)


def test_a_table_is_printed_with_what_it_cannot_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table = made_table(small(), 80)
    settings = {**table.settings, "image_size": 32, "sampler": "model"}
    write_table(tmp_path / "table.parquet", replace(table, settings=settings))
    arguments = ["--sizes", "10,20,50", "--halves", "4", "--searches", "3"]
    monkeypatch.setattr(sys, "argv", ["parts", str(tmp_path / "table.parquet"), *arguments])
    parts.main()
    out = capsys.readouterr().out
    assert "80 networks, 6 epochs" in out
    assert "were proposed by model, not drawn at random" in out
    assert "searches of 50: more than half of the table" in out
    for form in (*COSTS, *EXPONENTS):
        assert out.count(f"\n{form.name} ") == 2  # searches of 10 and of 20
    assert "all (n = 80)" in out
    assert out.count("the chosen of the first line, and the table's mean") == 2
    kernels = [stage.kernel == 3 for c in table.candidates for stage in c.architecture.stages]
    (mean,) = set(re.findall(r"stages with kernel 3 .*, (.*)", out))
    assert float(mean) == pytest.approx(np.mean(kernels), abs=0.03)
