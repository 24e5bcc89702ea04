"""A search in a terminal, as people see it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.nas.terminals import in_terminal


@pytest.mark.parametrize("columns", [80, 40])
def test_a_search_ends_with_its_candidates_and_its_front(
    tmp_path: Path, tiny_space_file: Path, tiny_data_file: Path, columns: int
) -> None:
    code, lines = in_terminal(
        [
            *("search", "--in-process", "--space", tiny_space_file, "--data", tiny_data_file),
            *("--budget", 3, "--epochs", 2, "--out", "run"),
        ],
        columns,
        tmp_path,
    )
    assert code == 0, lines
    assert max(map(len, lines)) <= columns
    text = " ".join(" ".join(lines).split())
    for number in range(3):
        assert f"candidate {number}: complete, accuracy" in text
    plot = lines[lines.index("accuracy %") :]
    assert any("┤" in line for line in plot)
    assert any("★ no. " in line for line in plot)
    assert sum(line.startswith("3 of 3 · best ") for line in lines) == 1
    assert "loading the data" not in text  # drawn over
