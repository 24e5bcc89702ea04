"""One candidate's evaluation: build, count, train, time the training step, take the accuracy."""

from __future__ import annotations

import gc
import math
import os
import platform
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from statistics import median

import torch
from torch import nn

from nas.data.images import images_on_device
from nas.data.split import SearchData
from nas.errors import Diverged
from nas.training.ema import NORM_MOMENTUM, averaging_momentum
from nas.training.loop import Training, run_untimed, total_steps
from nas.training.recipes import Recipe
from nas.training.step import to_channels_last
from results.candidate import Candidate, CurvePoint, State
from reward.complexity import complexity
from reward.limits import Infeasible, Limits
from reward.step_time.measurement import FEWEST_PAIRS, StepTime, TimeLimitExceeded
from reward.step_time.memory_and_latency import is_out_of_memory, latencies_s
from reward.step_time.paired import Precision, UsualStep
from reward.step_time.standalone import TimedNetwork, measure_step_time, micro_batches
from reward.step_time.warmup import fill_heap_holes, warm_up_heap
from reward.step_time.within_training import TrainingTimer
from search_space.architecture import Architecture
from search_space.network import Network
from search_space.operators import OPERATORS, Operator

TIMING_SHARE = 0.035
"""Of a candidate's evaluation, for the reference's steps beyond the fewest, twice as much where
something disturbs them; peak memory and latency take some more."""


_REFERENCE_WARMUP = 4  # steps; a process's first ones take up to three times as long


_LATENCY_RUNS, _LATENCY_WARMUP = 9, 3


_CAP_BEFORE_TRAINING_S = 10.0


@dataclass(frozen=True)
class EvaluationSettings:
    """What every candidate of a search is evaluated with.

    Candidates are trained at their own image size, or else at ``image_size`` pixels, as the
    backbone is always; the data's own if that is None. The step is timed within training, at next
    to no cost, unless it must be known before: ``times_before_training``, or limits that need it.
    """

    data: SearchData
    backbone: Architecture
    recipe: Recipe
    image_size: int | None = None
    time_limit_s: float = math.inf
    operators: Mapping[str, Operator] = field(default_factory=lambda: dict(OPERATORS))
    versions: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    times_before_training: bool = False
    confirm_epochs: int | None = None  # of those that confirm another, where not the recipe's


class Evaluator:
    """Evaluates candidates one after the other on one device, with the data loaded once."""

    def __init__(self, evaluation: EvaluationSettings, device: torch.device) -> None:
        self._evaluation = evaluation
        self._device = device
        self._precision = Precision.default(device, _CAP_BEFORE_TRAINING_S)
        self._training, self._minival = images_on_device(evaluation.data, device)
        self._image_size = evaluation.image_size or evaluation.data.image_size
        self._usual = UsualStep()
        self._heap_filler = fill_heap_holes(device)
        network = self._build(evaluation.backbone, 0, evaluation.recipe)
        self._reference = self._subject(network, self._image_size)
        step = self._reference.fitting_step(evaluation.recipe)
        self._reference_step = partial(step, self._reference.images, self._reference.labels)
        for _ in range(_REFERENCE_WARMUP):
            self._reference_step()
        warm_up_heap(self._reference, self._reference_step, evaluation.data.classes)
        count = complexity(network, evaluation.data.channels, self._image_size)
        self._reference_parameters = count.parameters

    def evaluate(self, candidate: Candidate) -> Iterator[Candidate]:
        """Yields the candidate as it stands, RUNNING after each epoch and last as it ended.

        Whatever is wrong with the candidate becomes its state and cause and is not raised. One
        that does not fit into memory begins anew with gradients accumulated over smaller batches.
        """
        candidate = replace(
            candidate,
            worker=f"{platform.node()}/{os.getpid()}",
            started_at=time.time(),
            phases_s={},
            reference_parameters=self._reference_parameters,
            versions=self._evaluation.versions,
        )
        deadline = time.monotonic() + self._evaluation.time_limit_s
        ended = candidate
        for micro_batch in micro_batches(self._batch_size):
            ended = yield from self._attempt(candidate, micro_batch, deadline)
            if ended.state is State.COMPLETE:
                break
            self._free_memory()  # only now, without the traceback, is the network gone
            if ended.cause != "out_of_memory":
                break
        yield replace(ended, finished_at=time.time())

    def _attempt(
        self, candidate: Candidate, micro_batch: int | None, deadline: float
    ) -> Generator[Candidate, None, Candidate]:
        """Yields the candidate as it stands, and returns it as it ended."""
        phases: dict[str, float] = {}
        candidate = replace(candidate, phases_s=phases)
        recipe = replace(self._recipe(candidate), micro_batch=micro_batch)
        try:
            for stands in self._steps(candidate, phases, recipe, deadline):
                candidate = stands
                yield candidate
        except Infeasible as error:
            return replace(candidate, state=State.INFEASIBLE, cause=error.cause, detail=str(error))
        except Exception as error:
            cause, detail = failure(error)
            return replace(candidate, state=State.FAILED, cause=cause, detail=detail)
        return replace(candidate, state=State.COMPLETE, accuracy=candidate.curve[-1].accuracy)

    def _recipe(self, candidate: Candidate) -> Recipe:
        recipe, epochs = self._evaluation.recipe, self._evaluation.confirm_epochs
        if candidate.confirms is None or epochs is None:
            return recipe
        return replace(recipe, epochs=epochs)

    def _steps(
        self, candidate: Candidate, phases: dict[str, float], recipe: Recipe, deadline: float
    ) -> Iterator[Candidate]:
        """The candidate after each measurement and each epoch."""
        evaluation, data = self._evaluation, self._evaluation.data
        with _timed(phases, "build"):
            network = self._build(candidate.architecture, candidate.seed, recipe)
        with _timed(phases, "count"):
            count = complexity(network, data.channels, self._size(candidate))
        candidate = replace(
            candidate, parameters=count.parameters, multiply_adds=count.multiply_adds
        )
        yield candidate
        evaluation.limits.check_parameters(count.parameters)
        if evaluation.times_before_training or evaluation.limits.needs_timing:
            with _timed(phases, "step_time"):
                timed = self._step_time(candidate, recipe, deadline)
            candidate = replace(candidate, step_time=timed)
            yield candidate
            if candidate.confirms is None:  # what was within the limits once stays so
                evaluation.limits.check_step_time(timed)
        yield from self._trained(candidate, network, phases, recipe, deadline)

    def _trained(
        self,
        candidate: Candidate,
        network: Network,
        phases: dict[str, float],
        recipe: Recipe,
        deadline: float,
    ) -> Iterator[Candidate]:
        """The candidate after each epoch, and once more with what the trained network is like."""
        is_timed, size = candidate.step_time is not None, self._size(candidate)
        timer = self._timer()
        training = Training(
            network,
            self._training.at(size),
            self._minival.at(size),
            recipe,
            candidate.seed,
            deadline,
            run_step=run_untimed if is_timed else timer,
        )
        epochs = training.epochs()
        while True:
            timed_s = timer.spent_s
            with _timed(phases, "training"):  # not the time that reports take in between
                epoch = next(epochs, None)
            if epoch is None:
                break
            _move(phases, "training", "step_time", timer.spent_s - timed_s)
            point = CurvePoint(epoch.number, epoch.loss, epoch.accuracy, phases["training"])
            candidate = replace(candidate, curve=(*candidate.curve, point))
            yield candidate if is_timed else replace(candidate, step_time=timer.step_time())
        with _timed(phases, "step_time"):
            if not is_timed:
                timer.top_up(FEWEST_PAIRS, deadline)
                candidate = replace(candidate, step_time=timer.step_time())
            latency = self._latency_s(training.ema, size)
        yield replace(candidate, inference_time_s=latency)

    def _size(self, candidate: Candidate) -> int:
        """Of its images in pixels, in training and validation."""
        return candidate.image_size or self._image_size

    @property
    def _batch_size(self) -> int:
        return min(self._evaluation.recipe.batch_size, len(self._training))

    def _build(self, architecture: Architecture, seed: int, recipe: Recipe) -> Network:
        """The network on the device, its weights decided by the seed."""
        data = self._evaluation.data
        torch.manual_seed(seed)
        network = Network(
            architecture,
            classes=data.classes,
            in_channels=data.channels,
            dropout=recipe.dropout,
            survival=recipe.survival,
            norm_momentum=averaging_momentum(NORM_MOMENTUM, total_steps(self._training, recipe)),
            operators=self._evaluation.operators,
        )
        return to_channels_last(network, self._device)

    def _subject(self, network: Network, size: int) -> TimedNetwork:
        """The network with the first batch of the training set, at ``size`` pixels."""
        images, labels = self._training.at(size).batch(slice(0, self._batch_size))
        return TimedNetwork(network, images.contiguous(memory_format=torch.channels_last), labels)

    def _timer(self) -> TrainingTimer:
        return TrainingTimer(
            self._reference_step,
            self._device,
            self._precision.half_width,
            TIMING_SHARE,
            self._usual,
        )

    def _step_time(self, candidate: Candidate, recipe: Recipe, deadline: float) -> StepTime:
        """The measured step of a twin of the candidate, so that the measurement trains nothing."""
        network = self._build(candidate.architecture, candidate.seed, recipe)
        twin = self._subject(network, self._size(candidate))
        return measure_step_time(
            twin,
            twin.step(recipe),
            self._reference_step,
            self._device,
            self._precision,
            deadline,
            usual=self._usual,
        )

    def _latency_s(self, network: nn.Module, size: int) -> float:
        """The median latency of one image of ``size`` pixels, in seconds."""
        image = self._minival.at(size).batch(slice(0, 1))[0]
        image = image.contiguous(memory_format=torch.channels_last)
        return median(latencies_s(network, image, self._device, _LATENCY_RUNS, _LATENCY_WARMUP))

    def _free_memory(self) -> None:
        gc.collect()
        if self._device.type == "cuda":
            try:
                torch.cuda.synchronize()
                torch.cuda.empty_cache()
            except RuntimeError:
                # An error on the device itself stays with the process: only a new one is of use.
                os._exit(1)


def _move(phases: dict[str, float], source: str, target: str, seconds: float) -> None:
    """Counts some of a phase's time as another's."""
    phases[source] -= seconds
    phases[target] = phases.get(target, 0.0) + seconds


@contextmanager
def _timed(phases: dict[str, float], name: str) -> Iterator[None]:
    start = time.monotonic()
    try:
        yield
    finally:
        phases[name] = phases.get(name, 0.0) + time.monotonic() - start


def failure(error: BaseException) -> tuple[str, str]:
    """The cause, a short code, and one line of detail of what went wrong with a candidate."""
    text = " ".join(str(error).split()) or type(error).__name__
    detail = text if len(text) <= 300 else text[:297] + "..."
    if isinstance(error, Diverged):
        return "diverged", detail
    if isinstance(error, TimeLimitExceeded):
        return "time_limit", detail
    if is_out_of_memory(error):
        return "out_of_memory", detail
    return "error", f"{type(error).__name__}: {detail}"
