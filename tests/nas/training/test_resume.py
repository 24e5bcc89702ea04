"""A training that is interrupted and resumed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from nas.training.loop import Epoch, Training
from nas.training.progressive import Resizing
from nas.training.recipes import Recipe, proxy
from scaling.regularization import Progressive
from tests.nas.training.networks import blobs, resnet

pytestmark = pytest.mark.usefixtures("_one_thread")

RANGES = Progressive((8, 16), (2.0, 5.0), (0.1, 0.4), (0.1, 0.5))
PLAIN = proxy(epochs=6, batch_size=16)
EVERYTHING = replace(
    PLAIN,
    optimizer="rmsprop",
    learning_rate=0.01,
    flip=True,
    cutout=0.25,
    crop_area=0.5,
    resizing=Resizing(RANGES, stages=3, batch_growth=2.0),
)
RANDOM = replace(
    PLAIN,
    resizing=Resizing(
        replace(RANGES, randaugment_magnitude=(0.0, 0.0)),
        stages=3,
        adaptive=False,
        is_random=True,
        epochs_a_size=1,
    ),
)


def _training(recipe: Recipe, seed: int = 5) -> Training:
    return Training(resnet(dropout=0.3), blobs(), blobs(32, seed=1), recipe, seed)


def _weights(training: Training) -> list[Tensor]:
    return [
        *training.network.state_dict().values(),
        *training.ema.state_dict().values(),
    ]


@pytest.mark.parametrize("recipe", [PLAIN, EVERYTHING, RANDOM], ids=["plain", "all", "random"])
@pytest.mark.parametrize("after", [1, 3])
def test_what_follows_is_the_same_to_the_last_bit(
    recipe: Recipe, after: int, tmp_path: Path
) -> None:
    whole = _training(recipe)
    expected = list(whole.epochs())
    first = _training(recipe)
    epochs = first.epochs()
    begun = [next(epochs) for _ in range(after)]
    torch.save(first.state_dict(), tmp_path / "state.pt")
    torch.manual_seed(999)  # another process has generators in other states
    second = _training(recipe)
    second.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert begun + list(second.epochs()) == expected
    pairs = zip(_weights(second), _weights(whole), strict=True)
    assert all(torch.equal(own, other) for own, other in pairs)


def test_it_goes_on_in_the_right_stage() -> None:
    def sizes(epochs: list[Epoch]) -> list[tuple[int, int]]:
        return [(epoch.image_size, epoch.batch_size) for epoch in epochs]

    first = _training(EVERYTHING)
    epochs = first.epochs()
    begun = [next(epochs) for _ in range(3)]
    second = _training(EVERYTHING)
    second.load_state_dict(first.state_dict())
    assert sizes(begun) == [(8, 32), (8, 32), (12, 28)]
    assert sizes(list(second.epochs())) == [(12, 28), (16, 16), (16, 16)]


def test_a_finished_training_has_no_epochs_left() -> None:
    training = _training(proxy(epochs=1, batch_size=16))
    assert len(list(training.epochs())) == 1
    taken_up = _training(proxy(epochs=1, batch_size=16))
    taken_up.load_state_dict(training.state_dict())
    assert list(taken_up.epochs()) == []


def test_a_stalled_training_stays_stalled() -> None:
    recipe = replace(proxy(epochs=9, batch_size=16), learning_rate=0.0, patience=2)
    training = _training(recipe)
    count = len(list(training.epochs()))
    taken_up = _training(recipe)
    taken_up.load_state_dict(training.state_dict())
    assert count < 9
    assert list(taken_up.epochs()) == []
    assert taken_up.best_accuracy == training.best_accuracy


def _sparse(recipe: Recipe, on_epoch: Callable[[], None] = lambda: None) -> Training:
    images, minival = blobs(), blobs(32, seed=1)
    return Training(
        resnet(dropout=0.3), images, minival, recipe, 5, validate_every=3, on_epoch=on_epoch
    )


@pytest.mark.parametrize("recipe", [PLAIN, EVERYTHING], ids=["plain", "all"])
def test_epochs_that_are_not_validated_train_the_same(recipe: Recipe) -> None:
    recipe = replace(recipe, epochs=7)
    each, some = _training(recipe), _sparse(recipe)
    expected = {epoch.number: epoch for epoch in each.epochs()}
    found = {epoch.number: epoch for epoch in some.epochs()}
    assert list(found) == [1, 3, 6, 7]
    for number, epoch in found.items():
        assert epoch.accuracy == expected[number].accuracy
        assert epoch.image_size == expected[number].image_size
    parts = [expected[number] for number in (4, 5, 6)]
    steps = [part.images / part.batch_size for part in parts]
    losses = sum(part.loss * count for part, count in zip(parts, steps, strict=True))
    assert found[6].loss == pytest.approx(losses / sum(steps))
    assert found[6].images == sum(part.images for part in parts)
    pairs = zip(_weights(some), _weights(each), strict=True)
    assert all(torch.equal(own, other) for own, other in pairs)
    assert some.best_accuracy == max(epoch.accuracy for epoch in found.values())


def test_it_goes_on_between_two_validations(tmp_path: Path) -> None:
    whole = list(_sparse(replace(PLAIN, epochs=7)).epochs())

    class Torn(Exception):
        """Ends the training."""

    def tear() -> None:
        if first.epochs_done == 5:
            torch.save(first.state_dict(), tmp_path / "state.pt")
            raise Torn

    first = _sparse(replace(PLAIN, epochs=7), tear)
    begun: list[Epoch] = []
    with pytest.raises(Torn):
        begun.extend(first.epochs())
    second = _sparse(replace(PLAIN, epochs=7))
    second.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert begun + list(second.epochs()) == whole


def test_patience_counts_epochs_and_ends_at_a_validation() -> None:
    recipe = replace(proxy(epochs=20, batch_size=16), learning_rate=0.0, patience=4)
    numbers = [epoch.number for epoch in _sparse(recipe).epochs()]
    best = numbers[0]  # nothing changes but averages of batch statistics
    assert numbers[-1] % 3 == 0
    assert best + 4 <= numbers[-1] < 20
