"""The help of every command: its width, its groups, its order, and its examples."""

from __future__ import annotations

import shlex
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from nas.cli.main import COMMANDS, nas
from nas.cli.options import Command
from tests.nas.command_line import environment

NAMES = [command.name for group in COMMANDS.values() for command in group]


def _help(*command: str | None) -> list[str]:
    arguments = [name for name in command if name]
    return CliRunner().invoke(nas, [*arguments, "--help"], terminal_width=80).output.splitlines()


@pytest.mark.parametrize("name", [None, *NAMES])
def test_it_fits_80_columns_and_ends_in_examples(name: str | None) -> None:
    lines = _help(name)
    assert lines[0].startswith("Usage: nas")
    assert max(map(len, lines)) <= 80
    examples = lines[lines.index("Examples:") + 1 :]
    assert len(examples) >= 4
    assert all(purpose.startswith("  # ") for purpose in examples[::2])
    assert all(line.startswith(f"  nas {name or ''}") for line in examples[1::2])


@pytest.mark.parametrize("name", [None, *NAMES])
def test_every_example_can_be_parsed(name: str | None) -> None:
    for line in _help(name):
        if line.startswith("  nas ") and "COMMAND" not in line:
            _, command, *arguments = shlex.split(line.split(" > ")[0])
            nas.commands[command].make_context(command, arguments)


@pytest.mark.parametrize("name", NAMES)
def test_every_option_has_a_help_that_begins_with_a_capital(name: str) -> None:
    command = nas.commands[name]
    assert isinstance(command, Command)
    for parameter in command.params:
        assert isinstance(parameter, click.Option | click.Argument)
        assert parameter.help, parameter.name
        assert parameter.help[0].isupper(), parameter.name


def test_commands_stand_in_groups_in_the_order_of_use() -> None:
    lines = _help()
    headings = [line.rstrip(":") for line in lines if line.endswith(":")]
    assert headings == [*COMMANDS, "Options", "Examples"]
    first_words = [line.split()[0] for line in lines if line.startswith("  ") and line.split()]
    assert [word for word in first_words if word in NAMES] == NAMES
    assert set(NAMES) == set(nas.commands)


def test_the_options_of_a_search_stand_in_groups() -> None:
    lines = _help("search")
    headings = [line.rstrip(":") for line in lines if line.endswith(":") and line[0] != " "]
    assert headings == [
        *("Data", "Space", "Budget", "Training", "Search", "Reward and limits", "Run"),
        *("Other options", "Examples"),
    ]
    assert lines.index("Search:") < lines.index(_line(lines, "--sampler")) < lines.index("Run:")


def _line(lines: list[str], option: str) -> str:
    return next(line for line in lines if line.startswith(f"  {option} "))


def test_no_command_shows_the_help() -> None:
    shown = CliRunner().invoke(nas, []).output
    assert all(f"\n{heading}:\n" in shown for heading in COMMANDS)


def test_it_needs_none_of_the_large_libraries() -> None:
    """So that it shows at once."""
    code = """
import sys
import nas.cli.main
large = {"torch", "ray", "optuna", "pandas", "numpy", "sqlalchemy", "plotly", "rich"}
print(large & set(sys.modules))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment(), check=True
    )
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    "arguments",
    [
        ["show", "--space", "small"],
        ["scale", "--from", "nope", "--to", "M"],
        ["scale", "--from", "efficientnetv2-s", "--to", "Q"],
        ["bench", "nope"],
        ["export", "best.json", "--to", "model.h5"],
    ],
)
def test_what_needs_no_torch_does_not_import_it(arguments: list[str]) -> None:
    code = f"""
import sys
import nas.cli.main
sys.argv = ["nas", *{arguments!r}]
try:
    nas.cli.main.main()
finally:
    print({{"torch", "ray", "optuna", "pandas"}} & set(sys.modules))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment()
    )
    assert done.returncode in (0, 2)
    assert done.stdout.splitlines()[-1] == "set()"
