"""Options that several commands have, with one text each."""

from __future__ import annotations

import click

from nas.cli.options import Whole

data_option = click.option(
    "--data",
    metavar="D",
    help="digits (the default, embedded), shapes[:classes=..,size=..,n=..], a folder "
    "with one sub-folder of images per class, Parquet files or WebDataset shards (a "
    "file or their folder), CIFAR's archive, a .npz file, or hub:NAME of the "
    "Hugging Face Hub.",
)
workers_option = click.option(
    "--workers",
    type=Whole(1),
    help="Candidates evaluated at once. Default: one for each GPU, or core.",
)
epochs_option = click.option(
    "--epochs", type=Whole(1), help="Of each candidate's training.  [default: 10]"
)
batch_size_option = click.option(
    "--batch-size", type=Whole(2), help="Images a training step. Default: 32 to 128, by the data."
)
reward_option = click.option(
    "--reward",
    metavar="R",
    help="product[:w=-0.07,v=-0.05] (the default), or with a target step time T, in the "
    "backbone's or in seconds as 0.05s: soft:T=.., hard:T=.., absolute:T=..",
)
seed_option = click.option(
    "--seed", type=Whole(0), help="Decides all that is random.  [default: 0]"
)
address_option = click.option(
    "--address", metavar="A", help="A running Ray cluster to join, or auto."
)
storage_option = click.option(
    "--storage", metavar="URL", help="A database for the record, such as postgresql://.."
)
