"""Lines on a search or a training before it begins: on its data, its recipe, and doubts."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING

from nas.errors import first_of, visible
from nas.output import text_width
from results.candidate import PROXY

if TYPE_CHECKING:
    from nas.data.split import SearchData
    from nas.full_training.settings import Job
    from nas.metrics.metric_function import MetricFunction
    from nas.search.request import PreparedSearch
    from results.comparison import Fidelity
    from reward.metric import Metric


def data_lines(data: SearchData, label_width: int, metric: Metric) -> list[str]:
    """Return lines on the training set and on the minival, and how exact accuracies are on it.

    A ``metric`` other than accuracy has a line of its own.
    """
    from nas.data.minival import half_width
    from reward.metric import ACCURACY

    count = len(data.minival)
    place = (
        f"from {data.minival_split}" if data.minival_split else "held out of the training images"
    )
    if data.unused_split:
        place += f" ({data.unused_split})"
    size = int(data.minival.pixels.shape[-1])
    if size != data.image_size:
        place += f", {size} px"
    half = 100 * half_width(count)
    reason = f" ({data.size_reason}; --image-size sets another)" if data.size_reason else ""
    texts = {
        "data": f"{data.name}: {len(data.training):,} images to train on, {data.classes} classes, "
        f"{data.image_size} px{reason}",
        "minival": f"{count:,} images {place}: 90 % measured there means 90 +-{half:.1f} %",
    }
    if not metric.is_share:
        texts["minival"] = f"{count:,} images {place}"
    if metric.name != ACCURACY:
        texts["metric"] = f"{metric.title}, in the place of accuracy"
    return [line for label, text in texts.items() for line in wrapped(label, text, label_width)]


def wrapped(label: str, text: str, label_width: int) -> list[str]:
    """Return a text behind its label, in lines of 80 columns, or as many as the terminal has."""
    return textwrap.wrap(
        text,
        text_width(),
        initial_indent=f"{label:{label_width}}",
        subsequent_indent=" " * label_width,
        break_long_words=False,
        break_on_hyphens=False,
    )


def size_warnings(data: SearchData, image_size: int) -> list[str]:
    """Return a line if the images in their files have a size far from this one."""
    native = data.native_size
    if native is None or image_size / 2 < native < 2 * image_size:
        return []
    return [
        f"warning: the network is for {image_size} px, but the images have about {native} px "
        "(--image-size trains it at another size)"
    ]


def doubts(data: SearchData, function: MetricFunction) -> list[str]:
    """Return a line on each thing that was passed over or left out, or that looks wrong."""
    from nas.data.glance import classes_look_alike
    from nas.metrics.registry import note_on_classes

    lines = [*data.notes, *(f"warning: {warning}" for warning in data.warnings)]
    note = note_on_classes(function, data.minival.labels, data.classes, data.class_names)
    lines += [note] if note is not None else []
    if classes_look_alike(data.training):
        lines.append(
            "warning: the classes' average images do not differ: is a label right, and does "
            "decoding show what it should?"
        )
    if data.unreadable:
        count = len(data.unreadable)
        names = first_of(data.unreadable, count)
        lines.append(f"left out {count} unreadable images: {names}")
    return lines


def search_lines(prepared: PreparedSearch) -> list[str]:
    """Return lines on the data, the recipe, the space and the run's place of a search."""
    from nas.training.recipe_options import recipe_text

    data, settings, grid = prepared.data, prepared.settings, prepared.grid
    size = grid.size
    recipe = recipe_text(settings.recipe, settings.training_recipe(len(data.training)))
    if settings.data_share < 1:
        recipe += f", on {100 * settings.data_share:g} % of the images"
    return [
        *data_lines(data, 9, prepared.metric.metric),
        *wrapped("recipe", recipe, label_width=9),
        f"space    {grid.name}: {size if size < 10**7 else float(size):,.7g} architectures",
        *(line for run in settings.earlier_runs for line in wrapped("learns", f"from {run}", 9)),
        f"run      {prepared.run.path}",
    ]


def comparison_lines(prepared: PreparedSearch) -> list[str]:
    """Return lines on the data, the networks, and the fidelities of a comparison."""
    settings = prepared.settings
    comparison, networks = settings.comparison, settings.budget or 0
    assert comparison is not None
    *lines, run = search_lines(prepared)
    fidelities = settings.fidelities
    own = fidelities.pop(PROXY)
    twice = f", {comparison.repeats} of them twice" if comparison.repeats else ""
    return [
        *lines,
        f"networks {networks}, from the smallest to the largest{twice}",
        *wrapped("proxy", _fidelity_text(own), 9),
        *(line for name, f in fidelities.items() for line in wrapped(name, _fidelity_text(f), 9)),
        run,
    ]


def _fidelity_text(fidelity: Fidelity) -> str:
    share = f", {100 * fidelity.data_share:g} % of the images" if fidelity.data_share < 1 else ""
    epochs = f"{fidelity.epochs} epoch{'s' * (fidelity.epochs != 1)}"
    return f"{epochs} at {fidelity.image_size} px{share}"


def search_doubts(prepared: PreparedSearch) -> list[str]:
    """Return lines on what of a search may not be as the user thinks."""
    budget, size = prepared.settings.budget, prepared.grid.size
    lines = [prepared.note] if prepared.note is not None else []
    lines += doubts(prepared.data, prepared.metric)
    if budget is not None and budget > size:
        lines.append(
            f"--budget {budget}: the space has {size} architectures, so the search ends with those"
        )
    return lines


def training_lines(job: Job) -> list[str]:
    """Return lines on the network, the data, the recipe and the place of a training."""
    from nas.training.recipe_options import recipe_text, resizing_text

    data, settings, recipe = job.data, job.settings, job.recipe
    file = settings.file
    lines = [
        f"network  {file.name}: {file.train_size} px to train, {file.eval_size} px to evaluate",
        *data_lines(data, 9, job.metric.metric),
        *wrapped("recipe", recipe_text(settings.preset, recipe), label_width=9),
    ]
    if settings.progressive is not None:
        lines += wrapped("sizes", resizing_text(recipe), label_width=9)
    if settings.validate_every > 1:
        lines.append(f"         validated every {settings.validate_every} epochs")
    if job.pretrained is not None:
        lines.append(f"weights  {job.pretrained.said}")
    return [*lines, f"out      {job.directory.path}"]


def training_doubts(job: Job) -> list[str]:
    """Return lines on what of a training may not be as the user thinks."""
    data = job.data
    return [*doubts(data, job.metric), *size_warnings(data, job.settings.file.train_size)]


def print_lines(lines: Iterable[str], doubts: Iterable[str]) -> None:
    """Print the lines to standard output, and the doubts to standard error."""
    for line in lines:
        print(visible(line))  # noqa: T201
    for line in doubts:
        print(visible(line), file=sys.stderr)  # noqa: T201
