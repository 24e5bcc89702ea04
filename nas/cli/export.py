"""``nas export``: a network, for use without this tool."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nas.cli import options
from nas.cli.echo import echo
from nas.cli.option_types import OneOf, Whole
from nas.cli.options import option

if TYPE_CHECKING:
    from nas.export.write import Written


@options.command(
    {
        "Convert a trained network to ONNX": "nas export trained --to model.onnx",
        "Write a network as Python code that needs torch alone": "nas export runs/RUN/best.json "
        "--to model.py",
    },
    short_help="Write a network for use without this tool.",
)
@click.argument(
    "source",
    help="A checkpoint or the directory of a nas train; a file of weights, .safetensors or .pth, "
    f"by our names or by torchvision's; or an architecture: {options.ARCH}.",
)
@option(
    "--to",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write this file; its ending, one of those above, sets the format.",
)
@option(
    "--format",
    "names",
    type=OneOf(["nas", "torchvision", "timm"]),
    default="nas",
    show_default=True,
    help="Name the weights as this library does: nas, torchvision (.safetensors, .pth) or timm, "
    "also for a .py that registers the network with timm.",
)
@option(
    "--with-preprocessing",
    is_flag=True,
    help="Put cutting, resizing and normalising into the .onnx file's network, which then takes "
    "uint8 pixels of any size.",
)
@option(
    "--arch",
    metavar="ARCH",
    help="Read a SOURCE of weights alone as this architecture.",
)
@option(
    "--seed",
    type=Whole(0),
    default=0,
    show_default=True,
    help="Draw the weights of an architecture, which has none, from this seed.",
)
@option("--force", is_flag=True, help="Replace files that exist.")
def export(
    source: str,
    to: Path,
    names: str,
    with_preprocessing: bool,
    arch: str | None,
    seed: int,
    force: bool,
) -> None:
    """Write a network for use without this tool.

    \b
    .onnx         the network with its weights, for any batch size; its outputs
                  are compared with torch's before the file is kept
    .py           Python code that builds the network with torch alone
    .safetensors  the weights, and the .py file
    .pth          the weights as torch.save writes them, and the .py file

    Each says in its metadata and in a model card (.md) how an image becomes
    pixels. Beside trained weights, predict.py runs them on images.
    """
    from nas.export.request import Request

    request = Request(to, names, with_preprocessing, force)
    request.check()
    from nas.export.source import find_source
    from nas.export.write import write

    _print(write(find_source(source, arch), request, seed))


def _print(written: Written) -> None:
    from nas.export.onnx_file import BATCHES

    echo(f"network: {written.name}")
    if written.origin is not None:
        echo(f"weights: {written.origin}")
    if written.difference is not None:
        batches = " and ".join(map(str, BATCHES))
        echo(f"checked: onnxruntime against torch, {batches} images: {written.difference}")
    for path in written.paths:
        echo(f"written: {path}")
