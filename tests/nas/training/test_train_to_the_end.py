"""Options of a training: any network, changing image sizes, micro-batches, patience."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from nas.training.ema import EMA
from nas.training.loop import Training, total_steps
from nas.training.progressive import Resizing
from nas.training.recipes import Recipe, proxy
from nas.training.step import training_step
from nas.training.validation import Validated, accuracy
from scaling.regularization import Progressive
from search_space.network import Network
from search_space.spaces import small
from tests.nas.training.networks import blobs, resnet, watch, without_norm

pytestmark = pytest.mark.usefixtures("_one_thread")

RANGES = Progressive((8, 16), (0.0, 0.0), (0.0, 0.4), (0.1, 0.4))


def _progressive(epochs: int = 4, **changes: object) -> Recipe:
    resizing = replace(Resizing(RANGES), **changes)  # type: ignore[arg-type]
    return replace(proxy(epochs, batch_size=16), resizing=resizing)


@pytest.mark.parametrize("is_random", [False, True])
def test_a_resnet_learns_at_changing_sizes(is_random: bool) -> None:
    recipe = _progressive(12, is_random=is_random, epochs_a_size=2)
    training = Training(resnet(dropout=0.2), blobs(), blobs(40, seed=1), recipe, seed=0)
    epochs = list(training.epochs())
    assert {epoch.image_size for epoch in epochs} > {16}
    assert epochs[-1].image_size == 16
    assert epochs[-1].accuracy > 0.9
    assert training.best_accuracy == max(epoch.accuracy for epoch in epochs)


def test_images_come_at_the_stages_size_and_dropout_follows() -> None:
    network = resnet()
    batches = watch(network)
    dropout = next(m for m in network.modules() if isinstance(m, nn.Dropout))
    training = Training(network, blobs(), blobs(8), _progressive(4), seed=0)
    rates = [dropout.p for _ in training.epochs()]
    assert rates == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert [batch.shape[-1] for batch in batches[::4]] == [8, 11, 13, 16]
    assert all(b.is_contiguous(memory_format=torch.channels_last) for b in batches)


def test_our_own_network_takes_every_size_and_keeps_its_stochastic_depth() -> None:
    torch.manual_seed(0)
    network = Network(small(16).backbone, classes=4, survival=0.7, norm_momentum=0.1)
    before = [m.survival for m in network.modules() if hasattr(m, "survival")]
    list(Training(network, blobs(), blobs(8), _progressive(2, stages=2), seed=0).epochs())
    assert [m.survival for m in network.modules() if hasattr(m, "survival")] == before


def test_a_network_is_left_as_built_without_resizing() -> None:
    network = resnet(dropout=0.35)
    list(Training(network, blobs(), blobs(8), proxy(1, 16), seed=0).epochs())
    assert [m.p for m in network.modules() if isinstance(m, nn.Dropout)] == [0.35]


def test_larger_batches_where_images_are_small() -> None:
    network = resnet()
    batches = watch(network)
    recipe = _progressive(4, stages=2, batch_growth=4.0)
    images = blobs(128)
    epochs = list(Training(network, images, blobs(8), recipe, seed=0).epochs())
    assert [len(batch) for batch in batches] == [64] * 4 + [16] * 16
    assert [epoch.images for epoch in epochs] == [128] * 4
    assert total_steps(images, recipe) == 20


def test_averages_warm_up_again_with_each_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batch statistics depend on the image size, and the first validation of a size must hold."""
    updates: list[int] = []
    monkeypatch.setattr(EMA, "update", lambda self, count: updates.append(count))
    recipe = replace(_progressive(4, stages=2), batch_size=16)
    list(Training(resnet(), blobs(32), blobs(8), recipe, seed=0).epochs())
    assert updates == [0, 1, 2, 3, 0, 1, 2, 3]


def test_parts_of_a_batch_add_up_to_all_of_it() -> None:
    images, labels = blobs(10).batch(slice(0, 10))
    recipe = replace(proxy(), optimizer="rmsprop", learning_rate=0.1)
    results = []
    for micro_batch in (None, 10, 4, 1):  # 4, 4 and 2
        network = without_norm()
        step = training_step(network, replace(recipe, micro_batch=micro_batch))
        losses = [float(step(images, labels)) for _ in range(3)]
        results.append((losses, torch.cat([p.detach().flatten() for p in network.parameters()])))
    for losses, weights in results[1:]:
        assert losses == pytest.approx(results[0][0], rel=1e-5)
        assert torch.allclose(weights, results[0][1], atol=1e-5)


def test_parts_of_a_batch_are_all_that_the_network_sees_at_once() -> None:
    network = without_norm()
    batches = watch(network)
    training_step(network, replace(proxy(), micro_batch=4))(*blobs(10).batch(slice(0, 10)))
    assert [len(batch) for batch in batches] == [4, 4, 2]


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A list of the accuracies that the epochs will reach, one after the other."""
    values: list[float] = []
    monkeypatch.setattr(
        "nas.training.loop.validate", lambda *args, **kwargs: Validated(values.pop(0))
    )
    return values


def test_training_ends_when_accuracy_no_longer_rises(reached: list[float]) -> None:
    reached += [0.3, 0.5, 0.4, 0.6, 0.6, 0.5, 0.55, 0.9, 0.9]
    recipe = replace(proxy(9, 32), patience=3)
    training = Training(without_norm(), blobs(), blobs(8), recipe, seed=0)
    assert [epoch.accuracy for epoch in training.epochs()] == [0.3, 0.5, 0.4, 0.6, 0.6, 0.5, 0.55]
    assert training.best_accuracy == 0.6


def test_a_new_size_gets_all_of_the_patience(reached: list[float]) -> None:
    """Accuracy at full size may fall when the size changes."""
    reached += [0.5, 0.4, 0.4, 0.3, 0.2, 0.2, 0.9]
    recipe = replace(_progressive(12, stages=4), patience=3)
    training = Training(without_norm(), blobs(), blobs(8), recipe, seed=0)
    epochs = training.epochs()
    assert [next(epochs).accuracy for _ in range(6)] == [0.5, 0.4, 0.4, 0.3, 0.2, 0.2]
    assert next(epochs).accuracy == 0.9


def test_targets_of_several_classes_are_trained_on_and_any_of_them_is_right() -> None:
    images = blobs(64)
    both = torch.stack([images.labels, images.labels], 1)
    both[::2, 1] = -1
    several = replace(images, labels=both)
    network = resnet()
    *_, last = Training(network, several, several, proxy(8, 16), seed=0).epochs()
    assert last.accuracy > 0.9
    wrong = torch.stack([(images.labels + 1) % 4, images.labels], 1)
    network.eval()
    assert accuracy(network, replace(images, labels=wrong)) == accuracy(network, images)
    assert accuracy(network, replace(images, labels=wrong[:, 0])) < 0.2


def test_steps_are_heard_of() -> None:
    heard: list[tuple[int, int]] = []
    training = Training(
        without_norm(),
        blobs(70),
        blobs(8),
        proxy(2, 32),
        seed=0,
        on_step=lambda step, count: heard.append((step, count)),
    )
    epochs = list(training.epochs())
    assert heard == [(1, 2), (2, 2)] * 2
    assert [epoch.images for epoch in epochs] == [64, 64]
    assert all(e.images_per_s == e.images / e.training_s for e in epochs)


def test_an_epoch_says_the_rate_that_it_ended_with() -> None:
    recipe = replace(proxy(2, 32), warmup=0.0, decays=2.0, learning_rate=0.5)
    epochs = list(Training(without_norm(), blobs(), blobs(8), recipe, seed=0).epochs())
    assert [epoch.learning_rate for epoch in epochs] == [0.5, pytest.approx(0.5 * 0.97)]


def test_mixed_targets_reach_the_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Tensor] = []
    true_loss = nn.functional.cross_entropy

    def spy(logits: Tensor, labels: Tensor, label_smoothing: float) -> Tensor:
        seen.append(labels)
        return true_loss(logits, labels, label_smoothing=label_smoothing)

    monkeypatch.setattr("torch.nn.functional.cross_entropy", spy)
    recipe = replace(proxy(1, 32), mixup_alpha=0.4)
    list(Training(without_norm(), blobs(), blobs(8), recipe, seed=0).epochs())
    assert [labels.shape for labels in seen] == [(32, 4), (32, 4)]
    assert bool((seen[0].max(1).values < 1).any())
