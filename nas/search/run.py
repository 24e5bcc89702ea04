"""Run a prepared search: start the workers, show progress, and write the result files."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial

from optuna.samplers import BaseSampler

from nas.cluster import Cluster, ray_cluster
from nas.cluster_pulse import saying_how_to_go_on
from nas.errors import UserError
from nas.search.confirmation import (
    Baseline,
    ConfirmationPlan,
    FindDueConfirmations,
    due_confirmations,
)
from nas.search.deadline import Deadline
from nas.search.driver import SearchDriver
from nas.search.evaluator import EvaluationSettings
from nas.search.failure_limit import FailureLimit
from nas.search.patient_record import PATIENCE_S, PatientRecord, take_in
from nas.search.prepare import PreparedSearch
from nas.search.progress import Progress, duration, redirect_output
from nas.search.pruners.base import make_pruners
from nas.search.ray_backend import run_candidates
from nas.search.run_directory import dashboard_source
from nas.search.samplers.domain import Domain, ParameterCount
from nas.search.samplers.random import PermutationSampler
from nas.search.samplers.registry import TWO_OBJECTIVE_SAMPLERS, SearchProblem, make_sampler
from nas.search.settings import SearchSettings
from nas.search.study import ProposalStudy
from nas.search.worker_memory import worker_count, worker_memory
from nas.terminal import Terminal
from nas.training.recipes import proxy
from nas.versions import versions
from results.candidate import Candidate
from results.dashboard.page_files import page_files
from results.dashboard.report import write_report
from results.database import RecordError
from results.files import write_files
from results.forecast import Plan
from reward.objective import Objective
from search_space.space import Grid, Space

_PAUSE_S = 2.0  # between tries to write the files to a full disk


def run_search(
    prepared: PreparedSearch,
    workers: int | None = None,
    address: str | None = None,
    progress_to_stderr: bool = False,
    patience_s: float = PATIENCE_S,
) -> list[Candidate]:
    """Run the search until its budget is spent, and return all candidates of the run.

    ``workers`` is the number of candidates evaluated at once, by default as many as this machine,
    or the Ray cluster at ``address``, allows. Progress is printed to stdout, or to stderr. However
    the search ends, finished candidates are in the record, and the run's files are written from it.
    A record that cannot be written, and a full disk, are waited for up to ``patience_s`` seconds.

    Raises:
        UserError: no cluster at ``address``, or too many failures.
        RecordError: the record is damaged.
        PatienceOver: it could not be written for so long.
    """
    run, record, settings = prepared.run, prepared.record, prepared.settings
    objective = settings.objective
    with _files_written(prepared, objective, patience_s):
        take_in(record, run.spool)
        known = record.candidates()
        log = run.path / "ray.log"
        with redirect_output(log, progress_to_stderr) as terminal, ExitStack() as opened:
            console = Terminal(file=terminal)
            say = partial(console.print, highlight=False, markup=False, soft_wrap=True)
            patient = opened.enter_context(PatientRecord(record, run.spool, patience_s, say))
            size = prepared.grid.size
            plan = Plan.recorded(settings.to_json(), size)
            progress = Progress(console, objective, plan, known)
            search = SearchDriver(
                record=patient,
                proposals=_proposals(prepared, known),
                known=known,
                seed=settings.seed,
                budget=settings.budget or size,
                failure_limit=FailureLimit(settings.max_failures),
                space_size=size,
                listener=progress,
                pruners=make_pruners(
                    settings.scheduler, settings.bound, objective, settings.epochs
                ),
                confirm=_confirm(settings, objective),
                baseline=Baseline(
                    prepared.grid.backbone, settings.baseline_trainings, known, settings.seed
                ),
                deadline=Deadline(plan, known),
            )
            if not search.is_finished():
                go_on = saying_how_to_go_on(f"nas search --resume {run.path}")
                with progress.shown(), go_on, ray_cluster(address) as cluster:
                    most = max(search.count_left(), settings.confirm * settings.confirm_seeds)
                    count = min(_worker_count(prepared, workers, cluster, say), most)
                    run_candidates(search, _evaluation(prepared), cluster, count, say)
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
        has_two_objectives=settings.sampler in TWO_OBJECTIVE_SAMPLERS,
    )


def _sampler(settings: SearchSettings, grid: Grid) -> BaseSampler:
    """Return the sampler for a space; a grid of coefficients is small and is tried in full."""
    if not isinstance(grid, Space):
        return PermutationSampler(grid, settings.seed)
    limits, count = settings.limits, ParameterCount(settings.task)
    domain = Domain(grid, settings.seed, count, limits.max_parameters)
    return make_sampler(settings.sampler, SearchProblem(domain, settings.objective, limits))


def _confirm(settings: SearchSettings, objective: Objective) -> FindDueConfirmations | None:
    if not settings.confirm:
        return None
    epochs = settings.confirm_epochs or settings.epochs
    plan = ConfirmationPlan(settings.confirm, settings.confirm_seeds, epochs)
    return partial(due_confirmations, plan=plan, objective=objective)


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


def _worker_count(
    prepared: PreparedSearch, wanted: int | None, cluster: Cluster, say: Callable[[str], None]
) -> int:
    """Return how many workers to run, and say why they are fewer than wanted."""
    needed = None if cluster.has_gpus else worker_memory(prepared.settings, prepared.data)
    count, why = worker_count(wanted, cluster, needed)
    if why is not None:
        say(why)
    return count


@contextmanager
def _files_written(
    prepared: PreparedSearch, objective: Objective, patience_s: float
) -> Iterator[None]:
    """Write best.json, the CSV files and the report at the end, also after Ctrl-C or an error.

    At the end of the search, a full disk is waited for.
    """
    page_files()  # read now, as the source files may have changed by the end of a long search
    try:
        yield
    except BaseException:
        with suppress(OSError, RecordError):  # the error that ended the search is reported
            _write_files(prepared, objective)
        raise
    try:
        _write_files_patiently(prepared, objective, patience_s)
    except OSError as error:
        raise UserError(
            f"{prepared.run.path}: cannot write the results ({error.strerror}); the record holds "
            f"all candidates, so try again with: nas search --resume {prepared.run.path}",
            exit_code=1,
        ) from error


def _write_files_patiently(
    prepared: PreparedSearch, objective: Objective, patience_s: float
) -> None:
    """Write the files; on a full disk try again, and raise OSError after the patience."""
    start, is_said = time.monotonic(), False
    while True:
        try:
            return _write_files(prepared, objective)
        except OSError as error:
            is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            if not is_full or time.monotonic() >= start + patience_s:
                raise
            if not is_said:
                Terminal(stderr=True).print(
                    f"{prepared.run.path}: no room for the results; waiting for up to "
                    f"{duration(patience_s)} (--patience)",
                    highlight=False,
                    soft_wrap=True,
                )
            is_said = True
            time.sleep(_PAUSE_S)


def _write_files(prepared: PreparedSearch, objective: Objective) -> None:
    candidates = prepared.record.candidates()
    path = prepared.run.path
    settings = prepared.settings
    write_files(path, candidates, objective, prepared.run.run_id, settings.task, settings.to_json())
    write_report(path / "report.html", [dashboard_source(path)])
