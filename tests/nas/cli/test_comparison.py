"""The commands to go on with that are printed after a comparison."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas.cli.comparison import _end_options, _print_sentences
from results.agreement import Estimate
from results.candidate import PROXY
from results.proxy_report import Agreement, ProxyReport

TAU = Estimate(0.6, 0.3, 0.8)
REPORT = ProxyReport(
    proxy=Agreement(PROXY, 10, 1.0, TAU, TAU, None, None),
    full_seconds=5.0, curve=(), tried=(), reward_ceiling=None, accuracy_ceiling=None,
    repeated=0, regret_of=5, regret_by_chance=None, proxy_deviation=None, full_deviation=None,
    points={},
)  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "end"),
    [
        ({"until": None, "hours": None}, ""),
        ({"until": 1e9, "hours": 2.0}, " --hours H"),
        ({"until": 1e9, "hours": None}, " --until TIME"),
    ],
)
def test_a_comparison_that_had_a_time_is_resumed_with_more_of_it(
    settings: dict[str, float | None], end: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _print_sentences(REPORT, Path("RUN"), _end_options(settings))
    lines = capsys.readouterr().out.splitlines()
    (line,) = (line for line in lines if line.startswith("more exactly:"))
    assert line.endswith(f"--resume RUN --networks 63{end}")
