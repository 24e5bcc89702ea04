"""The command line, ``nas``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from nas import interrupts
from nas.cli.bench import bench
from nas.cli.cache import cache
from nas.cli.dashboard import dashboard
from nas.cli.echo import echo
from nas.cli.evaluate import evaluate
from nas.cli.export import export
from nas.cli.options import write_examples, write_sections
from nas.cli.proxy import proxy
from nas.cli.push import push
from nas.cli.replay import replay
from nas.cli.report import report
from nas.cli.results import results
from nas.cli.scale import scale
from nas.cli.search import search
from nas.cli.show import show
from nas.cli.train import train
from nas.errors import UserError

# In the order in which one uses them.
COMMANDS = {
    "Search": (search, results, show, dashboard, report),
    "Use what was found": (scale, train, evaluate, export, push),
    "Measure and maintain": (bench, proxy, replay, cache),
}

EXAMPLES = {
    "Search on your own images, one sub-folder per class": "nas search --data path/to/folder",
    "Train the winner in full": "nas train --arch runs/RUN/best.json --data path/to/folder "
    "--out trained",
}


class _ReaderGone(Exception):
    """Nobody reads the output any more; click would end with 1 after a BrokenPipeError."""


@contextmanager
def _broken_pipes_apart() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise _ReaderGone from error


class CommandGroups(click.Group):
    """The top of the command line, whose help lists the commands in groups."""

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Read the command line."""
        with _broken_pipes_apart():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with _broken_pipes_apart():
            return super().invoke(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a section for each group of commands, one for the options, and the examples."""
        sections = {
            heading: [(command.name or "", command.get_short_help_str(80)) for command in group]
            for heading, group in COMMANDS.items()
        }
        options = [parameter.get_help_record(ctx) for parameter in self.get_params(ctx)]
        sections["Options"] = [row for row in options if row is not None]
        write_sections(formatter, sections)
        write_examples(formatter, EXAMPLES)


@click.group(
    cls=CommandGroups,
    commands=[command for group in COMMANDS.values() for command in group],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)
@click.version_option(package_name="nas-engine", prog_name="nas")
def nas() -> None:
    """Search for image networks that are accurate, fast to train and small.

    nas COMMAND --help explains a command and shows examples.
    """


def main() -> None:
    """Run ``nas`` and exit: with 2 and one line after bad input, with 130 after Ctrl-C.

    SIGTERM and SIGHUP end a command as Ctrl-C does, with 143 and 129.
    """
    interrupts.install()
    try:
        code = nas.main(standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.ClickException as error:
        interrupts.end(_complain(_one_line(error), error.exit_code))
    except UserError as error:
        interrupts.end(_complain(str(error), error.exit_code))
    except (click.Abort, KeyboardInterrupt):
        interrupts.leave()
    except _ReaderGone:  # `nas results RUN | head`
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)  # what waits in a buffer goes there
        interrupts.end(0)
    interrupts.end(code if isinstance(code, int) else 0)


def _one_line(error: click.ClickException) -> str:
    command = ""
    if isinstance(error, click.UsageError) and error.ctx is not None:
        command = f" (see {error.ctx.command_path} --help)"
    return " ".join(error.format_message().split()) + command


def _complain(message: str, code: int) -> int:
    one_line = message.replace("\n", "\\n")
    echo(f"nas: {one_line}", err=True)
    return code
