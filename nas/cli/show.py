"""``nas show``: what an architecture or a space is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from results.architecture_file import ArchitectureFile
    from search_space.space import Space


MEASURED = (
    "accuracy",
    "epochs",
    "step_time_s",
    "step_time_ci_s",
    "normalized_step_time",
    "batch_size",
    "device",
    "reward",
)
PROGRESSIVE = ("image_size", "randaugment_magnitude", "mixup_alpha", "dropout")
SMALL_IMAGES = 32  # pixels; the space `small` has two forms, this one and that for under 24


@click.command(short_help="Show what an architecture or a space is.")
@click.argument("archs", metavar="[ARCH]...", nargs=-1)
@click.option("--space", metavar="NAME|FILE", help="Show this search space and its size instead.")
@click.option("--fuse", metavar="STAGES", help="Put Fused-MBConv into these stages, such as 1-3.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def show(archs: tuple[str, ...], space: str | None, fuse: str | None, as_json: bool) -> None:
    """Show the stages, parameters and multiply-adds of ARCH; several side by side.

    ARCH is a file that this tool wrote, such as best.json, or a published name,
    such as efficientnetv2-s.
    """
    import json

    from rich.console import Console

    if bool(archs) == (space is not None):
        raise click.UsageError("ARCH: must be given, or --space instead of it, and not both")
    console = Console()
    if space is not None:
        from nas.architectures import find_space

        named = find_space(space, SMALL_IMAGES)
        if as_json:
            click.echo(json.dumps(_space_json(named), indent=2))
        else:
            _print_space(console, named)
        return
    from nas.architectures import find_architecture, fused_variants, with_counts

    found = (find_architecture(arch) for arch in archs)
    files = [with_counts(file) for one in found for file in fused_variants(one, fuse)]
    if as_json:
        data = [file.to_json() for file in files]
        click.echo(json.dumps(data[0] if len(data) == 1 else data, indent=2))
    elif len(files) == 1:
        print_architecture(console, files[0])
    else:
        print_side_by_side(console, files)


def print_architecture(console: Console, file: ArchitectureFile) -> None:
    """Its stages, counts and sizes, and what was measured of it if it comes from a search."""
    from nas.cli.tables import print_stages

    print_stages(console, file.architecture, title=file.name)
    console.print(f"parameters     {file.parameters:,}", highlight=False)
    console.print(f"multiply-adds  {file.multiply_adds:,} at {file.eval_size} px", highlight=False)
    console.print(
        f"image size     {file.train_size} px to train, {file.eval_size} px to evaluate",
        highlight=False,
    )
    progressive = file.training.get("progressive")
    if isinstance(progressive, dict) and set(PROGRESSIVE) <= set(progressive):
        _print_progressive(console, progressive)
    if all(file.measurements.get(key) is not None for key in MEASURED):
        _print_measurements(console, file.measurements)


def _print_progressive(console: Console, progressive: Mapping[str, Any]) -> None:
    """Progressive learning's ranges, first to last, as ``nas scale`` writes them."""
    said = {name: f"{low:g} to {high:g}" for name, (low, high) in progressive.items()}
    lines = (
        f"progressive    {said['image_size']} px, dropout {said['dropout']}",
        f"               RandAugment {said['randaugment_magnitude']}, mixup {said['mixup_alpha']}",
    )
    for line in lines:
        console.print(line, highlight=False)


def print_side_by_side(console: Console, files: Sequence[ArchitectureFile]) -> None:
    """One row each, so that a family stands beside published members; pixels to train/evaluate."""
    from nas.cli.tables import print_table, short_count

    rows = [
        (
            file.name,
            short_count(file.parameters),
            short_count(file.multiply_adds),
            f"{file.train_size}/{file.eval_size}",
            ",".join(str(stage.layers) for stage in file.architecture.stages),
        )
        for file in files
    ]
    columns = ("name<", "parameters", "mult-adds", "pixels", "layers<")
    print_table(console, columns, rows)


def _print_measurements(console: Console, measured: Mapping[str, Any]) -> None:
    low, high = (1000 * x for x in measured["step_time_ci_s"])
    unsteady = measured.get("unsteady")
    lines = (
        f"accuracy       {100 * measured['accuracy']:.1f} % on the minival, "
        f"after {measured['epochs']} epochs",
        f"training step  {1000 * measured['step_time_s']:.1f} ms ({low:.1f} to {high:.1f}), "
        f"batch {measured['batch_size']} on {measured['device']}",
        f"               {_relative(measured)}",
        *([f"               unsteady: {unsteady}"] if unsteady else []),
        f"reward         {measured['reward']:.4f}",
    )
    for line in (*lines, *_confirmation(measured.get("confirmation"))):
        console.print(line, highlight=False)


def _relative(measured: Mapping[str, Any]) -> str:
    """S/S0 with its 95 % interval, which files of an early release do not have."""
    interval = measured.get("normalized_step_time_ci")
    spread = f" ({interval[0]:.2f} to {interval[1]:.2f})" if interval else ""
    return f"{measured['normalized_step_time']:.2f} x the backbone's{spread}"


def _confirmation(several: Any) -> list[str]:
    """What a network's trainings with several seeds came to; nothing where there was one."""
    if not several:
        return []
    sd = several["reward_sd"]
    spread = "" if sd is None else f", standard deviation {sd:.4f}"
    count, epochs = several["trainings"], several["epochs"]
    return [
        f"confirmed      {several['reward_mean']:.4f}{spread}, {count} trainings of {epochs} epochs"
    ]


def _print_space(console: Console, space: Space) -> None:
    from nas.cli.tables import print_table

    rows = [
        (
            str(i),
            "/".join(choices.operator),
            "/".join(map(str, choices.layers)),
            "/".join(map(str, choices.kernel)),
            "/".join(map(str, choices.expansion)),
            str(stage.channels),
            str(stage.stride),
        )
        for i, (stage, choices) in enumerate(
            zip(space.backbone.stages, space.choices, strict=True), 1
        )
    ]
    columns = ("stage<", "operator<", "layers<", "kernel<", "expansion<", "channels", "stride")
    print_table(console, columns, rows, title=space.name)
    console.print(f"architectures  {space.size:,}", highlight=False)


def _space_json(space: Space) -> dict[str, Any]:
    stages = [{**choices.options()} for choices in space.choices]
    return {
        "name": space.name,
        "size": space.size,
        "backbone": space.backbone.to_json(),
        "stages": stages,
    }
