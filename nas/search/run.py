"""Runs a prepared search: workers, terminal, and the files that it leaves."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from optuna.samplers import BaseSampler
from rich.console import Console

from nas.cluster import Cluster, ray_cluster
from nas.errors import UserError
from nas.search.confirmation import ConfirmationPlan, due_confirmations
from nas.search.driver import DueConfirmations, Patience, Search
from nas.search.evaluator import EvaluationSettings
from nas.search.prepare import PreparedSearch
from nas.search.progress import Progress, SteadyConsole, redirect_output
from nas.search.pruners.base import make_pruners
from nas.search.ray_backend import run_trials
from nas.search.run_directory import source_of
from nas.search.samplers.domain import Domain, ParameterCount
from nas.search.samplers.random import PermutationSampler
from nas.search.samplers.registry import HAS_TWO_OBJECTIVES, SearchProblem, make_sampler
from nas.search.settings import SearchSettings
from nas.search.study import ProposalStudy
from nas.training.recipes import proxy
from nas.versions import versions
from results.candidate import Candidate
from results.dashboard.page_files import page_files
from results.dashboard.report import write_report
from results.database import RecordError
from results.files import write_files
from reward.objective import Objective
from search_space.space import Grid, Space


def run_search(
    prepared: PreparedSearch,
    workers: int | None = None,
    address: str | None = None,
    progress_to_stderr: bool = False,
) -> list[Candidate]:
    """Runs the search to its budget and returns all candidates of the run.

    ``workers`` is how many candidates to evaluate at once, by default as many as the machine can,
    or the Ray cluster at ``address``. Progress is printed on stdout or stderr. Whatever ends the
    search, what finished is in the record and the run's files are written from it.

    Raises:
        UserError: no cluster at ``address``, another search in the run, or too many failures.
        RecordError: the record cannot be written any more.
    """
    run, record, settings = prepared.run, prepared.record, prepared.settings
    objective = settings.objective
    with run.lock(), _files_written(prepared, objective), _scratch_directory() as scratch:
        known = record.candidates()
        with redirect_output(run.path / "ray.log", progress_to_stderr) as terminal:
            console = SteadyConsole(file=terminal)
            budget = min(settings.budget, prepared.grid.size)
            progress = Progress(console, objective, budget, known)
            search = Search(
                record=record,
                proposals=_proposals(prepared, known),
                known=known,
                seed=settings.seed,
                budget=settings.budget,
                patience=Patience(settings.max_failures),
                space_size=prepared.grid.size,
                listener=progress,
                rules=make_pruners(settings.scheduler, settings.bound, objective, settings.epochs),
                confirm=_confirm(settings, objective),
            )
            if not search.is_finished():
                with progress.shown(), ray_cluster(address) as cluster:
                    count = _worker_count(console, workers, cluster)
                    run_trials(search, _evaluation(prepared), cluster, count, scratch)
    return record.candidates()


def _proposals(prepared: PreparedSearch, known: list[Candidate]) -> ProposalStudy:
    settings, grid = prepared.settings, prepared.grid
    return ProposalStudy(
        grid,
        _sampler(settings, grid),
        settings.objective,
        known,
        starts=settings.starts,
        limits=settings.limits,
        has_two_objectives=settings.sampler in HAS_TWO_OBJECTIVES,
    )


def _sampler(settings: SearchSettings, grid: Grid) -> BaseSampler:
    """The strategy by name; the few points of another grid are all gone through."""
    if not isinstance(grid, Space):
        return PermutationSampler(grid, settings.seed)
    limits, count = settings.limits, ParameterCount(settings.task)
    domain = Domain(grid, settings.seed, count, limits.max_parameters)
    return make_sampler(settings.sampler, SearchProblem(domain, settings.objective, limits))


def _confirm(settings: SearchSettings, objective: Objective) -> DueConfirmations | None:
    if not settings.confirm:
        return None
    epochs = settings.confirm_epochs or settings.epochs
    confirmation = ConfirmationPlan(settings.confirm, settings.confirm_seeds, epochs)
    return partial(due_confirmations, confirmation=confirmation, objective=objective)


def _evaluation(prepared: PreparedSearch) -> EvaluationSettings:
    settings = prepared.settings
    return EvaluationSettings(
        data=prepared.data,
        backbone=prepared.grid.backbone,
        recipe=proxy(settings.epochs, settings.batch_size),
        image_size=settings.image_size,
        time_limit_s=settings.time_limit_s,
        versions=versions(),
        limits=settings.limits,
        times_before_training=settings.bound != "none",
        confirm_epochs=settings.confirm_epochs,
    )


def _worker_count(console: Console, wanted: int | None, cluster: Cluster) -> int:
    """As many as were asked for, but no more than there are GPUs or, without any, cores."""
    if wanted is None or wanted <= cluster.capacity:
        return wanted or cluster.capacity
    what = "GPU" if cluster.has_gpus else "core"
    plural = "s" if cluster.capacity > 1 else ""
    console.print(
        f"--workers {wanted}: there are {cluster.capacity} {what}{plural}, so running "
        f"{cluster.capacity}",
        highlight=False,
    )
    return cluster.capacity


@contextmanager
def _files_written(prepared: PreparedSearch, objective: Objective) -> Iterator[None]:
    """Leaves best.json, the CSV files and the report, also after Ctrl-C or an error."""
    page_files()  # read now, since a checkout may be another one by the end
    try:
        yield
    except BaseException:
        with suppress(OSError, RecordError):  # what ended the search is what there is to say
            _write_files(prepared, objective)
        raise
    try:
        _write_files(prepared, objective)
    except OSError as error:
        raise UserError(
            f"{prepared.run.path}: cannot write the results ({error.strerror}); the candidates are "
            f"safe, write them with: nas search --resume {prepared.run.path}",
            exit_code=1,
        ) from error


def _write_files(prepared: PreparedSearch, objective: Objective) -> None:
    candidates = prepared.record.candidates()
    path = prepared.run.path
    settings = prepared.settings
    write_files(path, candidates, objective, prepared.run.run_id, settings.task, settings.to_json())
    write_report(path / "report.html", [source_of(path)])


@contextmanager
def _scratch_directory() -> Iterator[Path]:
    """For Tune's own files."""
    path = Path(tempfile.mkdtemp(prefix="nas-tune-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
