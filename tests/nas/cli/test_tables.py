"""Tables and sentences in terminals of any width."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from nas.cli.tables import print_table, print_wrapped

COLUMNS = ("no.", "reward", "acc. %", "step ms", "S/S0", "params", "stages<")
ROWS = [
    ("17", "1.0177", "98.6", "87.8", "~1.03", "64.2 k", "M5e6c16x2 M3e4c24x3/2 F3e1c40x1/2"),
    ("103", "0.9837", "97.9", "10060.3", "0.70", "189 k", "M3e4c16x2"),
]


def _printed(width: int, encoding: str = "utf-8") -> list[str]:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    print_table(Console(file=file, width=width), COLUMNS, ROWS, title="a table")
    file.seek(0)
    return file.read().splitlines()


@pytest.mark.parametrize("width", [20, 30, 40, 60, 80, 120])
def test_no_figure_is_cut_and_no_line_too_long(width: int) -> None:
    lines = _printed(width)
    assert max(map(len, lines)) <= width
    words = " ".join(lines).replace("64.2 k", "64.2k").replace("189 k", "189k").split()
    for row in ROWS:
        for cell in row[:-2]:
            assert cell in words
        assert row[-2].replace(" ", "") in words
    assert "…" not in "".join(lines)
    assert sum("a table" in line for line in lines) == 1


def test_at_80_columns_it_is_one_table_and_at_40_two() -> None:
    heads = [[line for line in _printed(width) if "no." in line] for width in (80, 40)]
    assert [len(lines) for lines in heads] == [1, 2]
    assert heads[1][0].split() == ["no.", "reward", "acc.", "%", "step", "ms", "S/S0", "params"]
    assert heads[1][1].split() == ["no.", "stages"]


def test_it_can_be_written_in_ascii() -> None:
    assert "".join(_printed(40, "ascii")).isascii()


def test_sentences_fit_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lengths = []
    for columns in ("40", "200"):
        monkeypatch.setenv("COLUMNS", columns)
        print_wrapped("one two three four five " * 20)
        lengths.append(max(map(len, capsys.readouterr().out.splitlines())))
    assert lengths[0] <= 40
    assert 70 < lengths[1] <= 80
