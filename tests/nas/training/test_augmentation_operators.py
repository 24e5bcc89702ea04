"""Augmentation takes few operators, whatever the batch, and none that waits for a GPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from nas.training.augmentation import augmented
from nas.training.recipes import Recipe, TrainingStage, epoch_stages, imagenet, proxy
from tests.nas.training.augmented import Operators, recipes
from tests.nas.training.networks import blobs

# Operators that read a value of a tensor, or whose result's shape depends on values: all of them
# wait for a GPU.
WAITING = ("_local_scalar_dense", "nonzero", "masked_select", "equal", "bincount", "unique")
BEFORE = 1876  # operators of a batch of `imagenet`, with RandAugment for each sixteenth of it
RECIPES = recipes(64)


class NotWaiting(Operators):  # type: ignore[no-untyped-call]
    """Counts operators, and refuses those that would wait for a GPU."""

    def __torch_dispatch__(
        self,
        func: Any,
        types: tuple[type, ...],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Check an operator, run it, and count it."""
        name = func.overloadpacket.__name__
        assert name not in WAITING, name
        if name in {"index", "index_put", "index_put_"}:
            assert not any(i is not None and i.dtype == torch.bool for i in args[1]), "a mask"
        return super().__torch_dispatch__(func, types, args, kwargs)


def _stages(recipe: Recipe) -> list[TrainingStage]:
    return list(dict.fromkeys(epoch_stages(recipe, 64, 16, seed=0)))


def _count(recipe: Recipe, stage: TrainingStage, n: int) -> int:
    training, operators = blobs(n), NotWaiting()
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
    with pytest.raises(AssertionError), NotWaiting():
        wait(torch.arange(3.0))
