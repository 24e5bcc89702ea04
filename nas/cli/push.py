"""``nas push``: a trained network, to the Hugging Face Hub."""

from __future__ import annotations

import click

from nas.cli import options
from nas.cli.echo import echo
from nas.cli.options import option


@options.command(
    {
        "Send a trained network to the Hub": "nas push trained me/flowers --license apache-2.0",
        "Keep it private, and name the data": "nas push trained me/flowers --private --dataset "
        "me/photos",
    },
    short_help="Send a trained network to the Hugging Face Hub.",
)
@click.argument(
    "source",
    help="A checkpoint or the directory of a nas train, or a .safetensors file of nas export.",
)
@click.argument("name", help="The network's name on the Hub, such as me/flowers.")
@option(
    "--license",
    "license_name",
    metavar="L",
    help="State this license in the card, such as apache-2.0. Default: none is stated.",
)
@option("--tag", "tags", metavar="T", multiple=True, help="Add this tag. May be repeated.")
@option(
    "--dataset",
    metavar="D",
    help="Name the data by the Hub's name. Default: that of --data hub:NAME in nas train.",
)
@option("--private", "is_private", is_flag=True, help="Make a new repository private.")
def push(
    source: str,
    name: str,
    license_name: str | None,
    tags: tuple[str, ...],
    dataset: str | None,
    is_private: bool,
) -> None:
    """Send a trained network to the Hugging Face Hub, with all that is needed to use it.

    \b
    model.safetensors  the weights, with the architecture
    config.json        architecture, class names, and how an image becomes pixels
    README.md          the model card: license, tags, data, metrics, results
    model.py           Python code that builds the network with torch alone
    predict.py         runs it on images

    The token is that of HF_TOKEN, or of hf auth login.
    """
    from nas.errors import UserError
    from nas.export.hub import Push
    from nas.export.hub import push as send

    request = Push(name, license_name, tags, dataset, is_private)
    request.check()
    from nas.export.source import find_source
    from nas.weights import Model

    model = find_source(source, None)
    if not isinstance(model, Model):
        raise UserError(
            f"SOURCE: got {source}, an architecture without weights, must be of a nas train"
        )
    address = send(model, request)
    echo(f"network: {model.file.name}")
    echo(f"weights: {model.origin}")
    if license_name is None:
        echo("license: none stated; --license states one")
    echo(f"sent to: {address}")
    echo(f'use it:  nas.load("hub:{name}")')
