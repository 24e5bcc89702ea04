"""``nas.proxy``: the comparison of short and long trainings of a notebook or a script."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Unpack

from nas.api.announcement import comparison_lines
from nas.api.conduct import PATIENCE_S
from nas.api.option_values import checked, listed, path_of
from nas.api.run import Run
from nas.api.search import Where, request_of, space_name
from nas.training.recipe_options import RecipeSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nas.data.given import Data
    from search_space.space import Space

_OWN = ("full_epochs", "full_size", "tries", "repeats", "precision")


class ProxyOptions(RecipeSettings, total=False):
    """The options of ``nas proxy`` under their names there; ``nas proxy --help`` explains each.

    ``tries`` are texts as of ``--try``; ``until`` is in Unix seconds; ``time_limit`` in seconds.
    """

    minival: str
    background: str
    min_per_class: int
    max_params: int
    like: str | os.PathLike[str]
    image_size: int  # pixels
    data_share: float
    epochs: int
    batch_size: int
    recipe: str
    compile: bool
    tries: str | Sequence[str]
    full_epochs: int
    full_size: int  # pixels
    repeats: int
    precision: float
    hours: float
    until: float
    price: float
    time_limit: float
    metric: str
    reward: str
    seed: int
    per_gpu: int | str
    storage: str


_ARGUMENTS = ("networks", "data", "out", "resume", "space", "workers", "address")


def proxy(
    data: Data | str | os.PathLike[str] | Any = None,
    space: Space | str | os.PathLike[str] | None = None,
    networks: int | None = None,
    *,
    out: str | os.PathLike[str] | None = None,
    resume: Run | str | os.PathLike[str] | None = None,
    workers: int | None = None,
    address: str | None = None,
    in_process: bool = False,
    patience: float = PATIENCE_S,
    quiet: bool = False,
    **options: Unpack[ProxyOptions],
) -> Run:
    """Compare how short and long trainings rank networks, and return the run.

    Its :attr:`~nas.Run.comparison` is the result. Networks of the whole range of the space are
    trained by the proxy, as a search with these options would train them, and in full.

    Args:
        data, space: as of :func:`nas.search`.
        networks: how many to compare; by default 20.
        out: the run's directory, new or empty; by default ``runs/`` and the date.
        resume: a comparison to go on with, with more ``networks`` or another ``precision``.
        workers, address, in_process, patience, quiet: as of :func:`nas.search`.
        options: those of :class:`ProxyOptions`.

    Raises:
        UserError: an option is wrong or the comparison cannot go on, in one line.
    """
    from nas.data.given import place_of

    given: dict[str, Any] = {**options, "networks": networks, "workers": workers}
    given["data"] = None if data is None else place_of(data)
    given["out"] = None if out is None else path_of("--out", out)
    given["resume"] = None if resume is None else path_of("--resume", resume)
    given["space"] = space_name(space)
    given = checked("proxy", given, (*ProxyOptions.__annotations__, *_ARGUMENTS))
    where = Where(given.pop("workers"), address, in_process, patience, quiet)
    where.check(given.get("per_gpu"))
    own = {name: given.pop(name, None) for name in _OWN}
    own["tries"] = tuple(listed(own["tries"]))
    given["budget"] = given.pop("networks")
    from nas.proxy.prepare import ProxyRequest, prepare_proxy

    request = ProxyRequest(request_of(given), **own)
    return where.run(lambda: prepare_proxy(request), comparison_lines, "proxy")
