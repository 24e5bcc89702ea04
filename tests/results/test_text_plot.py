"""The plot in characters."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from results.candidate import BACKBONE, Candidate, State
from results.text_plot import ASCII, UNICODE, Front, Point, filled, plot_lines

FRONT = Front(
    [Point(0, 0.5, 0.6), Point(1, 1.0, 0.8), Point(2, 1.5, 1.0), Point(3, 1.5, 0.6)],
    winner=1,
)


def test_front_winner_and_others_stand_where_they_belong() -> None:
    """On 21 cells, S/S0 0.5 to 1.5 is a cell for each 0.05; on 5 rows, a row for each 10 %."""
    assert plot_lines(FRONT, "accuracy", 28, 5, UNICODE) == [
        "accuracy %",
        "100.0 ┤                    ●",
        "      │                    │",
        "      │          ★─────────╯",
        "      │          │",
        " 60.0 ┤●─────────╯         ·",
        "      └┬─────────┬─────────┬",
        "       0.50    1.00     1.50",
        "step time, x the backbone's",
        "★ no. 1  ● front  · other",
    ]


def test_there_is_the_same_in_ascii() -> None:
    lines = plot_lines(FRONT, "accuracy", 28, 5, ASCII)
    assert lines[3] == "      |          *---------'"
    assert "".join(lines).isascii()


@pytest.mark.parametrize("columns", [30, 40, 80, 200])
def test_no_line_is_wider_than_asked_for(columns: int) -> None:
    points = [Point(n, 0.1 + n % 37 / 7, n % 101 / 100) for n in range(2000)]
    lines = plot_lines(Front(points, 17, 0.5), "balanced accuracy", columns, 8, UNICODE)
    assert max(map(len, lines)) <= columns


def test_few_points_far_off_do_not_squeeze_the_others() -> None:
    points = [Point(n, 1 + n / 100, 0.937 - n / 1000) for n in range(38)]
    points += [Point(38, 1.2, 0.1), Point(39, 9.0, 0.9)]
    lines = plot_lines(Front(points), "accuracy", 60, 8, UNICODE)
    assert [line.split()[0] for line in lines if "┤" in line] == ["93.7", "90.2"]
    assert lines[-3].split() == ["1.00", "1.34"]
    assert lines[-1].endswith("5 slower or weaker not shown")


def test_of_few_points_none_is_left_out() -> None:
    lines = plot_lines(Front([Point(0, 1.0, 0.9), Point(1, 5.0, 0.1)]), "accuracy", 60, 8, UNICODE)
    assert "not shown" not in lines[-1]
    assert "10.0 ┤" in "\n".join(lines)


def test_a_single_point_and_none() -> None:
    lines = plot_lines(Front([Point(4, 1.0, 0.0)], 4), "accuracy", 40, 5, ASCII)
    assert [line.count("*") for line in lines[:7]] == [0, 0, 0, 1, 0, 0, 0]
    assert plot_lines(Front([]), "accuracy", 40, 5, ASCII) == []


def test_only_complete_candidates_and_the_backbone_are_drawn(
    make_candidate: Callable[..., Candidate],
) -> None:
    candidates = [
        make_candidate(0),
        make_candidate(1, state=State.STOPPED),
        make_candidate(2, confirms=0),
        make_candidate(3, step_time=None),
        make_candidate(4, confirms=BACKBONE, accuracy=0.5),
        make_candidate(5, confirms=BACKBONE, accuracy=0.7),
    ]
    plot = Front.of(candidates, 0)
    assert plot.points == [Point(0, 0.5, 0.75)]
    assert plot.backbone == pytest.approx(0.6)
    assert "+ backbone" in plot_lines(plot, "accuracy", 40, 5, UNICODE)[-1]


def test_parts_are_never_divided() -> None:
    assert filled(["12 of 20", "3 min left", "best 0.5"], " · ", 20) == [
        "12 of 20",
        "3 min left",
        "best 0.5",
    ]
    assert filled(["12 of 20", "3 min left"], " · ", 21) == ["12 of 20 · 3 min left"]


def test_the_front_is_drawn_over_the_others() -> None:
    crowd = [Point(3 + n, 1.01 + n / 220, 0.79) for n in range(100)]
    lines = plot_lines(Front([*FRONT.points[:3], *crowd], 1), "accuracy", 28, 5, UNICODE)
    assert lines[3].startswith("      │          ★─────────╯")
