"""Ray Tune as the executor: it runs trials on workers, and remembers nothing."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import nas
import results
import reward
import scaling
import search_space
from nas.errors import UserError
from reward.step_time import ALLOCATOR_SETTINGS

# Before Ray is imported: no result files (the record has it all), no snapshots of all trials,
# Ctrl-C is ours, and nothing is sent anywhere.
os.environ.update(
    TUNE_DISABLE_AUTO_CALLBACK_LOGGERS="1",
    TUNE_GLOBAL_CHECKPOINT_S="1000000000",
    TUNE_DISABLE_SIGINT_HANDLER="1",
    TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S="0",
    RAY_USAGE_STATS_ENABLED="0",
    RAY_AIR_NEW_OUTPUT="0",
    RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO="0",
)

import ray
from ray import tune
from ray.exceptions import OutOfMemoryError, RayError
from ray.tune.experiment import Trial
from ray.tune.search import Searcher

from nas.evaluation import Evaluation, failure
from nas.ray_worker import CandidateTrial
from results.candidate import Candidate

LOST_WORKER_RETRIES = 2


class Driver(Protocol):
    """Who proposes candidates and takes them back; all calls come from one thread."""

    def next_candidate(self) -> Candidate | None:
        """The next one to evaluate; None while there is none."""

    def is_finished(self) -> bool:
        """Whether all is done, or is to be given up."""

    def progressed(self, candidate: Candidate) -> None:
        """A candidate came to the end of an epoch."""

    def ended(self, candidate: Candidate) -> None:
        """A candidate was evaluated, with success or not."""

    def lost(self, number: int, cause: str, detail: str) -> None:
        """A candidate's worker died, and died again at each further try."""


@dataclass(frozen=True)
class Cluster:
    """The Ray cluster in use, and how many candidates it can evaluate at once."""

    capacity: int
    has_gpus: bool


@contextmanager
def ray_cluster(address: str | None) -> Iterator[Cluster]:
    """Starts Ray on this machine, or joins the cluster at ``address`` and sends it our code.

    Raises:
        UserError: no cluster answers there.
    """
    environment: dict[str, Any] = {"env_vars": {**ALLOCATOR_SETTINGS, "OMP_NUM_THREADS": "1"}}
    if address:
        _check_address(address)
        rooms = (nas, results, reward, scaling, search_space)
        environment["py_modules"] = [str(Path(next(iter(room.__path__)))) for room in rooms]
    try:
        ray.init(
            address=address or "local",  # not a cluster that happens to run here
            include_dashboard=None if address else False,
            log_to_driver=False,
            runtime_env=environment,
        )
    except (ConnectionError, ValueError, RuntimeError, RayError) as error:
        if not address:
            raise
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"--address: got {address!r}, must be a running Ray cluster's, or auto ({reason})"
        ) from error
    try:
        resources = ray.cluster_resources()  # type: ignore[no-untyped-call]
        gpus = int(resources.get("GPU", 0))
        yield Cluster(gpus or max(1, int(resources.get("CPU", 1))), gpus > 0)
    finally:
        ray.shutdown()


def _check_address(address: str) -> None:
    """Ray itself would try for minutes where nobody listens."""
    host, _, port = address.rpartition(":")
    if address == "auto":
        return
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (ValueError, OverflowError, OSError) as error:
        raise UserError(
            f"--address: got {address!r}, must be a running Ray cluster's host:port, or auto "
            f"({error})"
        ) from error


def run_trials(
    driver: Driver,
    evaluation: Evaluation,
    cluster: Cluster,
    workers: int,
    directory: Path,
    trial: type[CandidateTrial] = CandidateTrial,
) -> None:
    """Evaluates the driver's candidates, ``workers`` at a time, until it is finished.

    ``directory`` is for Tune's own files, which nobody reads. What the driver raises in a call ends
    the run, and is raised here.
    """
    trainable = tune.with_resources(
        tune.with_parameters(trial, evaluation=evaluation),
        {"cpu": 1, "gpu": 1} if cluster.has_gpus else {"cpu": 1},
    )
    bridge = _Bridge(driver)
    tuner = tune.Tuner(
        trainable,
        tune_config=tune.TuneConfig(
            search_alg=_Proposals(bridge),
            num_samples=-1,
            max_concurrent_trials=workers,
            reuse_actors=True,
            trial_dirname_creator=lambda trial: trial.trial_id,
            trial_name_creator=lambda trial: trial.trial_id,
        ),
        run_config=tune.RunConfig(
            storage_path=str(directory.absolute()),
            verbose=0,
            callbacks=[_Reports(bridge)],
            stop=_Stop(bridge),
            checkpoint_config=tune.CheckpointConfig(
                checkpoint_frequency=0, checkpoint_at_end=False
            ),
            failure_config=tune.FailureConfig(max_failures=LOST_WORKER_RETRIES),
        ),
    )
    tuner.fit()
    if bridge.error is not None:
        raise bridge.error


@dataclass
class _Bridge:
    """The driver as Tune's hooks see it: an error of its own ends the run in order."""

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
        assert self.driver is not None
        return self.error is not None or self.driver.is_finished()

    def __reduce__(self) -> tuple[type[_Bridge], tuple[None]]:
        """Pickled empty: Tune saves its hooks to restore a run from, which nobody does here."""
        return _Bridge, (None,)


class _Proposals(Searcher):
    """Tune asks for the next trial, we answer with the driver's next candidate."""

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
        """Left to the callback, which knows the error as well."""

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the record remembers."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore."""


class _Reports(tune.Callback):
    """Hands to the driver what trials report."""

    def __init__(self, bridge: _Bridge) -> None:
        self._bridge = bridge

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **_: Any
    ) -> None:
        with self._bridge.calls() as driver:
            if result[tune.result.DONE]:
                driver.ended(result["candidate"])
            else:
                driver.progressed(result["candidate"])

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **_: Any) -> None:
        error = trial.get_error()
        if isinstance(error, OutOfMemoryError):
            cause, detail = "out_of_memory", "the machine ran out of memory"
        elif isinstance(error, ray.exceptions.RayTaskError):
            cause, detail = failure(error.cause)
        else:
            cause, detail = "worker_lost", " ".join(str(error).split())[:300]
        with self._bridge.calls() as driver:
            driver.lost(self._bridge.numbers[trial.trial_id], cause, detail)


class _Stop(tune.Stopper):
    """Ends the run when the driver says so."""

    def __init__(self, bridge: _Bridge) -> None:
        self._bridge = bridge

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        return self._bridge.is_finished()
