"""The training loop: it learns, is deterministic, and ends early when it has to."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from nas.data.images import Images, images_on_device
from nas.data.load import load_search_data
from nas.errors import Diverged
from nas.training.augmentation import random_crop
from nas.training.distributed import set_seed
from nas.training.ema import EMA, BatchStatistics
from nas.training.loop import Epoch, Training, total_steps
from nas.training.optimizers import warmup_cosine
from nas.training.recipes import Recipe, proxy
from nas.training.validation import Portion, accuracy
from reward.step_time.measurement import TimeLimitExceeded

CHANCE = 0.1
pytestmark = pytest.mark.usefixtures("_one_thread")


@pytest.fixture(scope="module")
def digits() -> tuple[Images, Images]:
    """Return the training set and the minival."""
    return images_on_device(load_search_data("digits"), torch.device("cpu"))


def train(
    network: nn.Module,
    training: Images,
    validation: Images,
    recipe: Recipe,
    seed: int,
    deadline: float = math.inf,
) -> Iterator[Epoch]:
    """Train the network in place, and yield each epoch."""
    return Training(network, training, validation, recipe, seed, deadline).epochs()


def _tiny(momentum: float = 0.05, dropout: float = 0.0) -> nn.Sequential:
    """Return a network of two convolutions, always with the same weights."""
    torch.manual_seed(0)
    return nn.Sequential(
        *(nn.Conv2d(1, 16, 3, 1, 1), nn.BatchNorm2d(16, momentum=momentum), nn.SiLU()),
        *(nn.Conv2d(16, 32, 3, 2, 1), nn.BatchNorm2d(32, momentum=momentum), nn.SiLU()),
        *(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Dropout(dropout), nn.Linear(128, 10)),
    )


def _watched(network: nn.Module) -> tuple[nn.Module, list[Tensor]]:
    """Return the network, and a list that will hold the batches it is trained on."""
    batches: list[Tensor] = []

    def note(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if module.training:  # not the EMA, a copy with the same hook
            batches.append(inputs[0].clone())

    network.register_forward_pre_hook(note)
    return network, batches


def _first(images: Images, count: int) -> Images:
    return replace(images, pixels=images.pixels[:count], labels=images.labels[:count])


def _run(digits: tuple[Images, Images], seed: int = 0, recipe: Recipe | None = None) -> list[Epoch]:
    recipe = recipe or proxy(epochs=2, batch_size=64)
    training = _first(digits[0], 300)
    return list(train(_tiny(dropout=0.2), training, digits[1], recipe, seed))


def test_a_tiny_network_learns_the_digits_in_ten_epochs(digits: tuple[Images, Images]) -> None:
    epochs = list(train(_tiny(), *digits, proxy(epochs=10, batch_size=64), seed=0))
    assert [epoch.number for epoch in epochs] == list(range(1, 11))
    assert epochs[-1].accuracy > 0.8
    assert epochs[-1].loss < epochs[0].loss


def test_the_first_epochs_are_validated_with_warm_averages(digits: tuple[Images, Images]) -> None:
    """With constant momenta the averages hold the initial weights: chance after an epoch."""
    first, _, third = train(_tiny(), *digits, proxy(epochs=3, batch_size=64), seed=0)
    assert first.accuracy > 3 * CHANCE
    assert third.accuracy > 6 * CHANCE


def test_patience_keeps_no_network_of_the_first_epochs(digits: tuple[Images, Images]) -> None:
    """Cold averages looked best after the first epoch, and training stopped there."""
    recipe = replace(proxy(epochs=30, batch_size=64), patience=5)
    epochs = list(train(_tiny(), *digits, recipe, seed=0))
    best = max(epochs, key=lambda epoch: epoch.accuracy)
    assert best.number > 5
    assert best.accuracy > 0.8


def test_a_seed_decides_everything(digits: tuple[Images, Images]) -> None:
    first = _run(digits, seed=3)
    torch.manual_seed(12345)
    assert _run(digits, seed=3) == first


def test_the_proxy_is_these_lines_to_the_last_bit(digits: tuple[Images, Images]) -> None:
    """As long as this holds, results in the records of earlier searches stay comparable."""
    training, network, losses = _first(digits[0], 200), _tiny(), []
    recipe = proxy(epochs=2, batch_size=64)
    statistics = BatchStatistics(network)
    ema = EMA(network, sources=statistics.averages)
    statistics.begin(0)
    kernels = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    groups = [{"params": kernels, "weight_decay": 0.02}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=8e-3, fused=True)
    generator = torch.Generator().manual_seed(4)
    for epoch in range(2):
        set_seed(4, epoch, rank=0)
        order, total = torch.randperm(200, generator=generator), torch.zeros(())
        for i in range(3):
            images, labels = training.batch(order[64 * i : 64 * i + 64])
            images = random_crop(images, 1)
            progress = (3 * epoch + i + 0.5) / 6
            for group in optimizer.param_groups:
                group["lr"] = 8e-3 * warmup_cosine(progress, 0.15)
            logits = network(images.contiguous(memory_format=torch.channels_last))
            loss = nn.functional.cross_entropy(logits, labels, label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            statistics.update()
            ema.update(3 * epoch + i)
            total += loss.detach()
        losses.append(float(total) / 3)
    actual = Training(_tiny(), training, digits[1], recipe, seed=4)
    assert [epoch.loss for epoch in actual.epochs()] == losses
    pairs = zip(actual.ema.parameters(), ema.network.parameters(), strict=True)
    assert all(torch.equal(mine, plain) for mine, plain in pairs)


def test_seeds_differ(digits: tuple[Images, Images]) -> None:
    losses = {_run(digits, seed=seed)[-1].loss for seed in range(3)}
    assert len(losses) == 3


def test_validation_does_not_change_training(digits: tuple[Images, Images]) -> None:
    other = (digits[0], _first(digits[1], 7))
    assert [e.loss for e in _run(other)] == [e.loss for e in _run(digits)]


@pytest.mark.parametrize(
    ("images", "batch_size", "steps"), [(300, 64, 8), (256, 64, 8), (300, 301, 2), (300, 300, 2)]
)
def test_a_last_batch_that_is_not_full_is_left_out(
    digits: tuple[Images, Images], images: int, batch_size: int, steps: int
) -> None:
    training, recipe = _first(digits[0], images), proxy(epochs=2, batch_size=batch_size)
    network, batches = _watched(_tiny())
    list(train(network, training, digits[1], recipe, seed=0))
    assert [len(batch) for batch in batches] == [min(batch_size, images)] * steps
    assert total_steps(training, recipe) == steps


def test_an_epoch_shows_no_image_twice_and_epochs_differ(digits: tuple[Images, Images]) -> None:
    training = _first(digits[0], 64)
    network, batches = _watched(_tiny())
    recipe = replace(proxy(epochs=2, batch_size=16), crop_padding=0.0)
    list(train(network, training, digits[1], recipe, seed=0))
    originals = training.batch(slice(0, 64))[0].flatten(1)
    shown = [torch.cat(part).flatten(1) for part in (batches[:4], batches[4:])]
    orders = [torch.cdist(images, originals).argmin(1).tolist() for images in shown]
    assert [sorted(order) for order in orders] == [list(range(64))] * 2
    assert orders[0] != orders[1]
    assert orders[0] != sorted(orders[0])


def test_the_learning_rate_warms_up_and_ends_near_zero(
    digits: tuple[Images, Images], monkeypatch: pytest.MonkeyPatch
) -> None:
    progress: list[float] = []

    def spy(share: float, warmup: float, decays: float | None) -> float:
        progress.append(share)
        return 0.0

    monkeypatch.setattr("nas.training.loop.learning_rate_factor", spy)
    network = _tiny()
    before = [p.detach().clone() for p in network.parameters()]
    list(train(network, _first(digits[0], 128), digits[1], proxy(2, 64), seed=0))
    assert progress == [0.125, 0.375, 0.625, 0.875]
    after = list(network.parameters())
    assert all(torch.equal(p, q) for p, q in zip(before, after, strict=True))  # the rate was 0


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_no_number_ends_training(
    digits: tuple[Images, Images], value: float
) -> None:
    network = _tiny()
    linear = network[-1]
    assert isinstance(linear, nn.Linear)
    with torch.no_grad():
        linear.bias[0] = value
    with pytest.raises(Diverged, match=r"loss nan in epoch 1"):
        list(train(network, _first(digits[0], 128), digits[1], proxy(2, 64), seed=0))


def test_a_loss_that_is_no_number_does_not_wait_for_the_epochs_end(
    digits: tuple[Images, Images],
) -> None:
    network, batches = _watched(_tiny())
    with torch.no_grad():
        next(network.parameters())[0] = math.nan
    with pytest.raises(Diverged, match=r"loss nan in epoch 1"):
        list(train(network, _first(digits[0], 256), digits[1], proxy(2, 2), seed=0))
    assert len(batches) == 64  # of 128


def test_the_deadline_ends_training(digits: tuple[Images, Images]) -> None:
    network, batches = _watched(_tiny())
    with pytest.raises(TimeLimitExceeded):
        list(train(network, *digits, proxy(), seed=0, deadline=time.monotonic() - 1))
    assert batches == []


def test_the_deadline_ends_an_epoch_underway(
    digits: tuple[Images, Images], monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = iter(range(100))
    monkeypatch.setattr("nas.training.loop.time.monotonic", lambda: float(next(ticks)))
    epochs = train(_tiny(), _first(digits[0], 256), digits[1], proxy(2, 64), seed=0, deadline=5)
    assert next(epochs).number == 1  # four steps
    with pytest.raises(TimeLimitExceeded):
        next(epochs)
    assert next(ticks) == 7


def test_accuracy_is_the_share_of_right_answers() -> None:
    class Brightness(nn.Module):
        """Predicts class 1 for images that are brighter than the mean."""

        def forward(self, x: Tensor) -> Tensor:
            return torch.stack([torch.zeros(len(x)), x.mean((1, 2, 3))], 1)

    pixels = torch.tensor([0, 0, 200, 200, 200], dtype=torch.uint8).view(-1, 1, 1, 1)
    one = torch.ones(1, 1, 1, 1)
    images = Images(pixels.expand(-1, 1, 4, 4), torch.tensor([0, 1, 1, 1, 0]), 100 * one, one)
    network = Brightness().train()
    assert accuracy(network, images) == accuracy(network, images, Portion(2)) == 0.6
    assert not network.training


@pytest.mark.parametrize(("size", "at_once"), [(8, 256), (32, 256), (48, 113), (64, 64), (224, 64)])
def test_a_cpu_validates_fewer_of_larger_images_at_once(size: int, at_once: int) -> None:
    one = torch.ones(1, 1, 1, 1)
    pixels = torch.zeros(300, 1, size, size, dtype=torch.uint8)
    images = Images(pixels, torch.zeros(300, dtype=torch.int64), one, one)
    seen: list[int] = []

    class Counts(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            seen.append(len(x))
            return torch.zeros(len(x), 2)

    assert accuracy(Counts(), images) == 1.0
    assert max(seen) == at_once
    assert sum(seen) == 300
