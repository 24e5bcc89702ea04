"""``nas scale``: larger and smaller members of an architecture's family."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nas.cli import options as shared
from nas.cli.options import Whole

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from nas.scale.members import Members, Target
    from results.architecture_file import ArchitectureFile


@click.command()
@click.option(
    "--from",
    "source",
    required=True,
    metavar="ARCH",
    help="A file that this tool wrote, such as best.json, or a published name.",
)
@click.option(
    "--to",
    metavar="SIZE",
    help="S, M, L, XL or B0 to B7, or several: S,M,L,XL; or a target to come closest under: "
    "50M (parameters; 300k), 8G (multiply-adds), 2.0x (ARCH's training step, measured here).",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE|DIR",
    help="The file to write; for several sizes the folder of their files, M.json and so on; "
    "with --fit the run's directory.",
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option(
    "--fit",
    is_flag=True,
    help="Search for ARCH's own alpha, beta and gamma, trained and timed here. Its best.json "
    "scales by them: --to PHI2. The options below are for --fit.",
)
@shared.data_option
@click.option("--budget", type=Whole(1), help="Candidates evaluated. Default: the whole grid.")
@shared.workers_option
@shared.epochs_option
@shared.batch_size_option
@shared.reward_option
@shared.seed_option
@shared.address_option
@shared.storage_option
def scale(
    source: str,
    to: str | None,
    out: Path | None,
    as_json: bool,
    fit: bool,
    workers: int | None,
    address: str | None,
    **search: Any,
) -> None:
    """Make a larger or smaller member of ARCH's family.

    A searched network counts as its family's S. Published ones have their
    family's sizes. The sizes come with the progressive-learning settings.
    """
    from nas.architectures import find_architecture
    from nas.errors import UserError

    given = [name for name, value in search.items() if value is not None]
    _check_together(to, fit, [*given, *_named(workers=workers, address=address)])
    try:
        file = find_architecture(source)
    except UserError as error:
        raise UserError(f"--from: {str(error).removeprefix('ARCH: ')}") from error
    if fit:
        from nas.cli.search import search_and_tell
        from nas.search.prepare import SearchRequest, prepare_fit

        request = SearchRequest(**search, out=out)
        search_and_tell(lambda: prepare_fit(request, file), workers, address, as_json)
    else:
        assert to is not None
        _scale(file, to, out, as_json)


def _named(**options: object) -> list[str]:
    return [name for name, value in options.items() if value is not None]


def _check_together(to: str | None, fit: bool, given: Sequence[str]) -> None:
    from nas.errors import UserError

    if to is None and not fit:
        raise UserError("--to: got nothing, must be a size such as M, a target or --fit instead")
    if to is not None and fit:
        raise UserError(f"--to: got {to}, but --fit makes its own sizes: leave out one of the two")
    if given and not fit:
        option = "--" + given[0].replace("_", "-")
        raise UserError(f"{option}: says how to search, so only together with --fit")


def _scale(file: ArchitectureFile, to: str, out: Path | None, as_json: bool) -> None:
    from nas.scale.members import family_from, parse

    family = family_from(file)
    wanted = [parse(one.strip(), family) for one in to.split(",")]
    _check_out(out, len(wanted))
    from nas.scale.members import Members

    if any(not isinstance(one, str) and one.quantity == "step time" for one in wanted):
        click.echo("measuring training steps: a minute or more", err=True)
    members = Members(file, family)
    files = [_member(members, one) for one in wanted]
    paths = _write(out, files)
    _print(files, paths, as_json)


def _check_out(out: Path | None, count: int) -> None:
    from nas.errors import UserError

    if out is None:
        return
    if count == 1 and out.is_dir():
        raise UserError(f"--out: got {out}, a folder, must be a file such as M.json")
    if count > 1 and out.exists() and not out.is_dir():
        raise UserError(f"--out: got {out}, a file, must be a folder for {count} files")


def _member(members: Members, wanted: str | Target) -> ArchitectureFile:
    return members.named(wanted) if isinstance(wanted, str) else members.closest(wanted)


def _write(out: Path | None, files: Sequence[ArchitectureFile]) -> list[Path]:
    from nas.errors import UserError
    from results.architecture_file import write

    if out is None:
        return []
    paths = [out] if len(files) == 1 else [out / f"{f.provenance['to']}.json" for f in files]
    try:
        for path, file in zip(paths, files, strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            write(path, file)
    except OSError as error:
        raise UserError(
            f"--out: got {out}, must be a place to write to ({error.strerror})", exit_code=1
        ) from error
    return paths


def _print(files: Sequence[ArchitectureFile], paths: Sequence[Path], as_json: bool) -> None:
    import json

    from rich.console import Console

    from nas.cli.show import print_architecture, print_side_by_side

    if as_json:
        data = [file.to_json() for file in files]
        click.echo(json.dumps(data[0] if len(data) == 1 else data, indent=2))
        return
    console = Console()
    if len(files) == 1:
        print_architecture(console, files[0])
    else:
        print_side_by_side(console, files)
    for path in paths:
        click.echo(f"written: {path}")
    if not paths:
        click.echo("not written; --out keeps it", err=True)
