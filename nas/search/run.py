"""Run a prepared search: start the workers, show progress, and write the result files."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

from optuna.samplers import BaseSampler

from nas.architectures import operator_names
from nas.errors import UserError, has_no_room
from nas.imports import sources_of
from nas.output import redirect_output, steady_output
from nas.run_directory import dashboard_source
from nas.search.comparison import ProxyTrainings
from nas.search.confirmation import (
    Baseline,
    ConfirmationPlan,
    FindDueConfirmations,
    Repeats,
    due_confirmations,
)
from nas.search.deadline import Deadline
from nas.search.driver import Listener, SearchDriver
from nas.search.evaluator import EvaluationSettings
from nas.search.executor import run_here
from nas.search.failure_limit import FailureLimit
from nas.search.patient_record import PATIENCE_S, PatientRecord, take_in
from nas.search.progress import Progress
from nas.search.pruners.base import make_pruners
from nas.search.request import PreparedSearch
from nas.search.samplers.domain import Domain, ParameterCount
from nas.search.samplers.random import PermutationSampler
from nas.search.samplers.registry import TWO_OBJECTIVE_SAMPLERS, SearchProblem, make_sampler
from nas.search.settings import SearchSettings
from nas.search.sharing import AUTO, at_once
from nas.search.study import ProposalStudy
from nas.search.worker_memory import worker_count, worker_memory
from nas.terminal import Terminal
from nas.versions import versions
from results.candidate import Candidate
from results.dashboard.page_files import page_files
from results.dashboard.report import write_report
from results.database import RecordAway, RecordError
from results.files import write_files
from results.running import RunningFile, planned_epochs
from results.units import duration
from reward.objective import Objective
from search_space.operators import Operator, find_operator
from search_space.space import Grid, Space

if TYPE_CHECKING:
    from nas.cluster import Cluster

_Result = TypeVar("_Result")
_PAUSE_S = 2.0  # between tries to write the files to a full disk


def run_search(
    prepared: PreparedSearch,
    workers: int | None = None,
    address: str | None = None,
    progress_to_stderr: bool = False,
    patience_s: float = PATIENCE_S,
    in_process: bool = False,
    is_quiet: bool = False,
) -> list[Candidate]:
    """Run the search until its budget is spent, and return all candidates of the run.

    ``workers`` is the number of candidates evaluated at once, by default as many as this machine,
    or the Ray cluster at ``address``, allows. With ``in_process``, they are evaluated one at a time
    in this thread, without Ray, and the process's output is not redirected.

    Progress is printed to stdout, or to stderr, unless ``is_quiet``. However the search ends,
    finished candidates are in the record, and the run's files are written from it. A record that
    cannot be written, and a full disk, are waited for up to ``patience_s`` seconds.

    Raises:
        UserError: no cluster at ``address``, or too many failures.
        RecordError: the record is damaged.
        PatienceOver: it could not be written for so long.
    """
    output = _output(prepared, progress_to_stderr, in_process)
    # Ray is left last: it may take longer to end than a scheduler waits for the files.
    with output as terminal, ExitStack() as cluster:
        console = Terminal(file=terminal, quiet=is_quiet)
        say = partial(console.print, highlight=False, markup=False, soft_wrap=True)
        path, record = prepared.run.path, prepared.record
        with _files_written(prepared, patience_s, say):
            known = _patiently(partial(_known, prepared), path, patience_s, say)
            objective, metric = prepared.settings.objective, prepared.metric.metric
            epochs_of = partial(_epochs_of, prepared.settings.to_json())
            progress = Progress(console, objective, prepared.plan, known, metric, epochs_of)
            patient_record = PatientRecord(record, prepared.run.spool, patience_s, say)
            with patient_record as patient, closing(RunningFile(path, epochs_of)) as running:
                search = _driver(prepared, patient, known, partial(_tell, (progress, running)))
                if not search.is_finished():
                    # A thread that draws would take time from the steps that are timed here.
                    with progress.shown(by_itself=not in_process):
                        if in_process:
                            progress.begin("loading the data, and timing the backbone's step")
                            run_here(search, _evaluation(prepared), say)
                        else:
                            begin = progress.begin
                            _run_on_ray(prepared, search, workers, address, say, begin, cluster)
        # Read here, as Ray takes a while to leave, in which the record may go away.
        return _patiently(record.candidates, path, patience_s, say)


def _tell(listeners: tuple[Listener, ...], candidate: Candidate) -> None:
    for listener in listeners:
        listener(candidate)


def _epochs_of(settings: Mapping[str, Any], candidate: Candidate) -> int | None:
    return planned_epochs(settings, candidate.confirms, candidate.fidelity)


def _known(prepared: PreparedSearch) -> list[Candidate]:
    """Record what an earlier process had to keep; return all candidates of the run."""
    take_in(prepared.record, prepared.run.spool)
    return prepared.record.candidates()


def _output(
    prepared: PreparedSearch, to_stderr: bool, in_process: bool
) -> AbstractContextManager[TextIO]:
    if in_process:  # a debugger needs the terminal
        return steady_output(to_stderr)
    return redirect_output(prepared.run.path / "ray.log", to_stderr)


def _run_on_ray(
    prepared: PreparedSearch,
    search: SearchDriver,
    workers: int | None,
    address: str | None,
    say: Callable[[str], None],
    begin: Callable[[str], None],
    cluster: ExitStack,
) -> None:
    """Evaluate the candidates in Ray's workers; ``cluster`` is left when it is closed.

    ``begin`` shows a phase of the start.
    """
    begin(f"joining the Ray cluster at {address}" if address else "starting Ray")
    from nas.cluster import ray_cluster  # imports Ray, which takes seconds
    from nas.search.ray_backend import probed, run_candidates

    evaluation = _evaluation(prepared)
    functions = (*evaluation.operators.values(), evaluation.metric.function)
    joined = cluster.enter_context(ray_cluster(address, sources=sources_of(functions)))
    wanted = prepared.settings.per_gpu
    if joined.has_gpus:
        joined.per_gpu = probed(evaluation, joined, say) if wanted == AUTO else int(wanted)
    elif wanted != 1:
        say(f"--per-gpu {wanted}: there is no GPU; each worker has a core")
    if workers is None and joined.lacks_cores:
        say(f"running {joined.capacity} workers: {joined.room()}")
    count = _worker_count(prepared, workers, joined, search, say)
    joined.per_gpu = at_once(joined.per_gpu, count, joined.devices)
    workers_load = "1 worker, which loads" if count == 1 else f"{count} workers, which load"
    begin(f"starting {workers_load} the data")
    run_candidates(search, replace(evaluation, sharers=joined.per_gpu), joined, count, say)


def _driver(
    prepared: PreparedSearch, record: PatientRecord, known: list[Candidate], listener: Listener
) -> SearchDriver:
    settings, grid = prepared.settings, prepared.grid
    objective = settings.objective
    return SearchDriver(
        record=record,
        proposals=_proposals(prepared, known),
        known=known,
        seed=settings.seed,
        budget=settings.budget or grid.size,
        failure_limit=FailureLimit(settings.max_failures),
        space_size=grid.size,
        listener=listener,
        pruners=make_pruners(settings.scheduler, settings.bound, objective, settings.epochs),
        confirm=_confirm(settings, objective),
        baseline=Baseline(grid.backbone, settings.baseline_trainings, known, settings.seed),
        deadline=Deadline(prepared.plan, known),
        repeats=_repeats(settings, known),
        wishes=prepared.wishes,
    )


def _repeats(settings: SearchSettings, known: list[Candidate]) -> Repeats | None:
    comparison = settings.comparison
    if comparison is None:
        return None
    return ProxyTrainings(comparison, settings.starts, known, settings.objective)


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
    return make_sampler(
        settings.sampler, SearchProblem(domain, settings.objective, limits, settings.earlier_runs)
    )


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
        recipe=settings.training_recipe(len(prepared.data.training)),
        image_size=settings.image_size,
        time_limit_s=settings.time_limit_s,
        operators=_operators(prepared),
        versions=versions(),
        limits=settings.limits,
        times_before_training=settings.bound != "none",
        confirm_epochs=settings.confirm_epochs,
        metric=prepared.metric,
        data_share=settings.data_share,
        fidelities=settings.fidelities,
    )


def _operators(prepared: PreparedSearch) -> dict[str, Operator]:
    """Return the operators that candidates may have, which workers get from here."""
    names = operator_names(prepared.grid, prepared.settings.starts)
    return {name: find_operator(name) for name in names}


def _worker_count(
    prepared: PreparedSearch,
    wanted: int | None,
    cluster: Cluster,
    search: SearchDriver,
    say: Callable[[str], None],
) -> int:
    """Return how many workers to run, as far as there is work; say why there is room for fewer."""
    settings = prepared.settings
    needed = None if cluster.has_gpus else worker_memory(settings, prepared.data)
    count, why = worker_count(wanted, cluster, needed)
    if why is not None:
        say(why)
    return min(count, max(search.count_left(), settings.confirm * settings.confirm_seeds))


@contextmanager
def _files_written(
    prepared: PreparedSearch, patience_s: float, say: Callable[[str], None]
) -> Iterator[None]:
    """Write best.json, the CSV files and the report at the end, also after Ctrl-C or an error.

    At the end of the search, a full disk is waited for.
    """
    page_files()  # read now, as the source files may have changed by the end of a long search
    try:
        yield
    except BaseException:
        with suppress(OSError, RecordError):  # the error that ended the search is reported
            _write_files(prepared)
        raise
    try:
        _patiently(partial(_write_files, prepared), prepared.run.path, patience_s, say)
    except OSError as error:
        raise UserError(
            f"{prepared.run.path}: cannot write the results ({error.strerror}); the record holds "
            f"all candidates, so try again with: nas search --resume {prepared.run.path}",
            exit_code=1,
        ) from error


def _patiently(
    work: Callable[[], _Result], path: Path, patience_s: float, say: Callable[[str], None]
) -> _Result:
    """Do what needs the record or room on the disk; try again until the patience is over.

    Raises:
        OSError, RecordError: as ``work``, of another kind or after the patience.
    """
    start, is_said = time.monotonic(), False
    while True:
        try:
            return work()
        except (OSError, RecordAway) as error:
            may_pass = isinstance(error, RecordAway) or has_no_room(error)
            if not may_pass or time.monotonic() >= start + patience_s:
                raise
            if not is_said:
                what = "the record" if isinstance(error, RecordAway) else "room for the results"
                say(f"{path}: waiting for {what} for up to {duration(patience_s)} (--patience)")
            is_said = True
            time.sleep(_PAUSE_S)


def _write_files(prepared: PreparedSearch) -> None:
    candidates = prepared.record.candidates()
    path, run_id = prepared.run.path, prepared.run.run_id
    settings = prepared.settings
    written = settings.to_json()
    write_files(path, candidates, settings.objective, run_id, settings.task, written)
    write_report(path / "report.html", [dashboard_source(path)])
