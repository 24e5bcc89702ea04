"""One candidate's evaluation: build, count, time the training step, train, take the accuracy."""

from __future__ import annotations

import gc
import math
import os
import platform
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import torch

from nas.data.images import on_device
from nas.data.split import SearchData
from nas.failure import failure
from nas.timing import Subject, measured_step_time
from nas.training.averaging import NORM_MOMENTUM, averaging_momentum
from nas.training.loop import total_steps, train
from nas.training.recipe import Recipe
from results.candidate import Candidate, CurvePoint, State
from reward.counting import complexity
from reward.measurements import StepTime
from search_space.architecture import Architecture
from search_space.network import Network
from search_space.operators import OPERATORS, Operator


@dataclass(frozen=True)
class Evaluation:
    """What every candidate of a search is evaluated with."""

    data: SearchData
    backbone: Architecture
    recipe: Recipe
    time_limit_s: float = math.inf
    operators: Mapping[str, Operator] = field(default_factory=lambda: dict(OPERATORS))
    versions: Mapping[str, str] = field(default_factory=dict)


class Evaluator:
    """Evaluates candidates one after the other on one device, with the data loaded once."""

    def __init__(self, evaluation: Evaluation, device: torch.device) -> None:
        self._evaluation = evaluation
        self._device = device
        self._training, self._minival = on_device(evaluation.data, device)
        self._reference = self._build(evaluation.backbone, seed=0)
        count = complexity(self._reference, evaluation.data.channels, evaluation.data.image_size)
        self._reference_parameters = count.parameters

    def evaluate(self, candidate: Candidate) -> Iterator[Candidate]:
        """Yields the candidate as it stands, RUNNING after each epoch and last as it ended.

        Whatever is wrong with the candidate becomes its state and cause and is not raised.
        """
        phases: dict[str, float] = {}
        candidate = replace(
            candidate,
            worker=f"{platform.node()}/{os.getpid()}",
            started_at=time.time(),
            phases_s=phases,
            reference_parameters=self._reference_parameters,
            versions=self._evaluation.versions,
        )
        try:
            for stands in self._steps(candidate, phases):
                candidate = stands
                yield candidate
            accuracy = candidate.curve[-1].accuracy
            ended = replace(candidate, state=State.COMPLETE, accuracy=accuracy)
        except Exception as error:
            cause, detail = failure(error)
            ended = replace(candidate, state=State.FAILED, cause=cause, detail=detail)
        if ended.state is State.FAILED:  # only now, without the traceback, is the network gone
            self._free_memory()
        yield replace(ended, finished_at=time.time())

    def _steps(self, candidate: Candidate, phases: dict[str, float]) -> Iterator[Candidate]:
        """The candidate after each measurement and each epoch."""
        evaluation, data = self._evaluation, self._evaluation.data
        deadline = time.monotonic() + evaluation.time_limit_s
        with _timed(phases, "build"):
            network = self._build(candidate.architecture, candidate.seed)
        with _timed(phases, "count"):
            count = complexity(network, data.channels, data.image_size)
        candidate = replace(
            candidate, parameters=count.parameters, multiply_adds=count.multiply_adds
        )
        yield candidate
        with _timed(phases, "step_time"):
            candidate = replace(candidate, step_time=self._step_time(candidate, deadline))
        yield candidate
        epochs = train(
            network, self._training, self._minival, evaluation.recipe, candidate.seed, deadline
        )
        while True:
            with _timed(phases, "training"):  # not the time that reports take in between
                epoch = next(epochs, None)
            if epoch is None:
                return
            point = CurvePoint(epoch.number, epoch.loss, epoch.accuracy, phases["training"])
            candidate = replace(candidate, curve=(*candidate.curve, point))
            yield candidate

    def _build(self, architecture: Architecture, seed: int) -> Network:
        """The network on the device, its weights decided by the seed."""
        recipe, data = self._evaluation.recipe, self._evaluation.data
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
        return network.to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

    def _step_time(self, candidate: Candidate, deadline: float) -> StepTime:
        """The measured step of a twin of the candidate, so that the measurement trains nothing."""
        twin = self._build(candidate.architecture, candidate.seed)
        batch_size = min(self._evaluation.recipe.batch_size, len(self._training))
        images, labels = self._training.batch(slice(0, batch_size))
        images = images.contiguous(memory_format=torch.channels_last)
        own, reference = (Subject(n, images, labels) for n in (twin, self._reference))
        recipe = self._evaluation.recipe
        return measured_step_time(own, reference, recipe, self._device, deadline)

    def _free_memory(self) -> None:
        gc.collect()
        if self._device.type == "cuda":
            try:
                torch.cuda.synchronize()
                torch.cuda.empty_cache()
            except RuntimeError:
                # An error on the device itself stays with the process: only a new one is of use.
                os._exit(1)


@contextmanager
def _timed(phases: dict[str, float], name: str) -> Iterator[None]:
    start = time.monotonic()
    try:
        yield
    finally:
        phases[name] = phases.get(name, 0.0) + time.monotonic() - start
