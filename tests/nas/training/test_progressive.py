"""Progressive learning's stages and random sizes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nas.training.progressive import Resizing, ranges_of
from nas.training.recipes import Recipe, count_steps, epoch_stages, imagenet, proxy, steps_in_stage
from scaling.regularization import Progressive

MEDIUM = Progressive((128, 380), (5.0, 20.0), (0.0, 0.2), (0.1, 0.4))  # EfficientNetV2-M, Table 6


def _recipe(epochs: int = 8, batch_size: int = 32, **changes: object) -> Recipe:
    resizing = replace(Resizing(MEDIUM), **changes)  # type: ignore[arg-type]
    return replace(proxy(epochs, batch_size), resizing=resizing)


def test_table_6_in_four_stages() -> None:
    """S_i = S_0 + (S_e - S_0) * i / (M - 1), and every regularizer likewise, for N / M epochs."""
    stages = epoch_stages(_recipe(epochs=8), images=320, image_size=480, seed=0)
    assert [stage.number for stage in stages] == [0, 0, 1, 1, 2, 2, 3, 3]
    first = stages[::2]
    assert [stage.image_size for stage in first] == [128, 212, 296, 380]
    assert [s.randaugment_magnitude for s in first] == pytest.approx([5, 10, 15, 20])
    assert [s.mixup_alpha for s in first] == pytest.approx([0, 0.2 / 3, 0.4 / 3, 0.2])
    assert [s.dropout for s in first] == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert {s.batch_size for s in stages} == {32}
    assert {s.learning_rate_scale for s in stages} == {1.0}
    assert count_steps(stages, 320) == 8 * 10


@pytest.mark.parametrize(("epochs", "counts"), [(10, [3, 2, 3, 2]), (350, [88, 87, 88, 87])])
def test_epochs_that_do_not_divide_are_shared_out(epochs: int, counts: list[int]) -> None:
    numbers = [stage.number for stage in epoch_stages(_recipe(epochs), 320, 480, 0)]
    assert numbers == sorted(numbers)
    assert [numbers.count(i) for i in range(4)] == counts


@pytest.mark.parametrize(("epochs", "numbers"), [(1, [3]), (2, [1, 3]), (3, [1, 2, 3])])
def test_few_epochs_end_with_the_last_size(epochs: int, numbers: list[int]) -> None:
    stages = epoch_stages(_recipe(epochs), 320, 480, 0)
    assert [stage.number for stage in stages] == numbers
    assert stages[-1].image_size == 380


def test_without_adaptation_the_regularizers_stay_at_their_last() -> None:
    stages = epoch_stages(_recipe(adaptive=False), 320, 480, 0)
    assert [stage.image_size for stage in stages[::2]] == [128, 212, 296, 380]
    settings = {(s.randaugment_magnitude, s.mixup_alpha, s.dropout) for s in stages}
    assert settings == {(20.0, 0.2, 0.4)}


def test_one_stage_is_the_last_size() -> None:
    stages = epoch_stages(_recipe(stages=1), 320, 480, 0)
    assert {(s.image_size, s.dropout) for s in stages} == {(380, 0.4)}


def test_batches_grow_to_the_pixels_of_the_last_size_or_the_limit() -> None:
    stages = epoch_stages(_recipe(batch_growth=4.0), 320, 480, 0)[::2]
    assert [s.batch_size for s in stages] == [128, 102, 52, 32]  # 4; (380 / 212)^2; (380 / 296)^2
    assert [s.learning_rate_scale for s in stages] == pytest.approx(
        [2.0, (102 / 32) ** 0.5, (52 / 32) ** 0.5, 1.0]
    )
    assert count_steps(stages, 320) == 2 + 3 + 6 + 10
    assert epoch_stages(_recipe(batch_growth=4.0), 60, 480, 0)[0].batch_size == 60


def test_rmsprops_rate_grows_with_the_batch() -> None:
    recipe = replace(imagenet(1_281_167), resizing=Resizing(MEDIUM, batch_growth=2.0))
    first, last = (epoch_stages(recipe, 1_281_167, 384, 0)[i] for i in (0, -1))
    assert (first.batch_size, first.learning_rate_scale) == (8192, 2.0)
    assert (last.batch_size, last.learning_rate_scale) == (4096, 1.0)


def test_random_sizes_change_every_eight_epochs_and_end_with_the_largest() -> None:
    stages = epoch_stages(_recipe(epochs=80, is_random=True), 320, 480, seed=3)
    numbers = [stage.number for stage in stages]
    blocks = [numbers[i : i + 8] for i in range(0, 80, 8)]
    assert all(len(set(block)) == 1 for block in blocks)
    assert len({block[0] for block in blocks}) > 1
    assert blocks[-1][0] == 3
    assert [b[0] for b in blocks] != sorted(b[0] for b in blocks)
    assert numbers == [
        s.number for s in epoch_stages(_recipe(80, is_random=True), 320, 480, seed=3)
    ]
    others = [s.number for s in epoch_stages(_recipe(80, is_random=True), 320, 480, seed=4)]
    assert numbers != others
    for stage in stages:  # adaptive: the regularizers follow the size
        assert stage.image_size == 128 + 84 * stage.number
        assert stage.dropout == pytest.approx(0.1 + 0.1 * stage.number)


def test_random_sizes_without_adaptation() -> None:
    stages = epoch_stages(_recipe(epochs=80, is_random=True, adaptive=False), 320, 480, seed=3)
    assert len({stage.image_size for stage in stages}) > 1
    assert {stage.dropout for stage in stages} == {0.4}


def test_steps_are_counted_from_the_beginning_of_a_stage() -> None:
    stages = epoch_stages(_recipe(epochs=8), 320, 480, 0)
    assert [stage.number for stage in stages] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert [steps_in_stage(stages, epoch, 320) for epoch in range(8)] == [0, 10] * 4
    fixed = epoch_stages(proxy(8), 320, 32, 0)
    assert [steps_in_stage(fixed, epoch, 320) for epoch in (0, 1, 7)] == [
        count_steps(fixed[:epoch], 320) for epoch in (0, 1, 7)
    ]


def test_ranges_of_an_architecture_file() -> None:
    ranges = {
        "image_size": [128, 380],
        "randaugment_magnitude": [5.0, 20.0],
        "mixup_alpha": [0.0, 0.2],
        "dropout": [0.1, 0.4],
    }
    assert ranges_of(ranges) == MEDIUM


@pytest.mark.parametrize(
    "ranges", [{}, {"image_size": [1, 2]}, {"image_size": 3}, {"mixup": [0, 1], "dropout": [0, 1]}]
)
def test_ranges_that_cannot_be_read(ranges: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="progressive"):
        ranges_of(ranges)
