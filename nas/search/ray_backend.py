"""Ray Tune as the executor: it runs trials on workers; the record, not Tune, keeps the results."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import torch
from ray import tune
from ray.exceptions import RayTaskError
from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from nas.cluster import Cluster
from nas.search.evaluator import EvaluationSettings, Evaluator, failure
from results.candidate import Candidate, State
from reward.step_time.memory_and_latency import is_about_memory


class Driver(Protocol):
    """Proposes candidates and receives them as they progress; all calls come from one thread."""

    def next_candidate(self) -> Candidate | None:
        """Return the next candidate to evaluate; None while there is none."""

    def is_finished(self) -> bool:
        """Return whether the run is to end."""

    def progressed(self, candidate: Candidate) -> bool:
        """Receive a candidate after a measurement or an epoch.

        Return True to stop it there; then :meth:`ended` is not called for it.
        """

    def ended(self, candidate: Candidate) -> None:
        """Receive a candidate that was evaluated, with success or not."""

    def lost(self, number: int, cause: str, detail: str) -> None:
        """Receive the number of a candidate whose trial ended without a result, with the cause."""


class CandidateTrial(tune.Trainable):
    """Evaluates one candidate after another in a worker process; each report is a Tune iteration.

    ``config["candidate"]`` is the candidate to evaluate; each result has it as it stands under
    ``"candidate"``. The process is reused, so that torch is imported once.
    """

    def setup(self, config: dict[str, Any], evaluation: EvaluationSettings | None = None) -> None:
        """Load the data onto the device. Tune calls this once a process."""
        assert evaluation is not None
        is_on_gpu = torch.cuda.is_available()
        if not is_on_gpu:
            torch.set_num_threads(1)  # what the CPU's step time is measured with
        device = torch.device("cuda" if is_on_gpu else "cpu")
        try:
            self._evaluator: Evaluator | None = Evaluator(evaluation, device)
        except Exception as error:  # data or a backbone that does not fit: the candidate's failure
            self._evaluator, self._error = None, error
        self._begin(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Start the next candidate; True means to Tune that the process can be reused."""
        self._begin(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Go on to the candidate's next report."""
        candidate = next(self._progress)
        return {"candidate": candidate, tune.result.DONE: candidate.state is not State.RUNNING}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Save nothing: an interrupted candidate starts again from its seed."""

    def load_checkpoint(self, checkpoint: dict[str, Any] | None) -> None:
        """Load nothing."""

    def _begin(self, config: dict[str, Any]) -> None:
        candidate: Candidate = config["candidate"]
        if self._evaluator is None:
            cause, detail = failure(self._error)
            ended = replace(candidate, state=State.FAILED, cause=cause, detail=detail)
            self._progress: Iterator[Candidate] = iter([ended])
        else:
            self._progress = self._evaluator.evaluate(candidate)


def run_trials(
    driver: Driver,
    evaluation: EvaluationSettings,
    cluster: Cluster,
    workers: int,
    directory: Path,
    trial: type[CandidateTrial] = CandidateTrial,
) -> None:
    """Evaluate the driver's candidates, ``workers`` at a time, until it is finished.

    ``directory`` is for Tune's own files, which nobody reads. An exception of the driver ends the
    run and is raised here.
    """
    trainable = tune.with_resources(
        tune.with_parameters(trial, evaluation=evaluation),
        {"cpu": 1, "gpu": 1} if cluster.has_gpus else {"cpu": 1},
    )
    bridge = _Bridge(driver)
    tuner = tune.Tuner(
        trainable,
        tune_config=tune.TuneConfig(
            search_alg=_TuneSearcher(bridge),
            scheduler=_TuneScheduler(bridge),
            num_samples=-1,
            max_concurrent_trials=workers,
            reuse_actors=True,
            trial_dirname_creator=lambda trial: trial.trial_id,
            trial_name_creator=lambda trial: trial.trial_id,
        ),
        run_config=tune.RunConfig(
            storage_path=str(directory.absolute()),
            verbose=0,
            callbacks=[_TuneCallback(bridge)],
            stop=_TuneStopper(bridge),
            checkpoint_config=tune.CheckpointConfig(
                checkpoint_frequency=0, checkpoint_at_end=False
            ),
            # The driver decides which candidates are tried again.
            failure_config=tune.FailureConfig(max_failures=0),
        ),
    )
    tuner.fit()
    if bridge.error is not None:
        raise bridge.error


@dataclass
class _Bridge:
    """The driver as Tune's hooks call it: its first error ends the run and is kept."""

    driver: Driver | None
    numbers: dict[str, int] = field(default_factory=dict)  # by trial id
    error: Exception | None = None

    @contextmanager
    def calls(self) -> Iterator[Driver]:
        assert self.driver is not None
        try:
            yield self.driver
        except Exception as error:
            self.error = self.error or error

    def is_finished(self) -> bool:
        if self.error is None:
            with self.calls() as driver:
                return driver.is_finished()
        return True

    def __reduce__(self) -> tuple[type[_Bridge], tuple[None]]:
        """Pickle as empty: Tune saves its hooks to restore a run, which is never done here."""
        return _Bridge, (None,)


class _TuneSearcher(Searcher):
    """Gives Tune the driver's next candidate as its next trial."""

    def __init__(self, bridge: _Bridge) -> None:
        super().__init__(metric=None, mode=None)
        self._bridge = bridge

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:  # type: ignore[override]
        candidate = None
        with self._bridge.calls() as driver:
            if not self._bridge.is_finished():
                candidate = driver.next_candidate()
        if candidate is None:
            return Searcher.FINISHED if self._bridge.is_finished() else None
        self._bridge.numbers[trial_id] = candidate.number
        return {"candidate": candidate}

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Do nothing: the callback handles the end of a trial."""

    def save(self, checkpoint_path: str) -> None:
        """Save nothing: the record has all candidates."""

    def restore(self, checkpoint_path: str) -> None:
        """Restore nothing."""


class _TuneScheduler(FIFOScheduler):
    """Stops a trial where the driver stops its candidate."""

    def __init__(self, bridge: _Bridge) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._bridge = bridge

    def on_trial_result(
        self, tune_controller: TuneController, trial: Trial, result: dict[str, Any]
    ) -> str:
        with self._bridge.calls() as driver:
            if driver.progressed(result["candidate"]):
                return TrialScheduler.STOP
        return TrialScheduler.CONTINUE


class _TuneCallback(tune.Callback):
    """Reports to the driver how trials end by themselves."""

    def __init__(self, bridge: _Bridge) -> None:
        self._bridge = bridge

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **_: Any
    ) -> None:
        candidate: Candidate = result["candidate"]
        if candidate.state is not State.RUNNING:
            with self._bridge.calls() as driver:
                driver.ended(candidate)

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **_: Any) -> None:
        cause, detail = _failure_of(trial)
        with self._bridge.calls() as driver:
            driver.lost(self._bridge.numbers[trial.trial_id], cause, detail)


class _TuneStopper(tune.Stopper):
    """Ends the run once the driver is finished."""

    def __init__(self, bridge: _Bridge) -> None:
        self._bridge = bridge

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        return self._bridge.is_finished()


def _failure_of(trial: Trial) -> tuple[str, str]:
    """Return cause and detail of a trial that ended with an error instead of a result.

    Tune leaves the error in the trial's local directory: pickled if it came from our code or from a
    dead process, and always as text.
    """
    if trial.pickled_error_file and Path(trial.pickled_error_file).is_file():
        try:
            error = pickle.loads(Path(trial.pickled_error_file).read_bytes())
        except Exception as unreadable:  # whatever the error's own class makes of being unpickled
            error = unreadable
        if isinstance(error, RayTaskError):
            return failure(error.cause)
        text = str(error)
    elif trial.error_file and Path(trial.error_file).is_file():
        text = Path(trial.error_file).read_text(errors="replace")
    else:
        text = "no more is known"
    cause = "out_of_memory" if is_about_memory(text) else "worker_lost"
    return cause, " ".join(text.split())[:300]
