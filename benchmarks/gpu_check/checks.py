"""The checks of a GPU: each returns what it found in words, or raises."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

import torch
from torch import Tensor, distributed, nn
from torch.multiprocessing.spawn import spawn
from torch.nn.parallel import DistributedDataParallel

from nas.data.formats.digits import digits
from nas.data.split import SearchData
from nas.full_training.fitting import fitting_micro_batch
from nas.search.evaluator import EvaluationSettings, Evaluator
from nas.training.distributed import World
from nas.training.graphs import GraphStep
from nas.training.loop import Training
from nas.training.optimizers import set_learning_rate
from nas.training.recipes import PRESETS, Recipe, epoch_stages, imagenet, proxy
from nas.training.step import TrainingStep, step_without_learning, training_step
from results.candidate import Candidate, State
from reward.step_time.clocks import stopwatch, to_channels_last
from reward.step_time.measurement import normalized, normalized_interval
from reward.step_time.paired import Precision
from reward.step_time.standalone import TimedNetwork, measure_step_time
from search_space.architecture import Architecture, Block
from search_space.network import Network
from search_space.operators import OPERATORS, mbconv
from search_space.spaces import small
from tests.nas.training.networks import noise

CUDA, CPU = torch.device("cuda"), torch.device("cpu")
ROOT = Path(__file__).parents[2]
STEPS = 8


def marked_tests() -> str:
    """The tests that need a GPU pass, in a twentieth of its memory."""
    # Only their files, as others import Ray.
    files = [
        str(path)
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        if "@pytest.mark.gpu" in path.read_text()
    ]
    command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "-p", "no:cacheprovider", *files]
    environment = {**os.environ, "NAS_TESTS_GPU_SHARE": "0.05"}
    ended = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout[-5000:] + ended.stderr[-2000:]
    return ended.stdout.strip().splitlines()[-1]


def clock() -> str:
    """The stopwatch takes twice as long for a kernel that sleeps twice as many cycles."""
    cycles = 20_000_000
    seconds = []
    for factor in (1, 2):
        watch = stopwatch(CUDA)
        for _ in range(7):
            watch.time(partial(torch.cuda._sleep, factor * cycles))
        seconds.append(median(watch.seconds()[2:]))
    ratio = seconds[1] / seconds[0]
    assert 1.96 < ratio < 2.04, f"got {ratio:.3f} times, must be 2"
    return f"{1e3 * seconds[0]:.2f} and {1e3 * seconds[1]:.2f} ms: {ratio:.4f} times"


def backbone_against_itself() -> str:
    """S of the backbone of small against itself, built anew, is 1."""
    lines = []
    for image_size, batch_size in ((32, 128), (64, 128)):
        timed, reference = (timed_network(small(32).backbone, image_size, batch_size) for _ in "ab")
        step, other = timed.fitting_step(), reference.fitting_step()

        def run(mode: str, other: object = other, network: TimedNetwork = reference) -> object:
            return other(network.images, network.labels)  # type: ignore[operator]

        measured = measure_step_time(timed, step, run, CUDA, Precision.default(CUDA, 5.0))
        value, interval = normalized(measured), normalized_interval(measured)
        assert 0.97 < value < 1.03, f"got {value:.3f} at {image_size} px, must be 1"
        lines.append(f"{image_size} px: {value:.4f} {interval}, n = {len(measured.samples_s)}")
    return "\n".join(lines)


def same_numbers_as_the_cpu() -> str:
    """Five steps of each optimizer, and the averages, are those of the CPU, in float32."""
    lines = []
    is_supported = torch.cuda.is_bf16_supported
    allows_tf32 = torch.backends.cudnn.allow_tf32
    torch.cuda.is_bf16_supported = lambda including_emulation=True: False
    torch.backends.cudnn.allow_tf32 = False
    try:
        for name in ("proxy", "imagenet"):
            losses, networks = zip(*(_trained(name, device) for device in (CPU, CUDA)), strict=True)
            apart = max(abs(a - b) / abs(a) for a, b in zip(*losses, strict=True))
            weights = [torch.cat([p.flatten().cpu() for p in n.parameters()]) for n in networks]
            distance = float((weights[0] - weights[1]).norm() / weights[0].norm())
            assert apart < 0.01, f"{name}: losses {losses}"
            assert distance < 0.01, f"{name}: averages differ by {distance}"
            lines.append(f"{name}: losses within {apart:.1e}, averages within {distance:.1e}")
    finally:
        torch.cuda.is_bf16_supported = is_supported
        torch.backends.cudnn.allow_tf32 = allows_tf32
    return "\n".join(lines)


def _trained(preset: str, device: torch.device) -> tuple[list[float], nn.Module]:
    """Return the losses of epochs of a step each, and the averaged network."""
    recipe = replace(
        PRESETS[preset](64, 5, 64),
        dropout=0.0,
        survival=1.0,
        flip=False,
        crop_area=1.0,
        crop_padding=0.0,
        randaugment_magnitude=0.0,
        learning_rate=0.001,
    )
    images = noise(64, 32, device, 10)
    training = Training(_network(32, device), images, images, recipe, seed=0)
    return [epoch.loss for epoch in training.epochs()], training.ema


def graph_against_eager() -> str:
    """Training as CUDA graphs gives the losses of eager training, whole and in micro-batches."""
    lines = []
    for name, recipe in (("proxy", proxy()), ("imagenet", imagenet(1000))):
        for micro_batch in (None, 24):
            changed = replace(recipe, micro_batch=micro_batch, label_smoothing=0.1)
            graph, other = (training_step(_network(32, CUDA), changed) for _ in range(2))
            assert isinstance(graph, GraphStep)
            assert isinstance(other, GraphStep)
            losses = [_losses(step) for step in (graph, other.eager)]
            assert graph.failure is None, graph.failure
            apart = max(abs(a - b) for a, b in zip(*losses, strict=True))
            assert apart < 0.02, f"{name}, micro-batch {micro_batch}: {losses}"
            lines.append(f"{name}, micro-batch {micro_batch}: losses differ by up to {apart:.1e}")
    return "\n".join(lines)


def _losses(step: GraphStep | TrainingStep) -> list[float]:
    batch = noise(64, 32, CUDA, 10).batch(slice(0, 64))
    images = batch[0].contiguous(memory_format=torch.channels_last)
    losses = []
    for i in range(STEPS):
        set_learning_rate(step.optimizer, 0.001 / (i + 1))
        losses.append(float(step(images, batch[1])))
    return losses


def failed_capture() -> str:
    """A network that reads a value and drops out trains eager, and random numbers go on."""

    class Reads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(3 * 32 * 32, 10))

        def forward(self, x: Tensor) -> Tensor:
            logits: Tensor = self.body(x * (1.0 if float(x.mean()) > -100 else 0.0))
            return logits

    step = training_step(Reads().to(CUDA), proxy())
    assert isinstance(step, GraphStep)
    losses = _losses(step)
    assert step.failure is not None
    torch.rand(3, device=CUDA)
    again = training_step(_network(32, CUDA), proxy())
    _losses(again)
    assert again.failure is None, again.failure
    return f"losses {losses[0]:.3f} to {losses[-1]:.3f}; {step.failure}"


def no_waits() -> str:
    """No step of any preset waits for the GPU, by torch's own debug mode."""
    names = []
    for preset, make in PRESETS.items():
        for change in ({}, {"micro_batch": 16}, {"mixup_alpha": 0.2}):
            recipe = replace(make(64 * STEPS, 2, 64), **change)
            _train_without_waiting(recipe)
        names.append(preset)
    return f"{', '.join(names)}: whole, in micro-batches, and with mixup"


def _train_without_waiting(recipe: Recipe) -> None:
    """Raise RuntimeError where a step of the second epoch waits."""
    images = noise(64 * STEPS, 64, CUDA, 10)
    epoch = 0

    def watch(step: int, count: int) -> None:
        nonlocal epoch
        epoch += step == 1
        mode = "error" if epoch == 2 and step < count else "default"
        torch.cuda.set_sync_debug_mode(mode)

    list(Training(_network(64, CUDA), images, images, recipe, seed=0, on_step=watch).epochs())


def evaluations() -> str:
    """Three candidates of small are evaluated, each twice with the same accuracy."""
    evaluator = Evaluator(_evaluation(), CUDA)
    generator, space, lines = random.Random(0), small(32), []
    for number in range(3):
        candidate = Candidate(number, State.RUNNING, space.sample(generator), seed=number)
        ended = [list(evaluator.evaluate(candidate))[-1] for _ in range(2)]
        for one in ended:
            assert one.state is State.COMPLETE, f"{one.cause}: {one.detail}"
        assert ended[0].accuracy == ended[1].accuracy, [one.accuracy for one in ended]
        timed = [one.step_time for one in ended]
        assert timed[0] is not None
        assert timed[1] is not None
        assert timed[0].conditions is not None
        assert timed[0].conditions.mode == "graph", timed[0].conditions
        ratios = [normalized(one) for one in timed if one is not None]
        seconds = (ended[0].finished_at or 0) - (ended[0].started_at or 0)
        busy = timed[0].conditions.busy_share
        lines.append(
            f"candidate {number}: {100 * (ended[0].accuracy or 0):.1f} %, S {ratios[0]:.3f} and "
            f"{ratios[1]:.3f}, busy {busy}, {seconds:.1f} s, {timed[0].unsteady or 'steady'}"
        )
    return "\n".join(lines)


def _evaluation(
    operators: dict[str, Callable[[Block], nn.Module]] | None = None,
) -> EvaluationSettings:
    training, minival = digits("train", 32), digits("test", 32)
    return EvaluationSettings(
        data=SearchData("digits", 10, training, minival),
        backbone=small(32).backbone,
        recipe=proxy(3, 64),
        operators={**OPERATORS, **(operators or {})},
    )


def memory_fractions() -> str:
    """What the trial finds to fit trains, whatever part of the memory there is."""
    images = noise(512, 64, CUDA, 10)
    recipe = replace(proxy(), epochs=2, batch_size=512)
    stages = epoch_stages(recipe, len(images), images.size, 0)
    build = partial(_network, 64, CUDA)

    def train(recipe: Recipe) -> None:
        list(Training(build(), images, images, recipe, seed=0).epochs())

    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    train(recipe)
    whole = torch.cuda.max_memory_reserved()
    total = torch.cuda.get_device_properties(CUDA).total_memory
    lines = []
    for share in (1.0, 0.8, 0.65, 0.5, 0.4, 0.3, 0.2, 0.15):
        torch.cuda.empty_cache()
        torch.cuda.set_per_process_memory_fraction(min(1.0, share * whole / total))
        try:
            found = fitting_micro_batch(build, images, recipe, stages, World())
            train(replace(recipe, micro_batch=found))
            lines.append(f"{share * whole / 2**20:.0f} MiB: {found or 'all'} images at once")
        except MemoryError as error:
            assert share < 0.3, f"nothing fits into {share} of what the whole batch takes"
            lines.append(f"{share * whole / 2**20:.0f} MiB: {error}")
        finally:
            torch.cuda.set_per_process_memory_fraction(1.0)
    return "\n".join(lines)


def training_from_start_to_export() -> str:
    """``nas train`` is stopped and resumed, evaluated, and exported."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        options = ("--data", "shapes:size=32,n=4000", "--preset", "proxy", "--epochs", "4")
        command = _nas("train", "--arch", "efficientnetv2-b0", *options, "--out", str(run))
        started = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert started.stdout is not None
        for line in started.stdout:
            if "epoch 1" in line or line.startswith("1 "):
                started.send_signal(signal.SIGTERM)
                break
        started.communicate(timeout=60)
        assert started.returncode == 143, started.returncode
        answer = json.loads(_output("train", "--resume", str(run), "--json"))
        tested = json.loads(_output("evaluate", str(run), "--data", options[1], "--json"))
        exported = Path(folder) / "network.py"
        _output("export", str(run), "--to", str(exported))
        assert exported.stat().st_size > 0
    return f"trained: {answer}\nevaluated: {tested}"


def _nas(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "nas", *arguments]


def _output(*arguments: str) -> str:
    ended = subprocess.run(_nas(*arguments), capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"nas {' '.join(arguments)}: {ended.stderr[-2000:]}"
    return ended.stdout


def several_processes() -> str:
    """NCCL with one process, and gloo with two on one GPU, train alike."""
    lines = []
    for backend, count in (("nccl", 1), ("gloo", 2)):
        with tempfile.TemporaryDirectory() as folder:
            spawn(  # type: ignore[no-untyped-call]
                _train_together, (backend, count, folder), nprocs=count
            )
            losses = [json.loads(path.read_text()) for path in sorted(Path(folder).glob("*.json"))]
        assert len(losses) == count
        assert all(loss == losses[0] for loss in losses), losses
        lines.append(f"{backend} with {count}: losses {losses[0]}")
    return "\n".join(lines)


def _train_together(rank: int, backend: str, count: int, folder: str) -> None:
    store = Path(folder).with_suffix(".store")
    distributed.init_process_group(
        backend, init_method=f"file://{store}", rank=rank, world_size=count
    )
    images = noise(256, 32, CUDA, 10)
    network = DistributedDataParallel(_network(32, CUDA), broadcast_buffers=False)
    recipe = replace(proxy(), epochs=2, batch_size=64)
    training = Training(network, images, images, recipe, seed=0, world=World(rank, count))
    losses = [epoch.loss for epoch in training.epochs()]
    Path(folder, f"{rank}.json").write_text(json.dumps(losses))
    distributed.destroy_process_group()


def cause_of_a_device_error() -> str:
    """A device assert ends the candidate with its cause, in a process of its own."""
    code = "from benchmarks.gpu_check.checks import evaluate_one_that_asserts as run; run()"
    environment = {**os.environ, "CUDA_LAUNCH_BLOCKING": "0"}
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    lines = [line for line in ended.stdout.splitlines() if line.startswith("cause: ")]
    assert lines, ended.stdout[-1000:] + ended.stderr[-3000:]
    assert "assert" in lines[-1], lines[-1]
    return f"{lines[-1]} (exit {ended.returncode})"


def evaluate_one_that_asserts() -> None:
    """Evaluate a candidate whose operator reads beyond a table, and print its cause."""

    class Asserts(nn.Module):
        def __init__(self, block: Block) -> None:
            super().__init__()
            self.body = mbconv(block)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.body(x)
            if self.training:
                table = torch.zeros(3, device=x.device)
                y = y + table[torch.full((2,), 99, device=x.device)].sum()
            return y

    evaluator = Evaluator(_evaluation({"asserts": Asserts}), CUDA)
    backbone = small(32).backbone
    stages = (replace(backbone.stages[0], operator="asserts"), *backbone.stages[1:])
    candidate = Candidate(0, State.RUNNING, replace(backbone, stages=stages), seed=0)
    for report in evaluator.evaluate(candidate):
        if report.state is not State.RUNNING:
            print(f"cause: {report.cause}: {report.detail}", flush=True)


# Networks and images.


def timed_network(architecture: Architecture, image_size: int, batch_size: int) -> TimedNetwork:
    """Return a network with a batch of noise on the GPU, and the step of a search."""
    network = to_channels_last(Network(architecture, 10, 3, 0.0, 1.0), CUDA)
    images = torch.randn(batch_size, 3, image_size, image_size, device=CUDA)
    labels = torch.arange(batch_size, device=CUDA) % 10
    images = images.contiguous(memory_format=torch.channels_last)
    return TimedNetwork(network, images, labels, partial(step_without_learning, proxy()))


def _network(image_size: int, device: torch.device) -> nn.Module:
    torch.manual_seed(0)
    return to_channels_last(Network(small(image_size).backbone, 10, 3, 0.0, 1.0), device)
