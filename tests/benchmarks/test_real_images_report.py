"""The time to an accuracy, and the sentence on the aim, from curves whose answers are known."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import pytest

from benchmarks.real_images_report import (
    Curve,
    Trained,
    summary,
    target_accuracy,
    time_to,
    verdict,
    write_csv,
    write_page,
)


def _trained(name: str, *curves: Curve) -> Trained:
    step = {"normalized_step_time": 0.5, "parameters": 1000}
    return Trained(name, tuple(range(len(curves))), curves, step, 0.008)


SLOW = _trained("resnet", [(10.0, 0.4), (20.0, 0.6)], [(10.0, 0.5), (20.0, 0.8)])
POOR = _trained("mobilenetv2", [(1.0, 0.1), (2.0, 0.2)])


def test_the_time_to_an_accuracy_lies_between_two_epochs() -> None:
    curve = [(10.0, 0.4), (20.0, 0.6), (30.0, 0.5)]
    assert time_to(curve, 0.2) == pytest.approx(5)
    assert time_to(curve, 0.4) == pytest.approx(10)
    assert time_to(curve, 0.55) == pytest.approx(17.5)
    assert time_to(curve, 0.6) == pytest.approx(20)
    assert time_to(curve, 0.61) is None


def test_the_time_to_an_accuracy_is_the_first_and_rises_with_it() -> None:
    generator = random.Random(0)
    for _ in range(100):
        curve = [(float(epoch), generator.random()) for epoch in range(1, 9)]
        highest = max(accuracy for _, accuracy in curve)
        targets = sorted(generator.uniform(0.01, highest) for _ in range(5))
        times = [time_to(curve, target) for target in targets]
        assert all(found is not None for found in times)
        assert times == sorted(times, key=lambda found: found or 0.0)
        for target, found in zip(targets, times, strict=True):
            assert found is not None
            assert all(accuracy < target for time_s, accuracy in curve if time_s < found)
        assert time_to(curve, highest + 1e-9) is None


def test_the_target_is_the_mean_of_the_best_hand_made_network() -> None:
    better = _trained("winner", [(1.0, 0.99)])
    assert target_accuracy([better, POOR, SLOW]) == pytest.approx(0.7)
    assert target_accuracy([better]) is None


@pytest.mark.parametrize(
    ("time_s", "share", "reached"),
    [(10.0, "0.50", "is reached"), (10.2, "0.51", "is not reached"), (4.0, "0.20", "is reached")],
)
def test_the_verdict_says_whether_the_aim_is_reached(
    time_s: float, share: str, reached: str
) -> None:
    winner = _trained("winner", [(time_s, 0.7)])
    sentence = verdict([winner, SLOW, POOR], 0.7)
    assert f"in {share} of its time" in sentence
    assert sentence.endswith(reached)


def test_the_verdict_says_by_how_much_the_target_is_missed() -> None:
    winner = _trained("winner", [(3.0, 0.45)])
    sentence = verdict([winner, SLOW], 0.7)
    assert "does not reach resnet's 70.0 %: it ends 25.0 points below" in sentence
    assert "0.30 of resnet's to the winner's own 45.0 %" in sentence


def test_a_network_is_summed_up_with_n_spread_and_the_time_to_the_target() -> None:
    line = summary(SLOW, 0.7)
    assert line.startswith("resnet (n = 2 seeds): 70.0 ± 14.1 %, trained in 20 s")
    assert "reaches 70.0 % in 20 s, 1 of 2 seeds (17 to 17 s)" in line
    assert "reaches 70.0 % never, 0 of 1 seeds" in summary(POOR, 0.7)


def test_the_csv_holds_each_epoch_and_the_page_each_network(tmp_path: Path) -> None:
    write_csv(tmp_path / "curves.csv", [SLOW, POOR])
    with (tmp_path / "curves.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6
    assert rows[3] == {
        "network": "resnet",
        "seed": "1",
        "epoch": "2",
        "time_s": "20.00",
        "accuracy": "0.8000",
    }
    page = write_page(tmp_path / "curves.html", [SLOW, POOR], 0.7).read_text()
    assert "resnet (n = 2)" in page
    assert "mobilenetv2 (n = 1)" in page
