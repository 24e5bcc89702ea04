"""The command line, ``nas``."""

from __future__ import annotations

import sys

import click

from nas.cli.bench import bench
from nas.cli.cache import cache
from nas.cli.dashboard import dashboard
from nas.cli.evaluate import evaluate
from nas.cli.export import export
from nas.cli.replay import replay
from nas.cli.report import report
from nas.cli.results import results
from nas.cli.scale import scale
from nas.cli.search import search
from nas.cli.show import show
from nas.cli.train import train
from nas.errors import UserError

INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80})
@click.version_option(package_name="nas-engine", prog_name="nas")
def nas() -> None:
    """Training-aware neural architecture search.

    Finds image networks by accuracy, measured training step time and
    parameters. Start with: nas search
    """


nas.add_command(search)
nas.add_command(results)
nas.add_command(replay)
nas.add_command(dashboard)
nas.add_command(report)
nas.add_command(show)
nas.add_command(bench)
nas.add_command(scale)
nas.add_command(cache)
nas.add_command(export)
nas.add_command(train)
nas.add_command(evaluate)


def main() -> None:
    """Runs ``nas``: bad input exits with 2 and one line, Ctrl-C with 130, without a traceback."""
    try:
        code = nas.main(standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.ClickException as error:
        sys.exit(_complain(_one_line(error), error.exit_code))
    except UserError as error:
        sys.exit(_complain(str(error), error.exit_code))
    except (click.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # `nas results RUN | head`
        sys.stderr.close()
        sys.exit(0)
    sys.exit(code if isinstance(code, int) else 0)


def _one_line(error: click.ClickException) -> str:
    command = ""
    if isinstance(error, click.UsageError) and error.ctx is not None:
        command = f" (see {error.ctx.command_path} --help)"
    return " ".join(error.format_message().split()) + command


def _complain(message: str, code: int) -> int:
    click.echo(f"nas: {message}", err=True)
    return code
