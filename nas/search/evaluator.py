"""The evaluation of one candidate: build, count, time, train, and validate."""

from __future__ import annotations

import gc
import math
import os
import platform
import time
from collections import defaultdict
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from statistics import median

import torch
from torch import nn

from nas.data.images import Images, images_on_device
from nas.data.share import share_positions
from nas.data.split import SearchData
from nas.errors import Diverged, MetricError, last_calls
from nas.metrics.metric_function import ACCURACY, MetricFunction
from nas.training.ema import NORM_MOMENTUM
from nas.training.loop import Epoch, Training
from nas.training.recipes import Recipe
from nas.training.step import step_without_learning
from results.candidate import Candidate, CurvePoint, State
from results.comparison import Fidelity
from reward.complexity import complexity
from reward.limits import Infeasible, Limits
from reward.step_time.busy import busy_share
from reward.step_time.clocks import to_channels_last
from reward.step_time.lease import Lease
from reward.step_time.measurement import FEWEST_PAIRS, StepTime, TimeLimitExceeded
from reward.step_time.memory_and_latency import is_out_of_memory, latencies_s
from reward.step_time.paired import Precision, UsualStep
from reward.step_time.standalone import TimedNetwork, measure_step_time, micro_batches
from reward.step_time.warmup import Reference
from reward.step_time.within_training import TrainingTimer
from search_space.architecture import Architecture
from search_space.network import Network
from search_space.operators import OPERATORS, Operator

TIMING_SHARE = 0.035
"""A further row of pairs begins only if all pairs so far, with it, stay within this share of the
time since training began; within twice the share while pairs scatter. The first row is always
taken, and peak memory and latency are measured besides."""
_REFERENCE_WARMUP = 4  # steps; a process's first ones take up to three times as long
_LATENCY_RUNS, _LATENCY_WARMUP = 9, 3
_CAP_BEFORE_TRAINING_S = 10.0

_BatchShape = tuple[int, int]  # images, and their height and width in pixels

DEVICE_ERROR = "device_error"
"""The cause of a failure after which the process cannot use its GPU any more."""


@dataclass(frozen=True)
class EvaluationSettings:
    """The settings by which all candidates of a search are evaluated.

    A candidate is trained at its own image size if it has one, else at ``image_size`` pixels, which
    is the backbone's too; None is the data's size. Training is on ``data_share`` of the training
    images. One with a fidelity is trained by those of ``fidelities`` instead, and timed against the
    backbone at that size. The step is timed within training, at next to no
    cost. If ``times_before_training`` is set or a limit needs it, it is timed before training.
    ``confirm_epochs`` are for candidates that confirm another; None is the recipe's. ``sharers`` is
    the number of candidates that train on a GPU at once. The value of ``metric`` is a candidate's
    accuracy.
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
    confirm_epochs: int | None = None
    sharers: int = 1
    metric: MetricFunction = ACCURACY
    data_share: float = 1.0
    fidelities: Mapping[str, Fidelity] = field(default_factory=dict)


class Evaluator:
    """Evaluates candidates one after the other on one device, with the data loaded once.

    The ``lease`` is on the GPU, if several processes share it: who evaluates holds it.
    ``reference_busy_share`` is the share of the backbone's step in which the GPU computes.
    """

    def __init__(
        self, settings: EvaluationSettings, device: torch.device, lease: Lease | None = None
    ) -> None:
        self._settings = settings
        self._device = device
        self._lease = lease
        self._precision = Precision.default(device, _CAP_BEFORE_TRAINING_S)
        self._all_images, self._minival_images = images_on_device(
            settings.data, device, settings.sharers
        )
        self._shares: dict[float, Images] = {}  # training images by share of the whole
        self._image_size = settings.image_size or settings.data.image_size
        self._uses_graphs = True
        self._references: dict[_BatchShape, Reference] = {}
        self._usual: defaultdict[_BatchShape, UsualStep] = defaultdict(UsualStep)
        self._reference = self._reference_at((self._batch_size(), self._image_size))
        # Where the backbone cannot be captured, candidates are timed eager as well.
        self._uses_graphs = self._reference.step.failure is None
        # Measured before the first candidate, as a profile leaves traces in steps after it.
        self.reference_busy_share = busy_share(self._reference_step, device)
        backbone = self._reference.timed.network
        count = complexity(backbone, settings.data.channels, self._image_size)
        self._reference_parameters = count.parameters

    def evaluate(self, candidate: Candidate) -> Iterator[Candidate]:
        """Yield the candidate as RUNNING after each measurement and epoch, and last as it ended.

        Whatever is wrong with the candidate becomes its state and cause and is not raised. One that
        does not fit into memory starts again with gradients accumulated over micro-batches. After
        an error on the GPU itself, with the cause :data:`DEVICE_ERROR`, only another process can
        use the GPU.
        """
        candidate = replace(
            candidate,
            worker=f"{platform.node()}/{os.getpid()}",
            started_at=time.time(),
            phases_s={},
            reference_parameters=self._reference_parameters,
            versions=self._settings.versions,
        )
        if self._lease is not None:
            self._lease.gave_up = False
        deadline = time.monotonic() + self._settings.time_limit_s
        ended = candidate
        for micro_batch in micro_batches(self._batch_size(candidate)):
            recipe = replace(self._recipe(candidate), micro_batch=micro_batch)
            ended = yield from self._attempt(candidate, recipe, deadline)
            if ended.state is State.COMPLETE:
                break
            problem = self._free_memory()  # the traceback kept the network alive until here
            if problem is not None:
                detail = ended.detail if ended.cause == "error" else problem
                ended = replace(ended, state=State.FAILED, cause=DEVICE_ERROR, detail=detail)
            if ended.cause != "out_of_memory":
                break
        yield replace(ended, finished_at=time.time())

    def _attempt(
        self, candidate: Candidate, recipe: Recipe, deadline: float
    ) -> Generator[Candidate, None, Candidate]:
        """Yield the candidate as it progresses; return it as it ended, failed or not."""
        phases: dict[str, float] = {}
        candidate = replace(candidate, phases_s=phases)
        try:
            for progressed in self._build_to_validate(candidate, phases, recipe, deadline):
                candidate = progressed
                yield candidate
        except Infeasible as error:
            return replace(candidate, state=State.INFEASIBLE, cause=error.cause, detail=str(error))
        except Exception as error:
            cause, detail = failure(error)
            is_plain = isinstance(error, Diverged | TimeLimitExceeded)  # the detail says it all
            trace = None if is_plain else last_calls(error)
            return replace(candidate, state=State.FAILED, cause=cause, detail=detail, trace=trace)
        return replace(candidate, state=State.COMPLETE, accuracy=candidate.curve[-1].accuracy)

    def _build_to_validate(
        self, candidate: Candidate, phases: dict[str, float], recipe: Recipe, deadline: float
    ) -> Iterator[Candidate]:
        """Run the whole evaluation; yield the candidate after each measurement and each epoch.

        Raises:
            Infeasible: a limit is exceeded.
            TimeLimitExceeded, Diverged, MemoryError and others: :func:`failure` names their causes.
        """
        limits, size = self._settings.limits, self._size(candidate)

        with _timed(phases, "build"):
            network = self._build(candidate.architecture, candidate.seed, recipe)

        with _timed(phases, "count"):
            count = complexity(network, self._settings.data.channels, size)
        candidate = replace(
            candidate, parameters=count.parameters, multiply_adds=count.multiply_adds
        )
        yield candidate
        is_limited = candidate.confirms is None  # one that was within the limits stays so
        if is_limited:
            limits.check_parameters(count.parameters)

        timer = None
        if self._settings.times_before_training or limits.needs_timing:
            with self._alone(), _timed(phases, "step_time"):
                step_time = self._standalone_step_time(candidate, recipe, deadline)
            candidate = replace(candidate, step_time=self._shared(step_time))
            yield candidate
            if is_limited:
                limits.check_step_time(step_time)
        else:
            timer = self._training_timer(candidate)

        training = Training(
            network,
            self._training_images(candidate).at(size),
            self._minival_images.at(size),
            recipe,
            candidate.seed,
            deadline,
            on_step=self._after_step,
            run_step=timer,
            uses_graphs=self._uses_graphs,
            metric=self._settings.metric,
            measures_noise=True,
        )
        epochs = training.epochs()  # each trains, then validates
        while (epoch := _next_epoch(epochs, timer, phases, self._lease)) is not None:
            point = CurvePoint(epoch.number, epoch.loss, epoch.accuracy, phases["training"])
            candidate = replace(
                candidate,
                curve=(*candidate.curve, point),
                effective_images=epoch.effective_images,
            )
            if timer is not None:
                candidate = replace(candidate, step_time=self._shared(timer.step_time()))
            yield candidate

        with self._alone(), _timed(phases, "step_time"):
            if timer is not None:
                timer.top_up(FEWEST_PAIRS, deadline)
                timer.measure_busy_share()
                candidate = replace(candidate, step_time=self._shared(timer.step_time()))
            latency_s = self._latency_s(training.ema, size)
        yield replace(candidate, inference_time_s=latency_s)

    def _recipe(self, candidate: Candidate) -> Recipe:
        recipe, epochs = self._settings.recipe, self._settings.confirm_epochs
        if (fidelity := self._fidelity(candidate)) is not None:
            return replace(recipe, epochs=fidelity.epochs)
        if candidate.confirms is None or candidate.is_backbone or epochs is None:
            return recipe
        return replace(recipe, epochs=epochs)

    def _size(self, candidate: Candidate) -> int:
        """The side of its images in pixels, in training and validation."""
        fidelity = self._fidelity(candidate)
        return fidelity.image_size if fidelity else candidate.image_size or self._image_size

    def _fidelity(self, candidate: Candidate) -> Fidelity | None:
        """Another fidelity than the search's own, by which the candidate is trained."""
        return None if candidate.fidelity is None else self._settings.fidelities[candidate.fidelity]

    def _training_images(self, candidate: Candidate | None = None) -> Images:
        """Return the share of the training images that the candidate, or the backbone, gets."""
        fidelity = candidate and self._fidelity(candidate)
        share = fidelity.data_share if fidelity else self._settings.data_share
        if share not in self._shares:
            self._shares[share] = self._all_images
            if share < 1:
                positions = share_positions(self._settings.data.training.labels, share)
                self._shares[share] = self._all_images.part(positions)
        return self._shares[share]

    def _batch_size(self, candidate: Candidate | None = None) -> int:
        return min(self._settings.recipe.batch_size, len(self._training_images(candidate)))

    def _build(self, architecture: Architecture, seed: int, recipe: Recipe) -> Network:
        """Build the network on the device; the seed determines its weights."""
        data = self._settings.data
        torch.manual_seed(seed)
        network = Network(
            architecture,
            classes=data.classes,
            in_channels=data.channels,
            dropout=recipe.dropout,
            survival=recipe.survival,
            norm_momentum=NORM_MOMENTUM,
            operators=self._settings.operators,
        )
        return to_channels_last(network, self._device)

    def _reference_at(self, shape: _BatchShape) -> Reference:
        """Return the backbone's step with a batch of so many images of so many pixels."""
        if shape not in self._references:
            self._references[shape] = Reference(
                build=partial(self._build_reference, shape),
                make_step=partial(step_without_learning, self._settings.recipe),
                device=self._device,
                classes=self._settings.data.classes,
                warmup=_REFERENCE_WARMUP,
            )
        return self._references[shape]

    def _build_reference(self, shape: _BatchShape) -> TimedNetwork:
        network = self._build(self._settings.backbone, 0, self._settings.recipe)
        return self._with_batch(network, shape)

    def _timed_against(self, candidate: Candidate) -> tuple[Reference, UsualStep]:
        """Return the backbone's step; it is at another size than usual by a fidelity only."""
        fidelity = self._fidelity(candidate)
        shape = self._batch_size(candidate), fidelity.image_size if fidelity else self._image_size
        return self._reference_at(shape), self._usual[shape]

    def _with_batch(self, network: Network, shape: _BatchShape) -> TimedNetwork:
        """Return the network with the training set's first batch of that shape, to time it."""
        batch, size = shape
        images, labels = self._all_images.at(size).batch(slice(0, batch))
        images = images.contiguous(memory_format=torch.channels_last)
        make_step = partial(
            step_without_learning, self._settings.recipe, uses_graphs=self._uses_graphs
        )
        return TimedNetwork(network, images, labels, make_step)

    def _training_timer(self, candidate: Candidate) -> TrainingTimer:
        reference, usual = self._timed_against(candidate)
        half_width = self._precision.half_width
        return TrainingTimer(reference, self._device, half_width, TIMING_SHARE, usual, self._lease)

    def _standalone_step_time(
        self, candidate: Candidate, recipe: Recipe, deadline: float
    ) -> StepTime:
        """Measure the step of a twin of the candidate, so that the measurement trains nothing."""
        network = self._build(candidate.architecture, candidate.seed, recipe)
        shape = self._batch_size(candidate), self._size(candidate)
        twin = self._with_batch(network, shape)
        reference, usual = self._timed_against(candidate)
        return measure_step_time(
            twin,
            twin.step(recipe.micro_batch),
            reference,
            self._device,
            self._precision,
            deadline,
            usual=usual,
        )

    def _latency_s(self, network: nn.Module, size: int) -> float:
        """Measure the median latency of one image of ``size`` pixels, in seconds."""
        image = self._minival_images.at(size).batch(slice(0, 1))[0]
        image = image.contiguous(memory_format=torch.channels_last)
        return median(latencies_s(network, image, self._device, _LATENCY_RUNS, _LATENCY_WARMUP))

    def _reference_step(self) -> None:
        self._reference(self._reference.step.mode)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Have the GPU alone while the context is open, if other processes share it."""
        if self._lease is None:
            yield
            return
        self._lease.alone()
        try:
            yield
        finally:
            self._lease.together()

    def _after_step(self, step: int, count: int) -> None:
        if self._lease is not None:
            self._lease.between_steps()

    def _shared(self, step_time: StepTime | None) -> StepTime | None:
        """Return the step time with the number of candidates that shared the GPU."""
        if step_time is None or step_time.conditions is None:
            return step_time
        conditions = replace(step_time.conditions, sharers=self._settings.sharers)
        unsteady = step_time.unsteady
        if self._lease is not None and self._lease.gave_up:
            unsteady = unsteady or "another process did not let the GPU go"
        return replace(step_time, conditions=conditions, unsteady=unsteady)

    def _free_memory(self) -> str | None:
        """Free the memory of what is gone; return what is wrong with the device itself, if so.

        Such an error stays with the process: each further use of the device raises it again.
        """
        gc.collect()
        if self._device.type == "cuda":
            try:
                torch.cuda.synchronize()
                torch.cuda.empty_cache()
            except RuntimeError as error:
                return failure(error)[1]
        return None


def failure(error: BaseException) -> tuple[str, str]:
    """Return the cause of a candidate's failure, a short code, and one line of detail."""
    text = " ".join(str(error).split()) or type(error).__name__
    detail = text if len(text) <= 300 else text[:297] + "..."
    if isinstance(error, Diverged):
        return "diverged", detail
    if isinstance(error, TimeLimitExceeded):
        return "time_limit", detail
    if isinstance(error, MetricError):
        return "metric", detail
    if is_out_of_memory(error):
        return "out_of_memory", detail
    return "error", f"{type(error).__name__}: {detail}"


def _next_epoch(
    epochs: Iterator[Epoch],
    timer: TrainingTimer | None,
    phases: dict[str, float],
    lease: Lease | None,
) -> Epoch | None:
    """Train and validate one epoch; return None after the last.

    The time spent on timing its steps is added to the phase ``step_time``, that of waiting for
    other processes on the GPU to ``waiting``, and the rest to ``training``. The time between two
    epochs, in which the candidate is reported, counts for none.
    """
    before_s = timer.spent_s if timer else 0.0
    waited_before_s = lease.waited_s if lease else 0.0
    with _timed(phases, "training"):
        epoch = next(epochs, None)
    if epoch is not None and timer is not None:
        timing_s = timer.spent_s - before_s
        phases["training"] -= timing_s
        phases["step_time"] = phases.get("step_time", 0.0) + timing_s
    if epoch is not None and lease is not None:
        waited_s = lease.waited_s - waited_before_s
        phases["training"] -= waited_s
        phases["waiting"] = phases.get("waiting", 0.0) + waited_s
    return epoch


@contextmanager
def _timed(phases: dict[str, float], name: str) -> Iterator[None]:
    start = time.monotonic()
    try:
        yield
    finally:
        phases[name] = phases.get(name, 0.0) + time.monotonic() - start
