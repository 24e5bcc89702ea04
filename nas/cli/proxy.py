"""``nas proxy``: whether short trainings rank networks as long ones do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nas.api.announcement import comparison_lines, search_doubts
from nas.api.conduct import begin_in_process, conduct
from nas.cli import options
from nas.cli.comparison import print_comparison
from nas.cli.echo import echo
from nas.cli.option_types import Positive, whole
from nas.cli.options import option
from reward.step_time.allocator import restart_with_settings

if TYPE_CHECKING:
    from nas.search.request import PreparedSearch

_PROXY, _FULL, _HOW_MANY = "Proxy", "Full training", "How many networks"


@options.command(
    {
        "Ask whether ten epochs at 32 px rank networks for your images": "nas proxy "
        "--data path/to/folder --image-size 32 --full-size 64",
        "Try smaller images and half of the data too": "nas proxy --data path/to/folder "
        "--try size=24 --try size=24,data=0.5",
        "Go on, with more networks for a narrower interval": "nas proxy --resume runs/RUN "
        "--networks 40",
    },
    short_help="Ask whether short trainings rank networks as long ones do.",
)
@options.data_option(
    group="Data", help=f"Train on these images: {options.DATA}.  [default: digits]"
)
@options.minival_option(group="Data")
@options.background_option(group="Data")
@options.min_per_class_option(group="Data")
@options.space_option(group="Data", help="Draw networks from this space, as in nas search.")
@options.max_params_option(
    group="Data", help="Draw no networks with more than N parameters, such as 30M."
)
@options.like_option(group="Data")
@options.image_size_option(
    group=_PROXY,
    help="Train the proxy at this image size in pixels. Default: that of full training.",
)
@options.data_share_option(group=_PROXY)
@options.epochs_option(group=_PROXY, help="Train by the proxy for N epochs.  [default: 10]")
@options.batch_size_option(group=_PROXY)
@options.search_recipe_option(
    group=_PROXY, help=f"Train by this recipe: {options.RECIPES}.  [default: proxy]"
)
@options.recipe_options(group=_PROXY)
@options.compile_option(group=_PROXY)
@option(
    "--try",
    "tries",
    metavar="F",
    multiple=True,
    group=_PROXY,
    help="Try a cheaper proxy too: epochs=N, size=PIXELS, data=SHARE, or several of them, such as "
    "size=24,data=0.5. May be repeated. Fewer epochs are read off the learning curves anyway.",
)
@option(
    "--full-epochs",
    type=whole("full_epochs"),
    group=_FULL,
    help="Train in full for N epochs, with the proxy's recipe, on all data. Default: five times "
    "the proxy's.",
)
@option(
    "--full-size",
    type=whole("full_size"),
    group=_FULL,
    help="Train in full at this image size in pixels. Default: the images' own, or a smaller one "
    "if they are large or of many sizes.",
)
@option(
    "--networks",
    type=whole("networks"),
    group=_HOW_MANY,
    help="Compare N networks, from the smallest to the largest of the space.  [default: 20]",
)
@option(
    "--repeats",
    type=whole("repeats"),
    group=_HOW_MANY,
    help="Train N of them a second time by the proxy and in full, to see how far seeds differ. "
    "Default: one of five.",
)
@option(
    "--precision",
    type=Positive("0.1", 1.0),
    group=_HOW_MANY,
    help="End once the 95 % interval of tau is +-X. Default: when all networks are trained.",
)
@options.hours_option(
    group=_HOW_MANY,
    help="End after H hours at the latest. No training begins that would end later. With --resume: "
    "H more hours.",
)
@options.until_option(group=_HOW_MANY)
@options.price_option(group=_HOW_MANY)
@options.time_limit_option(
    group=_HOW_MANY, help="Count a training as failed that takes longer.  [default: 24 hours]"
)
@options.metric_option(group="Reward")
@options.reward_option(group="Reward")
@options.seed_option(group="Run")
@options.out_option(group="Run")
@option(
    "--resume",
    type=click.Path(path_type=Path),
    metavar="RUN",
    group="Run",
    help="Go on with this run, with more --networks or another --precision; --data names where its "
    "images are now.",
)
@options.workers_option(group="Run", help="Train N networks at once, as in nas search.")
@options.per_gpu_option(group="Run")
@options.in_process_option(group="Run")
@options.address_option(group="Run")
@options.storage_option(group="Run")
@options.patience_option(group="Run")
@options.json_option(help="Print the result as JSON at the end.")
def proxy(
    tries: tuple[str, ...],
    full_epochs: int | None,
    full_size: int | None,
    networks: int | None,
    repeats: int | None,
    precision: float | None,
    time_limit: float | None,
    max_params: int | None,
    workers: int | None,
    in_process: bool,
    address: str | None,
    patience: float,
    as_json: bool,
    **search: Any,
) -> None:
    """Ask whether short trainings rank networks as long ones do.

    Networks of the whole range of a space are trained by the proxy that a search
    would use, and in full. The result is how far the two orders agree, with 95 %
    intervals, whether a search with this proxy is worth starting, and whether a
    cheaper proxy would do.
    """
    if in_process:
        begin_in_process(workers, address, search["per_gpu"])
        restart_with_settings()  # they are those of Ray's workers
    from nas.proxy.prepare import ProxyRequest, prepare_proxy
    from nas.search.request import SearchRequest

    shared = SearchRequest(
        **search, budget=networks, time_limit_s=time_limit, max_parameters=max_params
    )
    request = ProxyRequest(shared, full_epochs, full_size, tries, repeats, precision)

    def announce(prepared: PreparedSearch) -> None:
        for line in comparison_lines(prepared):
            echo(line, err=as_json)
        for line in search_doubts(prepared):
            echo(line, err=True)

    prepared, candidates = conduct(
        lambda: prepare_proxy(request),
        announce,
        workers,
        address,
        patience,
        in_process,
        progress_to_stderr=as_json,
        command="proxy",
    )
    settings = prepared.settings
    assert settings.comparison is not None
    path = prepared.run.path
    print_comparison(candidates, settings.comparison, settings.to_json(), path, as_json)
