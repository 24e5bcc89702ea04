"""The functions of the library on single networks: scale, train, evaluate, export, bench."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from contextlib import nullcontext, redirect_stdout
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Unpack, overload

from nas.api.option_values import checked, listed, path_of
from nas.architectures import Arch, find_architecture
from nas.errors import UserError
from nas.training.recipe_options import RecipeSettings

if TYPE_CHECKING:
    import pandas as pd

    from nas.data.given import Data
    from nas.export.loaded import LoadedNetwork
    from nas.export.write import Written
    from nas.full_training.checkpoint import TrainedNetwork
    from nas.full_training.evaluate import TestResult
    from nas.full_training.image_sizes import SizeResults
    from results.architecture_file import ArchitectureFile
    from search_space.network import Network


def scale(arch: Arch, to: str) -> dict[str, ArchitectureFile]:
    """Return relatives of a network by their sizes, as ``nas scale`` makes them.

    ``to`` is a size of its family such as M, several such as ``"M,L"``, targets such as 50M
    (parameters), 8G (multiply-adds) or 2.0x (the step time, which is measured then), or factors on
    width, depth or resolution such as w2.0, d2.0, r1.5 or ``"w1.2d1.4r1.3"``.

    Raises:
        UserError: the network cannot be read, its family has no such size, or none can be so large.
    """
    from nas.scale.members import Members, family_from, parse_size

    if not isinstance(to, str):
        raise UserError(f'--to: got {to!r}, must be a text such as "M" or "M,L"')
    file = find_architecture(arch)
    family = family_from(file)
    wanted = [(size.strip(), parse_size(size.strip(), family)) for size in to.split(",")]
    members = Members(file, family)
    return {name: members.sized(size) for name, size in wanted}


class TrainOptions(RecipeSettings, total=False):
    """The options of ``nas train`` under their names there; its --help explains each."""

    network: str  # instead of an architecture
    minival: str
    background: str
    min_per_class: int
    image_size: int  # pixels
    data_size: int  # pixels
    stream: bool
    recipe: str
    epochs: int
    batch_size: int
    progressive: bool
    random_sizes: bool
    adaptive: bool
    batch_growth: float
    patience: int
    metric: str
    validate_every: int
    seed: int
    pretrained: str | os.PathLike[str]
    micro_batch: int
    compile: bool


@dataclass(frozen=True)
class Trained:
    """A finished training: its directory, and the network of its best epoch."""

    path: Path
    network: TrainedNetwork

    def __fspath__(self) -> str:
        """Return the path, so that a training can be given where a path can."""
        return str(self.path)

    @property
    def accuracy(self) -> float:
        """The value of the training's metric, accuracy by default, on the minival, in [0, 1]."""
        return self.network.accuracy

    def build(self) -> Network:
        """Return the network with its weights, a ``torch.nn.Module`` in evaluation mode."""
        return self.network.build()


def train(
    arch: Arch | None = None,
    data: Data | str | os.PathLike[str] | Any = None,
    out: str | os.PathLike[str] | None = None,
    *,
    resume: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    address: str | None = None,
    log: str | None = None,
    quiet: bool = False,
    **options: Unpack[TrainOptions],
) -> Trained:
    """Train a network in full, and return the one of its best epoch.

    A checkpoint is written to ``out``, a new directory, after every epoch. ``resume`` is the
    directory of a training that was interrupted, and then stands instead of the other three.

    Raises:
        UserError: an option is wrong or contradicts the training, or it ended early, in one line.
    """
    from nas.data.given import place_of
    from nas.full_training.loggers import parse_names
    from nas.full_training.prepare import prepare
    from nas.full_training.run import run_training

    request = _train_request(
        {
            **options,
            "arch": arch,
            "data": None if data is None else place_of(data),
            "out": None if out is None else path_of("--out", out),
            "resume": None if resume is None else path_of("--resume", resume),
            "workers": workers,
            "address": address,
        }
    )
    tools = parse_names(log)
    job = prepare(request)
    with redirect_stdout(io.StringIO()) if quiet else nullcontext():
        if not quiet:
            _announce(job)
        network = run_training(job, request.workers or job.settings.workers, tools, address=address)
    return Trained(job.directory.path, network)


# The command line's names of options, and those of the request where they differ.
_NAMES = {"recipe": "preset", "compile": "is_compiled"}


def _train_request(given: dict[str, Any]) -> Any:
    from nas.full_training.prepare import TrainRequest
    from nas.training.recipe_options import RecipeOptions

    arguments = ("arch", "data", "out", "resume", "workers", "address")
    given = checked("train", given, (*TrainOptions.__annotations__, *arguments))
    recipe_options = RecipeOptions.taken_from(given)
    named = {_NAMES.get(name, name): value for name, value in given.items()}
    if named.get("pretrained") is not None:
        named["pretrained"] = path_of("--pretrained", named["pretrained"])
    return TrainRequest(**named, recipe_options=recipe_options)


def _announce(job: Any) -> None:
    from nas.api.announcement import print_lines, training_doubts, training_lines

    print_lines(training_lines(job), training_doubts(job))


@overload
def evaluate(
    trained: Trained | str | os.PathLike[str],
    data: Data | str | os.PathLike[str] | Any,
    *,
    split: Literal["test", "validation"] | None = None,
    image_size: int | None = None,
    crop: Literal["square", "published"] = "square",
    metric: str | Sequence[str] | None = None,
    batch_size: int = 256,
) -> TestResult: ...


@overload
def evaluate(
    trained: Trained | str | os.PathLike[str],
    data: Data | str | os.PathLike[str] | Any,
    *,
    split: Literal["test", "validation"] | None = None,
    image_size: Sequence[int],
    crop: Literal["square", "published"] = "square",
    metric: str | Sequence[str] | None = None,
    batch_size: int = 256,
) -> SizeResults: ...


def evaluate(
    trained: Trained | str | os.PathLike[str],
    data: Data | str | os.PathLike[str] | Any,
    *,
    split: Literal["test", "validation"] | None = None,
    image_size: int | Sequence[int] | None = None,
    crop: Literal["square", "published"] = "square",
    metric: str | Sequence[str] | None = None,
    batch_size: int = 256,
) -> TestResult | SizeResults:
    """Measure a trained network on the test split of ``data``, with 95 % intervals.

    ``trained`` is a training, its directory, or a checkpoint. ``split`` may ask for the validation
    split instead; None takes that only where there is no test split. ``image_size`` is in pixels;
    None stands for the network's evaluation size, and for several there is a result of each, with
    the ``best``. ``crop`` is the part of each image, as ``nas evaluate --help`` explains it.
    ``metric`` names one or several to measure beside accuracy, top-5 and the training's; None
    stands for the usual ones.

    Raises:
        UserError: the checkpoint cannot be read, or the data have no such split, other classes, or
            no such metric.
    """
    from nas.data.decode import CROPS
    from nas.data.given import place_of
    from nas.devices import training_device
    from nas.full_training.checkpoint import CheckpointError, read_network
    from nas.full_training.evaluate import evaluate as on_split
    from nas.full_training.image_sizes import evaluate_sizes
    from nas.metrics.registry import known_function, metric_named

    try:
        network = (
            trained.network
            if isinstance(trained, Trained)
            else read_network(path_of("trained", trained))
        )
    except CheckpointError as error:
        raise UserError(f"trained: {error}") from error
    sizes = [network.file.eval_size] if image_size is None else listed(image_size)
    if not sizes:
        raise UserError("--image-size: got no sizes, must be one or several")
    sizes = [checked("evaluate", {"image_size": x}, ("image_size",))["image_size"] for x in sizes]
    if crop not in CROPS:
        raise UserError(f"--crop: got {crop!r}, must be one of {', '.join(CROPS)}")
    names = [metric] if isinstance(metric, str) else metric
    metrics = None if names is None else [metric_named(name) for name in names]
    trained_by = known_function(network.metric)
    place, device = place_of(data), training_device()
    measure = partial(
        on_split, network, place, batch_size, device, split, metrics, trained_by, crop
    )
    found = evaluate_sizes(measure, sizes, metrics, trained_by)
    return found if isinstance(image_size, list | tuple) else found.results[0]


def export(
    source: Arch | Trained,
    to: str | os.PathLike[str],
    *,
    format: str = "nas",  # noqa: A002 - the command line's name
    with_preprocessing: bool = False,
    arch: str | None = None,
    seed: int = 0,
    force: bool = False,
) -> Written:
    """Write a network for use without this library; the ending of ``to`` sets the form.

    It is .onnx, .py, .safetensors or .pth, as ``nas export --help`` explains. ``source`` is a
    training, a file of weights, or an architecture, whose weights are then drawn from ``seed``.

    Raises:
        UserError: the form cannot hold the network, or the file exists already.
    """
    from nas.export.request import Request
    from nas.export.source import find_source
    from nas.export.write import write
    from results.architecture_file import ArchitectureFile

    request = Request(path_of("to", to), format, with_preprocessing, force)
    request.check()
    if isinstance(source, ArchitectureFile):
        return write(source, request, seed)
    return write(find_source(str(path_of("source", source)), arch), request, seed)


def load(source: Trained | str | os.PathLike[str]) -> LoadedNetwork:
    """Read a trained network: a training, a checkpoint, an export, or ``hub:NAME``.

    Raises:
        UserError: it is missing, holds no weights, or the Hub cannot be reached.
    """
    from nas.export.hub import load as load_from

    if not isinstance(source, str):
        source = str(path_of("source", source))
    return load_from(source)


def bench(
    *archs: Arch,
    image_sizes: Sequence[int] = (),
    batch_sizes: Sequence[int] = (),
    fuse: str | None = None,
    reference: str | None = None,
    time_cap: float = 30.0,
    compile: bool = False,  # noqa: A002 - the command line's name
) -> pd.DataFrame:
    """Measure training step, inference and memory of networks; return a row for each.

    The columns are those of ``nas bench --csv``: seconds, bytes, images a second. ``time_cap`` is
    in seconds a network; ``reference`` is the network that each is timed in turn with.

    Raises:
        UserError: a network cannot be read, or an option cannot be met.
    """
    import pandas as pd

    from nas.bench.measure import flat_row
    from nas.bench.prepare import BenchRequest, plan

    if not archs:
        raise UserError("ARCH: must be given, one or several")
    for name, sizes in (("image_size", image_sizes), ("batch_size", batch_sizes)):
        for size in listed(sizes):
            checked("bench", {name: size}, (name,))
    checked("bench", {"time_cap": time_cap, "compile": compile}, ("time_cap", "compile"))
    image_sizes, batch_sizes = listed(image_sizes), listed(batch_sizes)
    planned = plan(
        BenchRequest(archs, image_sizes, batch_sizes, fuse, reference, time_cap, compile)
    )
    return pd.DataFrame([flat_row(row.measure(time_cap).to_json()) for row in planned])
