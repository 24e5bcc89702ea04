"""Recipes by name or function, and the options that change them."""

from __future__ import annotations

import sys
from dataclasses import replace
from types import ModuleType

import pytest

from nas.errors import UserError
from nas.training.progressive import Resizing
from nas.training.recipe_options import (
    RecipeOptions,
    check_recipe,
    find_recipe,
    make_recipe,
    recipe_text,
)
from nas.training.recipes import PRESETS, Recipe, imagenet, photos, proxy_preset
from scaling.regularization import Progressive


@pytest.fixture
def mine(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType("mine")
    monkeypatch.setitem(sys.modules, "mine", module)
    return module


def test_photos_are_flipped_and_cropped_by_scale_and_else_trained_alike() -> None:
    recipe, usual = photos(5000), proxy_preset(5000)
    assert (recipe.flip, recipe.crop_area, recipe.crop_padding) == (True, 0.35, 0.0)
    assert replace(recipe, flip=False, crop_area=1.0, crop_padding=0.125) == usual


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_found_by_name(name: str) -> None:
    assert make_recipe(name, 5000, 3, 64) == PRESETS[name](5000, 3, 64)


def test_a_function_is_found_by_reference(mine: ModuleType) -> None:
    made: list[tuple[int, int | None, int | None]] = []

    def gentle(images: int, epochs: int | None, batch_size: int | None) -> Recipe:
        made.append((images, epochs, batch_size))
        return replace(proxy_preset(images, epochs, batch_size), learning_rate=0.5)

    mine.gentle = gentle  # type: ignore[attr-defined]
    recipe = make_recipe("mine:gentle", 100, None, 16, RecipeOptions(mixup=0.2))
    assert (recipe.learning_rate, recipe.mixup_alpha, made) == (0.5, 0.2, [(100, None, 16)])


def test_what_a_function_does_wrong_is_one_line(mine: ModuleType) -> None:
    mine.number = lambda images, epochs, batch_size: 3  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="mine:number: got a int, must return a Recipe"):
        make_recipe("mine:number", 100, None, None)
    mine.broken = lambda images: 1 / 0  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="mine:broken: TypeError: "):
        make_recipe("mine:broken", 100, None, None)


def test_an_unknown_recipe_names_the_nearest() -> None:
    with pytest.raises(UserError, match="--recipe: got 'phots', must be one of photos, "):
        check_recipe("phots")
    with pytest.raises(ValueError, match="--import nowhere"):
        find_recipe("nowhere:recipe")


def test_options_replace_what_the_recipe_has() -> None:
    options = RecipeOptions(
        flip=True, randaugment=9, mixup=0.2, cutout=0.25, dropout=0.4, lr=0.1, optimizer="rmsprop"
    )
    recipe = options.applied(proxy_preset(1000))
    assert recipe == replace(
        proxy_preset(1000), flip=True, randaugment_magnitude=9, mixup_alpha=0.2, cutout=0.25,
        dropout=0.4, learning_rate=0.1, optimizer="rmsprop",
    )  # fmt: skip
    assert RecipeOptions().applied(recipe) == recipe
    assert RecipeOptions.from_json(options.given()) == options


def test_no_flip_is_an_option_too() -> None:
    assert RecipeOptions(flip=False).given() == {"flip": False}
    assert not RecipeOptions(flip=False).applied(imagenet(1000)).flip


def test_without_randaugment_there_is_no_autoaugment_either() -> None:
    recipe = RecipeOptions(randaugment=0).applied(PRESETS["efficientnet"](1000, None, None))
    assert not recipe.autoaugment


def test_with_progressive_learning_an_option_is_the_last_strength() -> None:
    ranges = Progressive((128, 300), (5.0, 15.0), (0.0, 0.0), (0.1, 0.3))
    recipe = replace(imagenet(1000), resizing=Resizing(ranges))
    options = RecipeOptions(randaugment=10, mixup=0.5, dropout=0.05)
    resizing = options.applied(recipe).resizing
    assert resizing is not None
    assert resizing.ranges == Progressive((128, 300), (5.0, 10), (0.0, 0.5), (0.05, 0.05))


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"randaugment": 31}, "--randaugment: got 31, must be a number from 0 to 30"),
        ({"cutout": float("nan")}, "--cutout: got nan, must be"),
        ({"dropout": 1}, "--dropout: got 1, must be"),
        ({"lr": 0}, "--lr: got 0, must be above 0"),
        ({"lr": "fast"}, "--lr: got 'fast'"),
        ({"flip": "yes"}, "--flip: got 'yes'"),
        ({"optimizer": "sgd"}, "--optimizer: got 'sgd', must be one of adamw, rmsprop"),
        ({"momentum": 0.9}, "recipe_options: got 'momentum', which is unknown"),
    ],
)
def test_what_is_out_of_bounds_is_named(given: dict[str, object], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        RecipeOptions.from_json(given)


def test_a_recipe_is_told_in_words() -> None:
    text = recipe_text("photos", RecipeOptions(cutout=0.25).applied(photos(5000)))
    assert text == (
        "photos: 10 epochs, batch 128, adamw at 0.008, flips, crops of 35 % or more, cutout 0.25"
    )
