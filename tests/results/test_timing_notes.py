"""What is said about the step times of a run, and of one network."""

from __future__ import annotations

from dataclasses import replace

from results.candidate import Candidate, State
from results.timing_notes import remarks_on, timing_notes
from reward.step_time.measurement import Conditions, StepTime
from search_space.spaces import small

TIMED = StepTime((0.13,) * 7, (0.1,) * 7, 10**9, "NVIDIA H200", 8, 64)
CANDIDATE = Candidate(0, State.COMPLETE, small(8).backbone, seed=1, step_time=TIMED)


def _with(conditions: Conditions | None, unsteady: str | None = None) -> Candidate:
    return replace(CANDIDATE, step_time=replace(TIMED, conditions=conditions, unsteady=unsteady))


def test_there_is_nothing_to_say_of_steady_graphs_on_a_busy_gpu() -> None:
    busy = _with(Conditions("graph", busy_share=0.9))
    untimed = replace(CANDIDATE, step_time=None)
    assert timing_notes([busy, _with(Conditions()), _with(None), untimed]) == []


def test_each_doubt_is_counted_and_said_once() -> None:
    unsteady, failure, idle = timing_notes(
        [
            _with(Conditions("graph", busy_share=0.9), "it drifts"),
            _with(Conditions("eager", failure="it reads a value", busy_share=0.3)),
            _with(Conditions("graph", busy_share=0.4)),
            _with(Conditions("graph", busy_share=0.41)),
        ]
    )
    assert unsteady.startswith("1 of 4 step times are unsteady")
    assert failure.startswith("1 of 4 steps do not run as a CUDA graph")
    assert failure.endswith("(it reads a value)")
    assert idle.startswith("the GPU computed for only 40 % of the step in 3 of 4 candidates")


def test_a_networks_remarks() -> None:
    assert remarks_on({}) == remarks_on({"mode": "graph", "busy_share": 0.5}) == []
    assert remarks_on({"failure": "it reads", "busy_share": 0.2}) == [
        "does not run as a CUDA graph: it reads",
        "the GPU computed for only 20 % of the step",
    ]
