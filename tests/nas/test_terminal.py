"""What a terminal would obey in a name is shown instead."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.table import Table

from nas.errors import visible
from nas.terminal import Terminal
from tests.nas.command_line import nas
from tests.nas.conftest import Refusal
from tests.nas.tiny import TINY_BACKBONE

NAME = "\x1b[2J\x1b]0;title\x07[red]x[/nothing]\x9b31m\u202e\r:smile:"
SHOWN = r"\x1b[2J\x1b]0;title\x07[red]x[/nothing]\x9b31m\u202e\r:smile:"


def test_controls_are_shown_and_line_ends_kept() -> None:
    assert visible(NAME) == SHOWN
    assert visible("\udc80") == r"\udc80"
    kept = "klein\tgroß\n日本語 \u0645\u06cc\u200c\u062e\u0648 \U0001f600"
    assert visible(kept) == kept


def test_the_console_shows_names_in_lines_and_tables() -> None:
    file = io.StringIO()
    console = Terminal(file=file, width=200, force_terminal=True, color_system=None)
    table = Table(NAME, title=NAME)
    table.add_row(NAME)
    console.print(NAME)
    console.print(table)
    printed = file.getvalue()
    assert printed.count(SHOWN) == 4
    assert not {"\x1b", "\x07", "\x9b", "\u202e", "\r"} & set(printed)


def _architecture(path: Path) -> Path:
    content = {
        "name": NAME,
        "image_size": {"train": 8, "eval": 8},
        "classes": 4,
        "in_channels": 3,
        **TINY_BACKBONE.to_json(),
    }
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize("count", [1, 2])
def test_show_does_not_obey_the_name_of_a_network(tmp_path: Path, count: int) -> None:
    done = nas("show", *[_architecture(tmp_path / "x.json")] * count)
    assert done.returncode == 0, done.stderr
    assert r"\x1b" in done.stdout
    assert not {"\x1b", "\x07", "\x9b", "\r"} & set(done.stdout)


def test_an_error_about_such_a_file_stays_one_line(refusal: Refusal, tmp_path: Path) -> None:
    (tmp_path / "a\nb\x1b[31m.json").write_text("{")
    said = refusal("show", tmp_path / "a\nb\x1b[31m.json")
    assert r"a\nb\x1b[31m.json: torn, or not JSON" in said
