"""A command's output, as long as Ray's own goes into a log."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nas.output import redirect_output
from tests.nas.full_disk import files_of_at_most


@contextmanager
def standard_output(descriptor: int) -> Iterator[None]:
    """Let standard output be this file, for this process and its children."""
    original, shown = os.dup(1), sys.stdout
    os.dup2(descriptor, 1)
    sys.stdout = sys.__stdout__  # pytest's own is not that of a command
    try:
        yield
    finally:
        sys.stdout = shown
        os.dup2(original, 1)
        os.close(original)


def test_what_is_printed_goes_into_the_log(tmp_path: Path) -> None:
    output, log = tmp_path / "output", tmp_path / "log"
    with output.open("wb") as file, standard_output(file.fileno()):
        with redirect_output(log) as terminal:
            os.write(1, b"of Ray\n")
            terminal.write("of the search\n")
        os.write(1, b"after\n")
    assert log.read_text() == "of Ray\n"
    assert output.read_text() == "of the search\nafter\n"


def test_a_stream_that_a_notebook_has_put_in_place_is_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, log = io.StringIO(), tmp_path / "log"
    monkeypatch.setattr(sys, "stdout", shown)
    with redirect_output(log) as terminal:
        os.write(1, b"of Ray\n")
        terminal.write("of the search\n")
    assert shown.getvalue() == "of the search\n"
    assert log.read_text() == "of Ray\n"


def test_lines_for_which_a_full_disk_has_no_room_are_left_out(tmp_path: Path) -> None:
    output = tmp_path / "output"
    with (
        output.open("wb") as file,
        standard_output(file.fileno()),
        redirect_output(tmp_path / "log") as terminal,
    ):
        terminal.write("before\n")
        with files_of_at_most(0):
            for _ in range(1000):
                terminal.write("a line without room\n")
        terminal.write("after\n")
    lines = output.read_text().splitlines()
    assert lines[0] == "before"
    assert lines[-1] == "after"
    assert len(lines) < 1000


def test_a_terminal_that_was_closed_ends_nothing(tmp_path: Path) -> None:
    terminal_end, our_end = os.openpty()
    with standard_output(our_end), redirect_output(tmp_path / "log") as terminal:
        os.close(our_end)
        os.close(terminal_end)
        for _ in range(1000):
            terminal.write("nobody sees it\n")


def test_the_end_of_a_pipes_reader_is_an_error(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    with standard_output(writer), redirect_output(tmp_path / "log") as terminal:
        os.close(writer)
        os.close(reader)
        with pytest.raises(BrokenPipeError):
            terminal.write("nobody reads\n")
