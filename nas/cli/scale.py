"""``nas scale``: larger and smaller members of an architecture's family."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nas.cli import options
from nas.cli.echo import echo
from nas.cli.option_types import Whole
from nas.cli.options import option

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from results.architecture_file import ArchitectureFile


_SCALING, _FIT = "Scaling", "Search for scaling coefficients"


@options.command(
    {
        "Make sizes M and L of a searched network": "nas scale --from runs/RUN/best.json --to M,L "
        "--out family",
        "Make the largest network of at most 50 million parameters": "nas scale "
        "--from efficientnetv2-s --to 50M",
        "Scale one dimension alone: width, depth, or resolution": "nas scale "
        "--from efficientnet-b0 --to w2.0,d4.0,r2.0",
        "Search for the network's own scaling coefficients": "nas scale --from best.json --fit "
        "--data path/to/folder",
    },
    short_help="Make larger and smaller versions of a network.",
)
@option(
    "--from",
    "source",
    required=True,
    metavar="ARCH",
    help=f"Scale this one: {options.ARCH}.",
    group=_SCALING,
)
@option(
    "--to",
    metavar="SIZE",
    group=_SCALING,
    help="Make this size: S, M, L, XL, B0 to B8 or L2, or several (S,M,L,XL); or the largest "
    "network within a target: 50M or 300k parameters, 8G multiply-adds, or 2.0x the training step "
    "of ARCH, measured here; or multiply its width, depth or resolution: w2.0, d2.0, r1.5, or "
    "several of them at once (w1.2d1.4r1.3).",
)
@option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE|DIR",
    group=_SCALING,
    help="Write the network to this file; several to this folder, as M.json and so on; with "
    "--fit the run to this directory.",
)
@options.json_option()
@option(
    "--fit",
    is_flag=True,
    group=_FIT,
    help="Search for the alpha, beta and gamma of compound scaling that suit ARCH: networks of "
    "twice its cost are trained and timed here. The best.json of this search is scaled by them, "
    "with --to PHI2 and so on.",
)
@options.data_option(group=_FIT)
@options.minival_option(group=_FIT)
@options.background_option(group=_FIT)
@options.min_per_class_option(group=_FIT)
@option(
    "--budget",
    type=Whole(1),
    group=_FIT,
    help="Evaluate N candidates. Default: all of the grid.",
)
@options.epochs_option(group=_FIT)
@options.batch_size_option(group=_FIT)
@options.metric_option(group=_FIT)
@options.reward_option(group=_FIT)
@options.seed_option(group=_FIT)
@options.workers_option(group=_FIT)
@options.address_option(group=_FIT)
@options.storage_option(group=_FIT)
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
    """Make larger and smaller versions of a network.

    A searched network counts as size S of its family; a published one has its
    place in its own. Each file also holds the settings of progressive learning
    for its size, which nas train uses.
    """
    from nas.architectures import find_architecture

    of_search = {**search, "workers": workers, "address": address}
    _check_together(to, fit, [name for name, value in of_search.items() if value is not None])
    file = find_architecture(source, "--from")
    if fit:
        from nas.cli.search import search_and_print
        from nas.search.prepare import prepare_fit
        from nas.search.request import SearchRequest

        request = SearchRequest(**search, out=out)
        search_and_print(lambda: prepare_fit(request, file), workers, address, as_json)
    else:
        assert to is not None
        _scale(file, to, out, as_json)


def _check_together(to: str | None, fit: bool, of_search: Sequence[str]) -> None:
    """Check that the options agree; ``of_search`` are the given ones that only --fit uses."""
    from nas.errors import UserError

    if to is None and not fit:
        raise UserError("--to: got nothing, must be a size such as M, a target or --fit instead")
    if to is not None and fit:
        raise UserError(f"--to: got {to}, but --fit makes its own sizes: leave out one of the two")
    if of_search and not fit:
        name = "--" + of_search[0].replace("_", "-")
        raise UserError(f"{name}: sets how --fit searches, so it must go with --fit")


def _scale(file: ArchitectureFile, to: str, out: Path | None, as_json: bool) -> None:
    from nas.scale.members import family_from, parse_size

    family = family_from(file)
    wanted = [parse_size(size.strip(), family) for size in to.split(",")]
    _check_out(out, len(wanted))
    from nas.scale.members import Members, Target

    if any(isinstance(size, Target) and size.quantity == "step time" for size in wanted):
        echo("measuring training steps, which takes a minute or more", err=True)
    members = Members(file, family)
    files = [members.sized(size) for size in wanted]
    paths = _write(out, files)
    _print(files, paths, as_json)
    _print_shrunk(file, files)


def _check_out(out: Path | None, count: int) -> None:
    from nas.errors import UserError

    if out is None:
        return
    if count == 1 and out.is_dir():
        raise UserError(f"--out: got {out}, a folder, must be a file such as M.json")
    if count > 1 and out.exists() and not out.is_dir():
        raise UserError(f"--out: got {out}, a file, must be a folder for {count} files")


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


def _print_shrunk(source: ArchitectureFile, files: Sequence[ArchitectureFile]) -> None:
    """Print to standard error which of the files are smaller than their source."""
    from nas.architectures import with_counts

    cost = with_counts(source).multiply_adds or 0
    for file in files:
        if (file.multiply_adds or 0) < cost:
            share = (file.multiply_adds or 0) / cost
            echo(
                f"{file.provenance['to']} is smaller than {source.name}: {share:.2g} x its "
                "multiply-adds",
                err=True,
            )


def _print(files: Sequence[ArchitectureFile], paths: Sequence[Path], as_json: bool) -> None:
    import json

    from nas.cli.show import print_architecture, print_side_by_side
    from nas.terminal import Terminal

    if as_json:
        data = [file.to_json() for file in files]
        echo(json.dumps(data[0] if len(data) == 1 else data, indent=2))
        return
    console = Terminal()
    if len(files) == 1:
        print_architecture(console, files[0])
    else:
        print_side_by_side(console, files)
    for path in paths:
        echo(f"written: {path}")
    if not paths:
        echo("not saved; --out FILE saves it", err=True)
