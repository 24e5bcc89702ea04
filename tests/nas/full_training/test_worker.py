"""A training in one process: its files, resuming it, and its one-line errors."""

from __future__ import annotations

import csv
import math
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor

from nas.data.images import images_on_device
from nas.data.streaming import EncodedSplit
from nas.errors import UserError
from nas.full_training.checkpoint import read_network, training_state
from nas.full_training.fitting import fitting_micro_batch
from nas.full_training.prepare import TrainRequest, prepare
from nas.full_training.progress import Begun, EpochEnded, EpochPassed, Event, Saved
from nas.full_training.settings import Job
from nas.full_training.worker import run_worker
from nas.training.distributed import World
from nas.training.recipes import epoch_stages
from nas.training.validation import accuracy
from search_space.network import Network
from tests.nas.data.pictures import class_folders
from tests.nas.full_disk import files_of_at_most
from tests.nas.full_training.conftest import MakeJob

CPU = torch.device("cpu")
pytestmark = pytest.mark.usefixtures("_one_thread")


class Stopped(Exception):
    """Raised by a listener to stop a training."""


def _run(job: Job, until: int | None = None) -> list[Event]:
    """Train, until the end or the epoch ``until``, and return the events."""
    events: list[Event] = []

    def listen(event: Event) -> None:
        if isinstance(event, Saved):
            job.directory.save(event)
            return
        events.append(event)
        if isinstance(event, EpochPassed) and event.number == until:
            raise Stopped
        if isinstance(event, EpochEnded) and event.row.epoch == until:
            raise Stopped

    last = job.directory.read_last()
    if until is None:
        run_worker(job, last, World(), CPU, listen)
    else:
        with pytest.raises(Stopped):
            run_worker(job, last, World(), CPU, listen)
    return events


def _resumed(job: Job) -> Job:
    return prepare(TrainRequest(resume=job.directory.path))


def _ended(events: list[Event]) -> list[EpochEnded]:
    return [event for event in events if isinstance(event, EpochEnded)]


def test_a_training_leaves_its_best_and_its_last_network_and_its_curve(make_job: MakeJob) -> None:
    job = make_job()
    events = _run(job)
    rows = [event.row for event in _ended(events)]
    assert isinstance(events[0], Begun)
    assert events[0].rows == ()
    assert [row.epoch for row in rows] == [1, 2, 3]
    best = max(rows, key=lambda row: row.accuracy)
    assert [event.row for event in _ended(events) if event.is_best][-1] == best

    kept = read_network(job.directory.path)
    assert (kept.epoch, kept.accuracy) == (best.epoch, best.accuracy)
    _, minival = images_on_device(job.data, CPU)
    assert accuracy(kept.build(), minival) == best.accuracy
    assert (kept.class_names, kept.minival_split) == (("0", "1", "2", "3"), "")
    assert read_network(job.directory.last).epoch == 3

    with (job.directory.path / "curve.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [float(line["loss"]) for line in lines] == [row.loss for row in rows]
    assert [float(line["accuracy"]) for line in lines] == [row.accuracy for row in rows]


@pytest.mark.parametrize(
    "options",
    [{}, {"progressive": True, "epochs": 5, "image_size": 16}, {"micro_batch": 4}],
)
def test_resumed_it_comes_to_the_same_to_the_last_bit(
    make_job: MakeJob, options: dict[str, object]
) -> None:
    whole, torn = make_job("whole", **options), make_job("torn", **options)
    expected = _ended(_run(whole))
    first = _ended(_run(torn, until=2))
    again = _run(_resumed(torn))
    assert isinstance(again[0], Begun)
    assert [row.epoch for row in again[0].rows] == [1, 2]
    for a, b in zip([*first, *_ended(again)], expected, strict=True):
        assert (a.row.loss, a.row.accuracy, a.is_best) == (b.row.loss, b.row.accuracy, b.is_best)
    for name in ("best.pt", "last.pt"):
        ours, theirs = (read_network(job.directory.path / name) for job in (torn, whole))
        assert ours.epoch == theirs.epoch
        for key, weight in theirs.weights.items():
            assert torch.equal(ours.weights[key], weight), key


def test_a_batch_may_be_trained_on_in_parts(make_job: MakeJob) -> None:
    """The steps and their images are those of whole batches; validation is in parts as well."""
    sizes: list[int] = []
    validated: list[int] = []
    job = make_job("parts", micro_batch=4, epochs=1)
    with pytest.MonkeyPatch.context() as patch:
        forward = Network.forward

        def seen(network: Network, images: Tensor) -> Tensor:
            (sizes if network.training else validated).append(len(images))
            return forward(network, images)

        patch.setattr(Network, "forward", seen)
        _run(job)
    steps = len(job.data.training) // 16
    assert sizes == [4] * (4 * steps)
    assert validated == [4] * (len(job.data.minival) // 4)


@pytest.mark.gpu
def test_on_a_gpu_the_batch_is_parted_until_it_fits(make_job: MakeJob) -> None:
    job, device = make_job("fits"), torch.device("cuda")
    images, _ = images_on_device(job.data, device)
    network = partial(Network, job.settings.file.architecture, 4, 1)
    stages = epoch_stages(job.recipe, len(images), images.size, 0)
    tried = partial(fitting_micro_batch, lambda: network().to(device), images, job.recipe)
    assert tried(stages, World()) is None
    share_of = getattr(torch.cuda, "get_per_process_memory_fraction", lambda: 1.0)
    share = share_of()
    free, bytes_of_one = share * torch.cuda.mem_get_info()[0], 4 * 64**2
    count = int(free / bytes_of_one / 5)  # room for the images, but not for what training keeps
    found = tried([replace(stages[0], batch_size=count, image_size=64)], World())
    assert found is not None
    assert 2 <= found < count


def test_a_finished_training_is_left_as_it_is(make_job: MakeJob) -> None:
    job = make_job()
    _run(job)
    before = job.directory.last.read_bytes()
    events = _run(_resumed(job))
    assert [type(event) for event in events] == [Begun]
    assert job.directory.last.read_bytes() == before


def test_one_that_diverges_keeps_the_epoch_before(make_job: MakeJob) -> None:
    job = make_job()
    _run(job, until=1)
    before = job.directory.last.read_bytes()
    job = _resumed(job)
    broken = replace(job, recipe=replace(job.recipe, learning_rate=1e30))
    with pytest.raises(
        UserError, match=r"diverged: loss (nan|inf) in epoch [23]; .* --batch-size"
    ) as e:
        _run(broken)
    assert e.value.exit_code == 1
    assert "\n" not in str(e.value)
    assert read_network(job.directory.last).epoch == 1
    assert job.directory.last.read_bytes() == before


def test_a_full_disk_is_one_line_and_keeps_the_checkpoint_before(make_job: MakeJob) -> None:
    job = make_job()
    _run(job, until=1)
    before = job.directory.last.read_bytes()
    with (
        files_of_at_most(len(before) // 2),
        pytest.raises(UserError, match=r"cannot be written \(File too large\); .* --resume") as e,
    ):
        _run(_resumed(job))
    assert "\n" not in str(e.value)
    assert job.directory.last.read_bytes() == before
    assert not list(job.directory.path.glob(".*"))
    assert [event.row.epoch for event in _ended(_run(_resumed(job)))] == [2, 3]


def test_patience_ends_a_training_that_gets_no_better(make_job: MakeJob) -> None:
    job = make_job(patience=2, epochs=40)
    job = replace(job, recipe=replace(job.recipe, learning_rate=0.0))
    events = _ended(_run(job))
    best = [event.row.epoch for event in events if event.is_best][-1]
    assert len(events) == best + 2


def test_too_little_memory_is_one_line(make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")

    monkeypatch.setattr("nas.full_training.worker.images_on_device", full)
    with pytest.raises(UserError, match="--batch-size: got 16, must be smaller"):
        _run(make_job())


def test_a_torn_last_checkpoint_is_one_line(make_job: MakeJob) -> None:
    job = make_job()
    _run(job, until=1)
    job.directory.last.write_bytes(job.directory.last.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"--resume: .*last\.pt: truncated, or not a checkpoint"):
        _run(_resumed(job))


def test_pretrained_weights_are_what_training_begins_with(
    make_job: MakeJob, tmp_path: Path
) -> None:
    first = make_job("first")
    _run(first)
    job = make_job("second", pretrained=tmp_path / "first", preset="proxy", epochs=1)
    assert job.pretrained is not None
    job = replace(job, recipe=replace(job.recipe, learning_rate=0.0, weight_decay=0.0))
    _run(job)
    trained, copied = (read_network(j.directory.path).weights for j in (first, job))
    for key in ("stem.0.weight", "classifier.weight"):  # a learning rate of 0 does not change them
        assert torch.allclose(copied[key], trained[key], atol=1e-7)


def test_streamed_images_train_as_cached_ones_do_and_either_may_go_on(
    make_job: MakeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAS_CACHE_DIR", str(tmp_path / "cache"))
    data = str(class_folders(tmp_path / "pets", ("a", "b", "c", "d"), 20))
    jobs = [make_job(str(way), data=data, stream=way, image_size=8) for way in (False, True)]
    cached, streamed = (_ended(_run(job)) for job in jobs)
    assert [event.row.loss for event in streamed] == [event.row.loss for event in cached]
    ours, theirs = (read_network(job.directory.last) for job in jobs)
    for key, weight in theirs.weights.items():
        assert torch.equal(ours.weights[key], weight), key
    torn = make_job("torn", data=data, stream=True, image_size=8)
    _run(torn, until=1)
    again = prepare(TrainRequest(resume=torn.directory.path))
    assert again.settings.stream
    assert isinstance(again.data.training, EncodedSplit)
    kept = prepare(TrainRequest(resume=torn.directory.path, stream=False))
    assert not isinstance(kept.data.training, EncodedSplit)
    assert not torn.directory.read_settings().stream
    assert [event.row.loss for event in _ended(_run(kept))] == [e.row.loss for e in cached[1:]]


@pytest.mark.parametrize("until", [3, 4])
def test_torn_between_two_validations_it_comes_to_the_same(
    make_job: MakeJob, until: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nas.full_training.worker.CHECKPOINT_SHARE", math.inf)  # always due
    options = {"epochs": 8, "validate_every": 5}
    whole, torn = make_job("whole", **options), make_job("torn", **options)
    expected = _ended(_run(whole))
    assert [event.row.epoch for event in expected] == [1, 5, 8]
    first = _ended(_run(torn, until=until))
    last = read_network(torn.directory.last)
    assert (last.epoch, last.accuracy) == (1, expected[0].row.accuracy)  # of the last validation
    again = _run(_resumed(torn))
    assert isinstance(again[0], Begun)
    assert again[0].epochs_done == until
    for a, b in zip([*first, *_ended(again)], expected, strict=True):
        assert (a.row.loss, a.row.accuracy, a.is_best) == (b.row.loss, b.row.accuracy, b.is_best)
    for name in ("best.pt", "last.pt"):
        ours, theirs = (read_network(job.directory.path / name) for job in (torn, whole))
        assert (ours.epoch, ours.accuracy) == (theirs.epoch, theirs.accuracy)
        for key, weight in theirs.weights.items():
            assert torch.equal(ours.weights[key], weight), key
    _, minival = images_on_device(torn.data, CPU)
    kept = read_network(torn.directory.path)
    assert accuracy(kept.build(), minival) == kept.accuracy


def test_between_validations_checkpoints_take_their_share_of_the_time(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(epochs=6, validate_every=6)
    monkeypatch.setattr("nas.full_training.worker.CHECKPOINT_SHARE", 1e-9)
    with pytest.raises(Stopped):
        _raise_at(job, 5)
    assert _resumed_after(job) == 1
    monkeypatch.setattr("nas.full_training.worker.CHECKPOINT_SHARE", math.inf)
    with pytest.raises(Stopped):
        _raise_at(_resumed(job), 4)
    assert _resumed_after(job) == 4


def _raise_at(job: Job, epoch: int) -> None:
    def listen(event: Event) -> None:
        if isinstance(event, Saved):
            job.directory.save(event)
        if isinstance(event, EpochPassed) and event.number == epoch:
            raise Stopped

    run_worker(job, job.directory.read_last(), World(), CPU, listen)


def _resumed_after(job: Job) -> int:
    content = job.directory.read_last()
    assert content is not None
    done: int = training_state(content, job.directory.last)["loop"]["epochs_done"]
    return done
