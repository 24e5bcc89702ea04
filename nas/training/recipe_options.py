"""A recipe by name or function, and the options that change single settings of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, TypedDict

from nas.errors import UserError
from nas.imports import check_reference, import_named
from nas.training.recipes import OPTIMIZERS, PRESETS, Recipe
from search_space.bounds import MOST_STRENGTH, OutOfBounds, real, shown
from search_space.named import lookup_function

MakeRecipe = Callable[[int, int | None, int | None], Recipe]
"""Makes a recipe from the number of training images, the epochs, and the batch size; None for
those that are not given."""

MOST_MAGNITUDE = 30.0  # of RandAugment


class RecipeSettings(TypedDict, total=False):
    """The fields of :class:`RecipeOptions` as options of a function."""

    flip: bool
    randaugment: float
    mixup: float
    cutout: float
    dropout: float
    lr: float
    optimizer: str


@dataclass(frozen=True)
class RecipeOptions:
    """Settings that replace those of a recipe; None for the recipe's own.

    ``randaugment`` is a magnitude from 0 (none) to 30, ``mixup`` the alpha, ``cutout`` the side of
    the square as a share of the image's, ``dropout`` a probability, ``lr`` the learning rate at the
    peak of the schedule.
    """

    flip: bool | None = None
    randaugment: float | None = None
    mixup: float | None = None
    cutout: float | None = None
    dropout: float | None = None
    lr: float | None = None
    optimizer: str | None = None

    @classmethod
    def taken_from(cls, given: dict[str, Any]) -> RecipeOptions:
        """Return the options that are among those ``given``, and take them out of there."""
        names = given.keys() & {field.name for field in fields(cls)}
        return cls(**{name: given.pop(name) for name in names})

    def given(self) -> dict[str, Any]:
        """Return the options that are not None, by name, in JSON types."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RecipeOptions:
        """Return the options that :meth:`given` wrote.

        Raises:
            ValueError: one is unknown or out of its bounds.
        """
        if not isinstance(data, Mapping):
            raise ValueError(f"recipe_options: got {shown(data)}, must be an object")
        unknown = sorted(map(str, data.keys() - {field.name for field in fields(cls)}))
        if unknown:
            raise ValueError(f"recipe_options: got {shown(unknown[0])}, which is unknown")
        options = cls(**data)
        options.check()
        return options

    def check(self) -> None:
        """Raise ValueError if an option is out of its bounds; the message names the option."""
        if self.flip not in (None, True, False):
            raise ValueError(f"--flip: got {shown(self.flip)}, must be true or false")
        for name, most in (
            ("randaugment", MOST_MAGNITUDE),
            ("mixup", MOST_STRENGTH),
            ("cutout", 1.0),
            ("dropout", 0.99),
            ("lr", MOST_STRENGTH),
        ):
            value = getattr(self, name)
            try:
                _ = value is None or real(name, value, most)
            except OutOfBounds:
                raise ValueError(
                    f"--{name}: got {shown(value)}, must be a number from 0 to {most:g}"
                ) from None
        if self.lr == 0:
            raise ValueError("--lr: got 0, must be above 0")
        if self.optimizer not in (None, *OPTIMIZERS):
            raise ValueError(
                f"--optimizer: got {shown(self.optimizer)}, must be one of {', '.join(OPTIMIZERS)}"
            )

    def applied(self, recipe: Recipe) -> Recipe:
        """Return the recipe with these settings.

        With progressive learning, a regularizer's strength grows up to the one given here.
        """
        names = {"randaugment": "randaugment_magnitude", "mixup": "mixup_alpha",
                 "lr": "learning_rate"}  # fmt: skip
        given = {names.get(name, name): value for name, value in self.given().items()}
        recipe = replace(recipe, **given)
        if self.randaugment == 0 and recipe.autoaugment:
            recipe = replace(recipe, autoaugment=False)
        resizing = recipe.resizing
        if resizing is None:
            return recipe
        ends = {
            name: (min(getattr(resizing.ranges, name)[0], given[name]), given[name])
            for name in ("randaugment_magnitude", "mixup_alpha", "dropout")
            if name in given
        }
        return replace(recipe, resizing=replace(resizing, ranges=replace(resizing.ranges, **ends)))


def find_recipe(name: str) -> MakeRecipe:
    """Return the function that makes the recipe of a name, or of ``package.module:attribute``.

    Raises:
        ValueError: there is none, or its module is not imported; the message is one line.
    """
    if name in PRESETS:
        return PRESETS[name]
    check_reference(name, PRESETS, "a function as package.module:attribute")
    return lookup_function(name)


def check_recipe(name: str, options: RecipeOptions | None = None, option: str = "--recipe") -> None:
    """Import the module of a recipe that the user names; check that there is such a recipe.

    Raises:
        UserError: there is none, or one of the ``options`` is out of its bounds.
    """
    if name not in PRESETS:
        import_named(name, option)
    try:
        find_recipe(name)
    except ValueError as error:
        raise UserError(f"{option}: {error}") from error
    try:
        (options or RecipeOptions()).check()
    except ValueError as error:
        raise UserError(str(error)) from error


def make_recipe(
    name: str,
    images: int,
    epochs: int | None,
    batch_size: int | None,
    options: RecipeOptions | None = None,
) -> Recipe:
    """Return the recipe of a name for ``images`` training images, with the options applied.

    Raises:
        ValueError: there is no such recipe, or the user's function failed, or returned no recipe.
    """
    make = find_recipe(name)
    try:
        recipe = make(images, epochs, batch_size)
    except Exception as error:  # of any type, if it is the user's function
        if name in PRESETS:
            raise
        raise ValueError(f"{name}: {type(error).__name__}: {error}") from error
    if not isinstance(recipe, Recipe):
        raise ValueError(f"{name}: got a {type(recipe).__name__}, must return a Recipe")
    return options.applied(recipe) if options else recipe


def recipe_text(name: str, recipe: Recipe) -> str:
    """Return a recipe in words, such as ``photos: 10 epochs, batch 64, adamw, flips, ...``."""
    strengths = {
        "RandAugment": recipe.randaugment_magnitude,
        "mixup": recipe.mixup_alpha,
        "cutout": recipe.cutout,
        "dropout": recipe.dropout,
    }
    is_progressive = recipe.resizing is not None and recipe.resizing.stages > 1
    parts = [
        f"{recipe.epochs} epoch{'s' * (recipe.epochs > 1)}",
        f"batch {recipe.batch_size}",
        f"{recipe.optimizer} at {recipe.learning_rate:.2g}",
        *(["flips"] if recipe.flip else []),
        *([f"crops of {100 * recipe.crop_area:.0f} % or more"] if recipe.crop_area < 1 else []),
        *([f"shifts of up to {100 * recipe.crop_padding:.3g} %"] if recipe.crop_padding else []),
        *(["AutoAugment"] if recipe.autoaugment else []),
        *(f"{what} {value:g}" for what, value in strengths.items() if value and not is_progressive),
    ]
    return f"{name}: {', '.join(parts)}"


def resizing_text(recipe: Recipe) -> str:
    """Return the sizes of a training in words, and the regularization that goes with them."""
    resizing = recipe.resizing
    assert resizing is not None
    ranges, first = resizing.ranges, resizing.ranges.image_size[0]
    order = "progressive"
    if resizing.is_random:
        order = f"random, a new one every {resizing.epochs_a_size} epochs"
    ends = {
        "dropout": ranges.dropout,
        "RandAugment": ranges.randaugment_magnitude,
        "mixup": ranges.mixup_alpha,
    }
    if resizing.adaptive:
        strengths = [f"{name} {low:g} to {high:g}" for name, (low, high) in ends.items()]
    else:
        strengths = [f"{name} {high:g}" for name, (_, high) in ends.items()]
    parts = [f"{order}: {first} to {ranges.image_size[1]} px", *strengths]
    return ", ".join(parts) + ("" if resizing.adaptive else " at all sizes")
