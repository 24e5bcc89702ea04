"""The tables of a GPU: each returns its lines, with n and spread."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from statistics import mean, median, stdev

import torch

from benchmarks.gpu_check.checks import CUDA, ROOT, timed_network
from nas.data.formats.shapes import shapes
from nas.data.split import SearchData, Split
from nas.search.evaluator import EvaluationSettings, Evaluator
from nas.training.graphs import GraphStep
from nas.training.recipes import PRESETS, proxy
from nas.training.step import TrainingStep, step_without_learning
from results.candidate import Candidate, State
from reward.step_time.busy import busy_share
from reward.step_time.clocks import stopwatch
from reward.step_time.lease import Lease
from reward.step_time.measurement import normalized, normalized_interval
from reward.step_time.paired import Precision
from reward.step_time.standalone import measure_step_time
from search_space.architecture import Architecture
from search_space.published import published
from search_space.spaces import small
from tests.nas.training.networks import noise

_TIMED_STEPS = 20
_SECONDS_A_WORKER = 20.0


def modes() -> str:
    """Step time eager, as a graph, and compiled, at 32, 64, and 224 px, and the busy share."""
    cases: tuple[tuple[str, Architecture, int, bool], ...] = (
        ("small", small(32).backbone, 32, True),
        ("small", small(64).backbone, 64, True),
        ("efficientnetv2-s", published("efficientnetv2-s").architecture, 224, False),
    )
    lines = [f"{'network':18}{'px':>4}{'batch':>6}  mode            ms (range, n = 20)      busy"]
    for name, architecture, image_size, is_compiled in cases:
        for batch_size in (32, 128):
            where = f"{name:18}{image_size:4}{batch_size:6}"
            for mode, step in _steps(architecture, image_size, batch_size, is_compiled):
                times, busy = _times(step), busy_share(step, CUDA)
                share = "-" if busy is None else f"{100 * busy:.0f} %"
                lines.append(f"{where}  {mode:16}{_shown(times):24}{share:>5}")
            torch.cuda.empty_cache()
    return "\n".join(lines)


def _steps(
    architecture: Architecture, image_size: int, batch_size: int, is_compiled: bool
) -> list[tuple[str, Callable[[], object]]]:
    timed = timed_network(architecture, image_size, batch_size)
    batch = timed.images, timed.labels
    found: list[tuple[str, Callable[[], object]]] = []
    for compiled in (False, True)[: 1 + is_compiled]:
        recipe = replace(proxy(), is_compiled=compiled)
        graph = step_without_learning(recipe, timed.network, None)
        assert isinstance(graph, GraphStep)
        found.append((graph.eager.mode, partial(graph.eager, *batch)))
        for _ in range(graph.warmup):
            graph(*batch)
        found.append((graph.mode, partial(graph, *batch)))
    return found


def _times(step: Callable[[], object]) -> tuple[float, ...]:
    for _ in range(5):
        step()
    watch = stopwatch(CUDA)
    for _ in range(_TIMED_STEPS):
        watch.time(step)
    return watch.seconds()


def _shown(seconds: Sequence[float]) -> str:
    low, high = 1e3 * min(seconds), 1e3 * max(seconds)
    return f"{1e3 * median(seconds):.2f} ({low:.2f} to {high:.2f})"


def depth_against_width() -> str:
    """What S says of networks that are deeper, wider, or of other kernels, at 32 px."""
    backbone = small(32).backbone
    stages = backbone.stages
    variants = {
        "backbone": backbone,
        "twice the layers": replace(
            backbone, stages=tuple(replace(s, layers=2 * s.layers) for s in stages)
        ),
        "twice the channels": replace(
            backbone, stages=tuple(replace(s, channels=2 * s.channels) for s in stages)
        ),
        "kernels of 5": replace(backbone, stages=tuple(replace(s, kernel=5) for s in stages)),
        "expansion of 6": replace(backbone, stages=tuple(replace(s, expansion=6) for s in stages)),
    }
    lines = [f"{'network':20}  S as a graph             S eager"]
    for name, architecture in variants.items():
        values = [_against_backbone(architecture, is_graph) for is_graph in (True, False)]
        lines.append(f"{name:20}  {values[0]:24} {values[1]}")
    return "\n".join(lines)


def _against_backbone(architecture: Architecture, is_graph: bool, cap_s: float = 2.0) -> str:
    value, interval, count = _measured(architecture, is_graph, cap_s)
    return f"{value:.3f} ({interval[0]:.3f} to {interval[1]:.3f}), n = {count}"


def _measured(
    architecture: Architecture, is_graph: bool, cap_s: float
) -> tuple[float, tuple[float, float], int]:
    """Return S against the backbone at 32 px and a batch of 128, its interval, and the pairs."""
    timed, other = (timed_network(a, 32, 128) for a in (architecture, small(32).backbone))
    step, reference = (_step(network.fitting_step(), is_graph) for network in (timed, other))

    def run(mode: str) -> object:
        return reference(other.images, other.labels)

    measured = measure_step_time(timed, step, run, CUDA, Precision.default(CUDA, cap_s))
    value = normalized(measured)
    return value, normalized_interval(measured) or (value, value), len(measured.samples_s)


def _step(step: object, is_graph: bool) -> GraphStep | TrainingStep:
    assert isinstance(step, GraphStep)
    return step if is_graph else step.eager


def repeatability() -> str:
    """How well S repeats when the network is built and timed anew."""
    architecture = small(32).sample(random.Random(1))
    lines = []
    for is_graph in (True, False):
        values = [_measured(architecture, is_graph, 2.0)[0] for _ in range(6)]
        spread = 100 * stdev(values) / mean(values)
        lines.append(
            f"{'graph' if is_graph else 'eager'}: {mean(values):.3f}, coefficient of variation "
            f"{spread:.2f} %, {min(values):.3f} to {max(values):.3f}, n = {len(values)}"
        )
    return "\n".join(lines)


def augmentation() -> str:
    """The time of augmenting a batch of 128 images, by preset and size."""
    from nas.training.augmentation import augmented
    from nas.training.recipes import epoch_stages

    lines = []
    for size in (32, 224, 300):
        images = noise(128, size, CUDA, 10)
        for preset, make in PRESETS.items():
            recipe = make(128, 1, 128)
            (stage,) = epoch_stages(recipe, 128, size, 0)
            times = _times(partial(augmented, images.pixels, images.labels, images, recipe, stage))
            lines.append(f"{preset:14}{size:4} px  {_shown(times)} ms, n = {len(times)}")
    return "\n".join(lines)


def beside_timm() -> str:
    """Images a second of EfficientNetV2-S at 300 px and B4 at 380 px, ours and timm's."""
    if find_spec("timm") is None:
        return "timm is not installed: pip install timm"
    command = [sys.executable, "-m", "benchmarks.against_timm", "--time-cap", "6"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-3000:]
    return ended.stdout.strip()


def candidates_an_hour() -> str:
    """Candidates of small at 32 px that 1, 2, 4, and 8 processes on the GPU evaluate."""
    lines = []
    for workers in (1, 2, 4, 8):
        code = f"from benchmarks.gpu_check.tables import evaluate_for; evaluate_for({workers})"
        started = [
            subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE)
            for _ in range(workers)
        ]
        ends = [process.communicate()[0] for process in started]
        assert not any(process.returncode for process in started)
        counts = [json.loads(end.splitlines()[-1]) for end in ends]
        rate = sum(3600 * count["candidates"] / count["seconds"] for count in counts)
        ratios = [value for count in counts for value in count["backbone"]]
        lines.append(
            f"{workers} a GPU: {rate:,.0f} an hour; S of the backbone {min(ratios):.3f} to "
            f"{max(ratios):.3f}, n = {len(ratios)}"
        )
    return "\n".join(lines)


def evaluate_for(workers: int) -> None:
    """Evaluate candidates of ten epochs for some seconds; print how many, and the backbone's S."""
    training, minival = (
        Split(*shapes(part, n, 32, 10)) for part, n in (("train", 4000), ("test", 1000))
    )
    settings = EvaluationSettings(
        data=SearchData("shapes", 10, training, minival),
        backbone=small(32).backbone,
        recipe=proxy(10, 128),
        sharers=workers,
    )
    lease = Lease.of_gpu(CUDA) if workers > 1 else None
    working = nullcontext if lease is None else lease.working
    with working():
        evaluator = Evaluator(settings, CUDA, lease)
    generator, space = random.Random(os.getpid()), small(32)
    start, done = time.monotonic(), 0
    ratios: list[float] = []
    while (seconds := time.monotonic() - start) < _SECONDS_A_WORKER or done < 2:
        is_backbone = not ratios
        architecture = space.backbone if is_backbone else space.sample(generator)
        with working():
            ended = list(evaluator.evaluate(Candidate(0, State.RUNNING, architecture, 0)))[-1]
        assert ended.state is State.COMPLETE, ended.detail
        assert ended.step_time is not None
        done += 1
        if is_backbone:
            ratios.append(normalized(ended.step_time))
    seconds = time.monotonic() - start
    print(json.dumps({"candidates": done, "seconds": seconds, "backbone": ratios}))
