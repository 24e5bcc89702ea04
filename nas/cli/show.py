"""``nas show``: architectures and spaces as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from nas.cli import options
from nas.cli.echo import echo
from nas.cli.options import option
from search_space.named import short_name

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
_LABEL = 15  # characters
TITLES = {  # of a space's choices but for channels
    "operator": "operator",
    "layers": "layers",
    "kernel": "kernel",
    "expansion": "expansion",
    "se_ratio": "SE",
    "activation": "activation",
}
SMALL_IMAGES = 32  # pixels; the space `small` has another form for images under 24 pixels


@options.command(
    {
        "Compare a search's winner with a published network": "nas show runs/RUN/best.json "
        "efficientnetv2-s",
        "Show what a space contains": "nas show --space efficientnetv2",
    },
    short_help="Show architectures or a space as tables.",
)
@click.argument("archs", metavar="[ARCH]...", nargs=-1, help=f"Each is {options.ARCH}.")
@option("--space", metavar="P", help="Show this space and its size: its name or its YAML file.")
@option(
    "--fuse",
    metavar="STAGES",
    help="Replace the blocks of these stages by Fused-MBConv: 1-3, or several variants: "
    "none,1-3,1-5.",
)
@options.json_option()
def show(archs: tuple[str, ...], space: str | None, fuse: str | None, as_json: bool) -> None:
    """Show the stages, parameters and multiply-adds of an architecture.

    Several architectures are shown side by side, a row for each.
    """
    import json

    from nas.terminal import Terminal

    if bool(archs) == (space is not None):
        raise click.UsageError("ARCH: must be given, or --space instead of it, and not both")
    console = Terminal()
    if space is not None:
        from nas.architectures import find_space

        found = find_space(space, SMALL_IMAGES)
        if as_json:
            echo(json.dumps(_space_json(found), indent=2))
        else:
            _print_space(console, found)
        return
    from nas.architectures import find_architecture, fused_variants, with_counts

    networks = (find_architecture(arch) for arch in archs)
    files = [with_counts(file) for network in networks for file in fused_variants(network, fuse)]
    if as_json:
        data = [file.to_json() for file in files]
        echo(json.dumps(data[0] if len(data) == 1 else data, indent=2))
    elif len(files) == 1:
        print_architecture(console, files[0])
    else:
        print_side_by_side(console, files)


def print_architecture(console: Console, file: ArchitectureFile) -> None:
    """Print the stages, counts and sizes, and the measurements if it comes from a search."""
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
    """Print the ranges of progressive learning, first to last, as ``nas scale`` writes them."""
    ranges = {name: f"{low:g} to {high:g}" for name, (low, high) in progressive.items()}
    lines = (
        f"progressive    {ranges['image_size']} px, dropout {ranges['dropout']}",
        f"               RandAugment {ranges['randaugment_magnitude']}, "
        f"mixup {ranges['mixup_alpha']}",
    )
    for line in lines:
        console.print(line, highlight=False)


def print_side_by_side(console: Console, files: Sequence[ArchitectureFile]) -> None:
    """Print a row for each architecture; its pixels are those to train and to evaluate at."""
    from nas.cli.tables import print_table
    from results.units import short_count

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
    how = _how_timed(measured.get("conditions") or {})
    lines = (
        *_accuracy(measured),
        f"training step  {1000 * measured['step_time_s']:.1f} ms ({low:.1f} to {high:.1f}), "
        f"batch {measured['batch_size']} on {measured['device']}",
        f"               {_relative(measured)}",
        *([f"               {how}"] if how else []),
        *([f"               unsteady: {unsteady}"] if unsteady else []),
        f"reward         {measured['reward']:.4f}",
    )
    for line in (*lines, *_confirmation(measured.get("confirmation"))):
        console.print(line, highlight=False)


def _how_timed(conditions: Mapping[str, Any]) -> str:
    """Return how a GPU ran the step, such as "as a CUDA graph, the GPU busy for 92 % of it"."""
    modes = {"graph": "as a CUDA graph", "compiled graph": "compiled, as a CUDA graph"}
    mode, busy = conditions.get("mode"), conditions.get("busy_share")
    parts = [modes.get(str(mode), str(mode))] if mode not in (None, "eager") else []
    if conditions.get("failure"):
        parts.append("eager, not as a CUDA graph")
    if busy is not None:
        parts.append(f"the GPU busy for {100 * busy:.0f} % of it")
    if conditions.get("sharers", 1) > 1:
        parts.append(f"{conditions['sharers']} candidates to a GPU")
    return ", ".join(parts)


def _accuracy(measured: Mapping[str, Any]) -> list[str]:
    """Return lines on the metric, with its 95 % interval, which files of an early release lack."""
    from reward.metric import recorded_metric

    interval, images = measured.get("accuracy_ci"), measured.get("minival_images")
    spread = f" ({100 * interval[0]:.1f} to {100 * interval[1]:.1f})" if interval else ""
    on = f"the minival's {images:,} images" if images else "the minival"
    epochs, title = measured["epochs"], recorded_metric(measured).title
    text = (
        f"{100 * measured['accuracy']:.1f} %{spread} on {on}, "
        f"after {epochs} epoch{'s' if epochs != 1 else ''}"
    )
    if len(title) < _LABEL:
        return [f"{title:{_LABEL}}{text}"]
    return [title, f"{'':{_LABEL}}{text}"]


def _relative(measured: Mapping[str, Any]) -> str:
    """Return S/S0 with its 95 % interval, which files of an early release do not have."""
    interval = measured.get("normalized_step_time_ci")
    spread = f" ({interval[0]:.2f} to {interval[1]:.2f})" if interval else ""
    return f"{measured['normalized_step_time']:.2f} x the backbone's{spread}"


def _confirmation(confirmation: Any) -> list[str]:
    """Return a line on a network's trainings with several seeds; none if it was trained once."""
    if not confirmation:
        return []
    sd = confirmation.get("seed_reward_sd", confirmation["reward_sd"])
    spread = "" if sd is None else f" (sd of seeds {sd:.4f})"
    mean, count = confirmation["reward_mean"], confirmation["trainings"]
    epochs = confirmation["epochs"]
    plural = "" if epochs == 1 else "s"
    lines = [f"confirmed      {mean:.4f}{spread}, {count} trainings of {epochs} epoch{plural}"]
    if "fresh_trainings" in confirmation:
        fresh = confirmation["fresh_trainings"]
        lines.append(
            f"               accuracy and reward: mean of the {fresh} fresh ones, without the first"
        )
    return lines


def _print_space(console: Console, space: Space) -> None:
    """Print a row for each stage, and below the table the choices that are alike in all stages."""
    from nas.cli.tables import print_table
    from search_space.choices import widths

    texts = {name: _texts(space, name) for name in TITLES}
    columns = [name for name, column in texts.items() if len(set(column)) > 1]
    stages = list(zip(space.backbone.stages, space.choices, strict=True))
    channels = ["/".join(map(str, widths(stage, choices))) for stage, choices in stages]
    strides = [str(stage.stride) for stage, _ in stages]
    numbers = [str(i) for i in range(1, len(stages) + 1)]
    rows = zip(numbers, *(texts[name] for name in columns), channels, strides, strict=True)
    heads = ("stage<", *(f"{TITLES[name]}<" for name in columns), "channels<", "stride")
    print_table(console, heads, rows, title=space.name)
    for name, title in TITLES.items():
        if name not in columns and texts[name][0]:
            console.print(f"{title:<14} {texts[name][0]}", highlight=False)
    console.print(f"architectures  {space.size:,}", highlight=False)
    if not space.contains(space.backbone):
        console.print("backbone       not in the space, only measured against", highlight=False)


def _texts(space: Space, name: str) -> list[str]:
    """Return the options of a choice in each stage, such as ``3/5``; empty where it is none."""
    options = (choices.options().get(name, ()) for choices in space.choices)
    return ["/".join(short_name(str(option)) for option in each) for each in options]


def _space_json(space: Space) -> dict[str, Any]:
    stages = [dict(choices.options()) for choices in space.choices]
    return {
        "name": space.name,
        "size": space.size,
        "backbone": space.backbone.to_json(),
        "stages": stages,
    }
