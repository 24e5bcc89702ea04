"""``nas export``: a network, for use without this tool."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nas.cli.options import Whole

if TYPE_CHECKING:
    from nas.export.write import Request, Written


@click.command()
@click.argument("source")
@click.option(
    "--to",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The file to write: .onnx, .py, .safetensors or .pth.",
)
@click.option(
    "--format",
    "names",
    type=click.Choice(["nas", "torchvision"]),
    default="nas",
    show_default=True,
    help="Whose names weights have in a .safetensors or .pth file.",
)
@click.option(
    "--arch",
    metavar="ARCH",
    help="The architecture of SOURCE, if that is a file of weights that does not say it.",
)
@click.option(
    "--seed",
    type=Whole(0),
    default=0,
    show_default=True,
    help="Draws the weights, if SOURCE is an architecture and has none.",
)
@click.option("--force", is_flag=True, help="Replace files that exist.")
def export(source: str, to: Path, names: str, arch: str | None, seed: int, force: bool) -> None:
    """Write a network for use without this tool.

    SOURCE is a checkpoint or the folder of a nas train, a file of weights
    (.safetensors, .pth; by our names or by torchvision's), or an architecture: a
    file such as best.json, or a published name such as efficientnetv2-s.

    \b
    .onnx         the network with its weights, for any batch size; compared
                  with torch before it is kept
    .py           one file of Python that builds it with torch alone
    .safetensors  the weights, with a model card beside them (.md)
    .pth          the same, as torch.save writes them
    """
    from nas.export.write import Request

    request = Request(to, names == "torchvision")
    request.check(force)
    from nas.export.write import find_source, write

    _print(request, write(find_source(source, arch), request, seed))


def _print(request: Request, written: Written) -> None:
    from nas.export.onnx_file import BATCHES

    click.echo(f"network: {written.name}")
    if written.origin is not None:
        click.echo(f"weights: {written.origin}")
    if written.difference is not None:
        batches = " and ".join(map(str, BATCHES))
        click.echo(f"checked: onnxruntime against torch, {batches} images: {written.difference}")
    for path in request.paths:
        if path.exists():
            click.echo(f"written: {path}")
