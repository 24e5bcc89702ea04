"""What is said at a search's end: against the backbone, how sure, and what is doubtful."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from results.candidate import BACKBONE, Candidate
from results.noise import outcomes
from results.ranking import winner
from results.verdict import Verdict, find_verdict
from reward.objective import Objective, parse_reward
from reward.step_time.measurement import StepTime

MakeCandidate = Callable[..., Candidate]
SETTINGS = {"minival_images": 2000, "guessing_accuracy": 0.1, "confirm_seeds": 2}


def verdict(
    candidates: list[Candidate], objective: Objective | None = None, **settings: Any
) -> Verdict:
    objective = objective or Objective()
    found = find_verdict(outcomes(candidates), objective, {**SETTINGS, **settings})
    assert found is not None
    chosen = winner(candidates, objective)
    assert chosen is not None
    assert found.winner == chosen.number
    return found


@pytest.fixture
def backbones(make_candidate: MakeCandidate) -> list[Candidate]:
    """Three trainings of the backbone: 0.70, 0.72 and 0.74, step and parameters as S0 and P0."""
    return [
        make_candidate(i, 0.2, accuracy=accuracy, confirms=BACKBONE, parameters=2000)
        for i, accuracy in enumerate((0.70, 0.72, 0.74))
    ]


def test_the_winner_against_the_backbone(
    backbones: list[Candidate], make_candidate: MakeCandidate
) -> None:
    """0.9 * 0.5^-0.07 * 0.5^-0.05 = 0.9781, which is 35.8 % above 0.72."""
    found = verdict([*backbones, make_candidate(3, accuracy=0.9)])
    assert found.sentences[0] == (
        "Its reward, 0.9781, is 35.8 % above the backbone's, 0.7200 (3 trainings, standard "
        "deviation 0.0200): accuracy 90.0 against 72.0 %, step 0.50 x and parameters 0.50 x the "
        "backbone's."
    )
    assert found.sentences[1] == "It is the only candidate."
    assert found.backbone is not None
    assert found.backbone.to_json()["accuracy_mean"] == pytest.approx(0.72)
    assert found.accuracy_interval is not None
    assert found.accuracy_interval[0] == pytest.approx(0.859, abs=0.001)  # 1.96 * 0.02 and Wilson


def test_the_metric_is_named(backbones: list[Candidate], make_candidate: MakeCandidate) -> None:
    """In the comparison, in what is doubtful, and for its interval."""
    winning = replace(make_candidate(3, accuracy=0.9), effective_images=500.0)
    found = verdict([*backbones, winning], metric="macro_f1", guessing_accuracy=0.95)
    assert ": macro F1 90.0 against 72.0 %, step " in found.sentences[0]
    assert found.warnings[0].startswith(
        "the winner's macro F1, 90.0 %, is no better than guessing, 95.0 %: "
    )
    assert found.accuracy_interval is not None
    assert found.accuracy_interval != verdict([*backbones, winning]).accuracy_interval
    alone = verdict([winning], metric="auroc")
    assert "how much the AUROC differs between seeds is not known" in alone.warnings[-1]


def test_near_ties_are_named_and_what_decides(
    backbones: list[Candidate], make_candidate: MakeCandidate
) -> None:
    accuracies = (0.90, 0.899, 0.898, 0.6)
    candidates = [make_candidate(3 + i, accuracy=a) for i, a in enumerate(accuracies)]
    found = verdict([*backbones, *candidates])
    assert "no. 4 and 5 are within the noise" in found.sentences[1]
    # Six trainings of 10.5 s each on one worker.
    assert found.hint == "--confirm 3, about 1 minute"
    assert found.warnings == ()
    sure = verdict([*backbones, make_candidate(3, accuracy=0.95), make_candidate(4, accuracy=0.2)])
    assert sure.hint == ""


def test_without_seeds_the_probability_is_said_to_be_too_high(
    make_candidate: MakeCandidate,
) -> None:
    found = verdict([make_candidate(i, accuracy=0.9 - 0.01 * i) for i in range(3)])
    assert any("between seeds is not known" in warning for warning in found.warnings)
    assert found.backbone is None


def test_a_run_of_an_early_release_states_nothing(make_candidate: MakeCandidate) -> None:
    found = find_verdict(outcomes([make_candidate(0)]), Objective(), {})
    assert found is not None
    assert (found.certainty, found.sentences, found.warnings, found.hint) == (None, (), (), "")
    assert find_verdict([], Objective(), {}) is None


def test_a_winner_off_the_front_says_why(make_candidate: MakeCandidate) -> None:
    small = make_candidate(0, accuracy=0.80, parameters=100)
    large = make_candidate(1, accuracy=0.81, parameters=1000, step_s=0.09)
    assert verdict([small, large]).sentences[-1] == (
        "It is not on the plotted front: no. 1 is at least as accurate and as fast, but it has "
        "10.00 x the parameters."
    )
    by_target = verdict([small, large], parse_reward("absolute:T=0.5,beta=-5"))
    assert by_target.sentences[-1].endswith("but the reward has a target step time.")


def test_a_winner_at_chance_is_said(make_candidate: MakeCandidate) -> None:
    chance = [make_candidate(i, accuracy=0.1) for i in range(2)]
    assert any("no better than always naming" in text for text in verdict(chance).warnings)
    better = [make_candidate(i, accuracy=0.2) for i in range(2)]
    assert not any("no better than" in text for text in verdict(better).warnings)


def test_candidates_that_hardly_differ_are_said(make_candidate: MakeCandidate) -> None:
    """On 2,000 images, 0.5 has a binomial deviation of 0.011."""
    alike = [make_candidate(i, accuracy=0.5 + 0.002 * i) for i in range(12)]
    assert any("differ no more than the noise" in text for text in verdict(alike).warnings)
    spread = [make_candidate(i, accuracy=0.5 + 0.02 * i) for i in range(12)]
    assert not any("differ no more" in text for text in verdict(spread).warnings)


def test_an_unsteady_winner_is_said(make_candidate: MakeCandidate) -> None:
    timed = StepTime((0.1,) * 7, (0.2,) * 7, 1, "cpu", 32, 128, unsteady="its steps scatter")
    unsteady = replace(make_candidate(0), step_time=timed)
    (text,) = (t for t in verdict([unsteady]).warnings if "unsteady" in t)
    assert text.startswith("the winner's step time is unsteady: its steps scatter")


def test_confirmed_candidates_ask_for_further_seeds(make_candidate: MakeCandidate) -> None:
    candidates = [make_candidate(i, accuracy=0.9 - 0.001 * i) for i in range(2)]
    again = [make_candidate(2 + i, accuracy=0.88 + 0.01 * i, confirms=i % 2) for i in range(4)]
    found = verdict([*candidates, *again], confirm=2)
    assert found.hint.startswith("--confirm 2 --confirm-seeds 4, about ")


def test_a_backbone_of_another_length_is_not_compared(
    backbones: list[Candidate], make_candidate: MakeCandidate
) -> None:
    long = make_candidate(3).curve[:1] * 5
    first = make_candidate(3)
    again = make_candidate(4, confirms=3, curve=long)
    assert verdict([*backbones, first, again]).backbone is None


def test_one_confirmation_does_not_make_the_winner_sure(
    backbones: list[Candidate], make_candidate: MakeCandidate
) -> None:
    candidates = [make_candidate(3 + i, accuracy=0.9 - 0.001 * i) for i in range(20)]
    before = verdict([*backbones, *candidates]).certainty
    again = make_candidate(30, accuracy=0.9, confirms=3)
    after = verdict([*backbones, *candidates, again], confirm=1)
    assert before is not None
    assert after.certainty is not None
    assert after.certainty.winner_chance < 2 * before.winner_chance < 0.9
    assert "best of 20 candidates with" in after.sentences[1]
    assert after.hint.startswith("--confirm 1 --confirm-seeds 4")


def test_longer_confirmations_are_compared_among_themselves(
    make_candidate: MakeCandidate,
) -> None:
    long = make_candidate(0).curve[:1] * 5
    candidates = [make_candidate(i, accuracy=0.9 - 0.001 * i) for i in range(20)]
    again = [make_candidate(20 + i, accuracy=0.93, confirms=i, curve=long) for i in range(2)]
    assert "best of 2 candidates that were confirmed" in verdict([*candidates, *again]).sentences[0]
    alone = verdict([*candidates, again[0]])
    assert not any("probability" in sentence for sentence in alone.sentences)


def test_the_latest_length_of_confirmations_decides(make_candidate: MakeCandidate) -> None:
    """Numbers 0 and 1 were confirmed at 1 epoch, then only number 1 at 2, as first trainings."""
    short = make_candidate(0).curve[:1]
    candidates = [make_candidate(i, accuracy=0.9 - 0.1 * i) for i in range(2)]
    again = [
        make_candidate(2, accuracy=0.95, confirms=0, curve=short),
        make_candidate(3, accuracy=0.80, confirms=1, curve=short),
        make_candidate(4, accuracy=0.81, confirms=1),
    ]
    assert verdict([*candidates, *again]).winner == 1


def test_many_near_ties_say_below_one_per_cent_and_keep_the_hint(
    make_candidate: MakeCandidate,
) -> None:
    candidates = [make_candidate(i, accuracy=0.9 - 1e-6 * i) for i in range(800)]
    found = verdict(candidates, minival_images=200)
    assert "with a probability of below 1 %" in found.sentences[0]
    assert found.hint.startswith("--confirm 3")
    assert found.to_json()["chance"] > 0


def test_the_time_of_longer_confirmations_follows_their_epochs(
    make_candidate: MakeCandidate,
) -> None:
    """Six trainings of 10.5 s at 2 epochs; at 200 epochs 100 times as long."""
    candidates = [make_candidate(i, accuracy=0.9 - 0.001 * i) for i in range(3)]
    assert verdict(candidates, epochs=2).hint == "--confirm 3, about 1 minute"
    long = verdict(candidates, epochs=2, confirm_epochs=200)
    assert long.hint == "--confirm 3, about 1.8 hours"


def test_a_negative_reward_of_the_backbone_has_no_percentage(
    backbones: list[Candidate], make_candidate: MakeCandidate
) -> None:
    found = verdict([*backbones, make_candidate(3)], parse_reward("absolute:T=0.01,beta=-1"))
    assert "% above" not in found.sentences[0]
    assert "above the backbone's, -" in found.sentences[0]
