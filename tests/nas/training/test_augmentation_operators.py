"""Augmentation takes few operators, whatever the batch, and none that waits for a GPU."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from nas.training.augmentation import augmented
from nas.training.progressive import Resizing
from nas.training.recipes import PRESETS, Recipe, TrainingStage, epoch_stages, imagenet, proxy
from scaling.regularization import Progressive
from tests.nas.training.networks import blobs

# Operators that read a value of a tensor, or whose result's shape depends on values: all of them
# wait for a GPU.
WAITING = ("_local_scalar_dense", "nonzero", "masked_select", "equal", "bincount", "unique")
BEFORE = 1876  # operators of a batch of `imagenet`, with RandAugment for each sixteenth of it
PROGRESSIVE = replace(
    imagenet(64),
    epochs=4,
    resizing=Resizing(Progressive((8, 16), (5.0, 25.0), (0.0, 0.5), (0.1, 0.4))),
)
RECIPES = {
    **{name: preset(64, None, None) for name, preset in PRESETS.items()},
    "progressive": PROGRESSIVE,
    "everything": replace(
        proxy(), flip=True, cutout=0.5, randaugment_magnitude=9.0, mixup_alpha=0.2
    ),
}


class Operators(TorchDispatchMode):
    """Counts operators that compute, and refuses those that would wait for a GPU."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = 0

    def __torch_dispatch__(
        self,
        func: Any,
        types: tuple[type, ...],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        name = func.overloadpacket.__name__
        assert name not in WAITING, name
        if name in {"index", "index_put", "index_put_"}:
            assert not any(i is not None and i.dtype == torch.bool for i in args[1]), "a mask"
        self.count += int(not func.is_view)
        return func(*args, **(kwargs or {}))


def _stages(recipe: Recipe) -> list[TrainingStage]:
    return list(dict.fromkeys(epoch_stages(recipe, 64, 16, seed=0)))


def _count(recipe: Recipe, stage: TrainingStage, n: int) -> int:
    training, operators = blobs(n), Operators()
    with operators:
        augmented(training.pixels, training.labels, training, recipe, stage)
    return operators.count


@pytest.mark.parametrize("name", RECIPES)
def test_no_operator_waits_for_a_gpu(name: str) -> None:
    for stage in _stages(RECIPES[name]):
        _count(RECIPES[name], stage, 64)


@pytest.mark.parametrize("name", RECIPES)
def test_operators_are_as_many_for_any_batch(name: str) -> None:
    recipe = RECIPES[name]
    stage = _stages(recipe)[-1]
    _count(recipe, stage, 2)  # prepares RandAugment's operations
    assert len({_count(recipe, stage, n) for n in (1, 7, 64, 300)}) == 1


def test_there_are_less_than_a_tenth_of_the_operators_of_before() -> None:
    recipe = imagenet(64)
    (stage,) = _stages(recipe)
    _count(recipe, stage, 2)
    assert _count(recipe, stage, 64) < BEFORE / 10
    assert _count(proxy(), _stages(proxy())[0], 64) < 20


@pytest.mark.parametrize(
    "wait",
    [
        lambda t: t.sum().item(),
        lambda t: t[t > 1],
        lambda t: t.nonzero(),
        lambda t: t.int().bincount(),
    ],
)
def test_the_count_would_see_what_waits(wait: Callable[[torch.Tensor], Any]) -> None:
    with pytest.raises(AssertionError), Operators():
        wait(torch.arange(3.0))
