"""``--like RUN``: a search on the data and space of another run, with its proxy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from nas.errors import UserError
from nas.run_directory import open_for_reading
from nas.search.request import SearchRequest
from nas.search.settings import SearchSettings
from nas.training.recipe_options import RecipeOptions
from results.database import RecordError
from search_space.space_file import parse_space

# What is taken over where the request does not say otherwise.
_TAKEN = (
    "data",
    "minival",
    "background",
    "min_per_class",
    "epochs",
    "image_size",
    "data_share",
    "batch_size",
    "is_compiled",
    "recipe",
    "metric",
    "reward",
    "max_parameters",
)


def filled(request: SearchRequest, path: Path) -> SearchRequest:
    """Return the request with the run's data, space, recipe, fidelity, metric, and reward.

    The limit on parameters belongs to the space: a comparison draws no larger networks.

    Raises:
        UserError: there is no such run, or its settings cannot be read.
    """
    try:
        _, record = open_for_reading(path, "--like")
        with record:
            settings = SearchSettings.from_json(record.settings())
        space = parse_space(settings.space)
        given = request.recipe_options.given()
        options = RecipeOptions.from_json({**settings.recipe_options, **given})
    except (RecordError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"--like: {path}: {error}", exit_code=1) from error
    if settings.fit is not None:
        raise UserError(f"--like: got {path}, a run of nas scale --fit, must be one of nas proxy")
    taken: dict[str, Any] = {
        name: getattr(settings, name) for name in _TAKEN if getattr(request, name) is None
    }
    return replace(
        request,
        **taken,
        space=space if request.space is None else request.space,
        recipe_options=options,
    )
