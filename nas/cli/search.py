"""``nas search``: the search."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nas.api.announcement import search_doubts, search_lines
from nas.api.conduct import PATIENCE_S, begin_in_process, conduct
from nas.cli import options
from nas.cli.echo import echo
from nas.cli.option_types import Amount, Positive, whole
from nas.cli.options import option
from reward.step_time.allocator import restart_with_settings

if TYPE_CHECKING:
    from nas.search.request import PreparedSearch
    from nas.training.recipe_options import RecipeOptions
    from results.candidate import Candidate


@options.command(
    {
        "Search on your own images, one sub-folder per class": "nas search --data path/to/folder "
        "--budget 200",
        "Go on with an interrupted search, or extend it": "nas search --resume runs/RUN "
        "--budget 400",
        "Stop weak candidates early, and train the best five again": "nas search "
        "--scheduler asha --confirm 5",
    },
    short_help="Search for networks that are accurate and train fast.",
)
@options.data_option(group="Data")
@options.minival_option(group="Data")
@options.background_option(group="Data")
@options.min_per_class_option(group="Data")
@options.image_size_option(group="Data")
@options.data_share_option(group="Data")
@options.like_option(group="Data")
@options.space_option(group="Space")
@option(
    "--start-from",
    metavar="ARCH",
    multiple=True,
    group="Space",
    help=f"Evaluate this architecture first: {options.ARCH}. May be repeated.",
)
@option(
    "--budget",
    type=whole("budget"),
    group="Budget",
    help="Evaluate N candidates, those that --scheduler or --bound stopped included.  "
    "[default: 100, or no limit with --hours or --until]",
)
@options.hours_option(
    group="Budget",
    help="End after H hours at the latest. No candidate begins that would end later, and --confirm "
    "keeps its share of the time. With --resume: H more hours.",
)
@options.until_option(group="Budget")
@options.price_option(group="Budget")
@option(
    "--baseline",
    type=whole("baseline"),
    group="Budget",
    help="Train the space's backbone N times besides the budget, to compare candidates with it and "
    "to see how much seeds differ. Default: 3, or 0 for a budget below 20.",
)
@options.time_limit_option(group="Budget")
@option(
    "--max-failures",
    type=whole("max_failures"),
    group="Budget",
    help="Give up after N failed candidates. Default: half the budget, at least 10; "
    "500 without a budget.",
)
@options.search_recipe_option(group="Training")
@options.epochs_option(group="Training")
@options.batch_size_option(group="Training")
@options.recipe_options(group="Training")
@options.compile_option(group="Training")
@option(
    "--sampler",
    metavar="S",
    group="Search",
    help="Propose candidates by this sampler: random (the default), tpe, nsga2, evolution, "
    "policy, rnn (MnasNet's, for a thousand candidates and more), model, or a sampler class for "
    "Optuna as module:Class.",
)
@option(
    "--learn-from",
    metavar="RUN",
    multiple=True,
    type=click.Path(path_type=Path),
    group="Search",
    help="Learn from what this run measured, on whatever data and device: --sampler model, then "
    "the default, gives it the weight with which it agrees. May be repeated.",
)
@option(
    "--scheduler",
    metavar="S",
    group="Search",
    help="Stop weak candidates early: asha[:grace=E,reduction=R] trains all for E epochs, then "
    "lets the best 1/R go on, and so forth. asha alone: E is 0.4 of --epochs, R is 4. "
    "[default: none]",
)
@option(
    "--bound",
    metavar="B",
    group="Search",
    help="Stop candidates that cannot beat the best reward so far: certain, if not even with "
    "accuracy 1; credible, if not with the largest gain that others made in the epochs left. "
    "Default: none.",
)
@option(
    "--confirm",
    type=whole("confirm"),
    metavar="K",
    group="Search",
    help="Train the best K candidates again at the end, with other seeds. The best mean reward "
    "wins.",
)
@option(
    "--confirm-seeds",
    type=whole("confirm_seeds"),
    group="Search",
    help="Train each of the --confirm candidates N more times.  [default: 2]",
)
@option(
    "--confirm-epochs",
    type=whole("confirm_epochs"),
    group="Search",
    help="Train the --confirm candidates for N epochs. Default: --epochs.",
)
@options.seed_option(group="Search")
@options.metric_option(group="Reward and limits")
@options.reward_option(group="Reward and limits")
@options.max_params_option(group="Reward and limits")
@option(
    "--max-step-time",
    type=Positive(),
    metavar="S",
    group="Reward and limits",
    help="Skip candidates whose training step exceeds S times the backbone's, such as 1.5.",
)
@option(
    "--max-memory",
    type=Amount(),
    metavar="BYTES",
    group="Reward and limits",
    help="Skip candidates whose training step needs more memory than this, such as 8G.",
)
@options.out_option(group="Run")
@option(
    "--resume",
    type=click.Path(path_type=Path),
    metavar="RUN",
    group="Run",
    help="Go on with this run; a larger --budget extends it, --data names where its images are "
    "now.",
)
@options.workers_option(group="Run")
@options.per_gpu_option(group="Run")
@options.in_process_option(group="Run")
@options.address_option(group="Run")
@options.storage_option(group="Run")
@options.patience_option(group="Run")
@options.json_option(help="Print the winner as JSON at the end.")
def search(
    data: str | None,
    minival: str | None,
    background: str | None,
    min_per_class: int | None,
    space: str | None,
    budget: int | None,
    hours: float | None,
    until: float | None,
    price: float | None,
    baseline: int | None,
    workers: int | None,
    per_gpu: int | str | None,
    in_process: bool,
    epochs: int | None,
    image_size: int | None,
    data_share: float | None,
    like: Path | None,
    batch_size: int | None,
    recipe: str | None,
    recipe_options: RecipeOptions,
    is_compiled: bool | None,
    sampler: str | None,
    metric: str | None,
    learn_from: tuple[Path, ...],
    reward: str | None,
    start_from: tuple[str, ...],
    seed: int | None,
    time_limit: float | None,
    max_failures: int | None,
    max_params: int | None,
    max_step_time: float | None,
    max_memory: int | None,
    scheduler: str | None,
    bound: str | None,
    confirm: int | None,
    confirm_seeds: int | None,
    confirm_epochs: int | None,
    out: Path | None,
    resume: Path | None,
    address: str | None,
    storage: str | None,
    patience: float,
    as_json: bool,
) -> None:
    """Search for networks that are accurate and train fast.

    Each candidate is trained for a few epochs, and its training step is timed.
    The run's directory then holds the winner (best.json), all candidates and a
    report.
    """
    if in_process:
        begin_in_process(workers, address, per_gpu)
        restart_with_settings()  # they are those of Ray's workers
    from nas.search.prepare import prepare
    from nas.search.request import SearchRequest

    request = SearchRequest(
        data=data,
        minival=minival,
        background=background,
        min_per_class=min_per_class,
        space=space,
        budget=budget,
        hours=hours,
        until=until,
        price=price,
        per_gpu=per_gpu,
        baseline=baseline,
        epochs=epochs,
        image_size=image_size,
        data_share=data_share,
        like=like,
        batch_size=batch_size,
        is_compiled=is_compiled,
        recipe=recipe,
        recipe_options=recipe_options,
        sampler=sampler,
        metric=metric,
        learn_from=learn_from,
        reward=reward,
        start_from=start_from,
        seed=seed,
        time_limit_s=time_limit,
        max_failures=max_failures,
        max_parameters=max_params,
        max_step_time=max_step_time,
        max_memory_bytes=max_memory,
        scheduler=scheduler,
        bound=bound,
        confirm=confirm,
        confirm_seeds=confirm_seeds,
        confirm_epochs=confirm_epochs,
        out=out,
        resume=resume,
        storage=storage,
    )
    search_and_print(lambda: prepare(request), workers, address, as_json, patience, in_process)


def search_and_print(
    prepare: Callable[[], PreparedSearch],
    workers: int | None,
    address: str | None,
    as_json: bool,
    patience_s: float = PATIENCE_S,
    in_process: bool = False,
) -> None:
    """Prepare the search, run it and print the winner, as JSON if asked for.

    Raises:
        UserError: an error that the user can mend, in one line.
        KeyboardInterrupt: Ctrl-C; how to go on has been printed.
    """

    def announce(prepared: PreparedSearch) -> None:
        for line in search_lines(prepared):
            echo(line, err=as_json)
        for line in search_doubts(prepared):
            echo(line, err=True)

    prepared, candidates = conduct(
        prepare, announce, workers, address, patience_s, in_process, progress_to_stderr=as_json
    )
    _conclude(prepared, candidates, as_json)


def _time_is_up(prepared: PreparedSearch, candidates: list[Candidate]) -> str:
    """Return how to go on if the time was up before all was done, else nothing."""
    from nas.search.deadline import is_cut_short
    from results.candidate import State

    if prepared.wishes.is_stopped:
        return ""
    settings = prepared.settings
    running = sum(c.state is State.RUNNING for c in candidates)
    if not running and not is_cut_short(prepared.plan, candidates):
        return ""
    cut = f", {running} training{'s' * (running > 1)} cut off" if running else ""
    option = "--until TIME" if settings.hours is None else "--hours H"
    return f"the time is up{cut}; go on with: nas search --resume {prepared.run.path} {option}"


def _conclude(prepared: PreparedSearch, candidates: list[Candidate], as_json: bool) -> None:
    import json

    from results.files import best_file
    from results.noise import outcomes
    from results.timing_notes import timing_notes
    from results.verdict import find_verdict

    settings, path = prepared.settings, prepared.run.path
    objective, recorded = settings.objective, settings.to_json()
    verdict = find_verdict(outcomes(candidates), objective, recorded)
    run_id = prepared.run.run_id
    file = best_file(candidates, objective, run_id, settings.task, recorded, verdict)
    if file is None:
        limit = settings.max_parameters
        if limit is not None and not candidates:
            raise click.ClickException(
                f"--max-params {limit:,}: no network with so few parameters was found"
            )
        hint = _time_is_up(prepared, candidates)
        raise click.ClickException(f"no candidate completed{hint and f': {hint}'}")
    if as_json:
        echo(json.dumps(file.to_json(), indent=2))
        if hint := _time_is_up(prepared, candidates):
            echo(hint, err=True)
        return
    from nas.cli.show import print_architecture
    from nas.cli.tables import print_wrapped
    from nas.cli.verdict import print_verdict
    from nas.terminal import Terminal

    print_architecture(Terminal(), file)
    print_verdict(verdict, path)
    echo(f"\nwinner: {path}/best.json   report: {path}/report.html")
    echo(f"more: nas results {path}")
    if hint := _time_is_up(prepared, candidates):
        echo(hint)
    for note in timing_notes(candidates):
        print_wrapped(note)
