"""Prepare a comparison: which networks are trained, and at which fidelities."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from nas.data.split import SearchData
from nas.errors import UserError
from nas.proxy.draw import draw
from nas.search.fidelity import parse_try
from nas.search.like import filled
from nas.search.prepare import prepare_comparison
from nas.search.request import PreparedSearch, SearchRequest
from nas.search.resume import prepare_resumed
from nas.search.samplers.domain import ParameterCount
from nas.search.settings import SearchSettings
from results.candidate import FULL
from results.comparison import Comparison, Fidelity
from search_space.architecture import Architecture
from search_space.space import Space

DEFAULT_NETWORKS = 20
TIMES_AS_LONG = 5  # that full training lasts by default, in epochs
_REPEATED = 5  # one of so many networks is trained twice by default
_TIME_LIMIT_S = 24 * 3600.0


@dataclass(frozen=True)
class ProxyRequest:
    """The options of ``nas proxy`` and ``nas.proxy``; None for those that were not given.

    ``search`` holds those that it shares with a search, which describe the proxy. Its ``budget`` is
    the number of networks.
    """

    search: SearchRequest
    full_epochs: int | None = None
    full_size: int | None = None
    tries: tuple[str, ...] = ()
    repeats: int | None = None
    precision: float | None = None


def prepare_proxy(request: ProxyRequest) -> PreparedSearch:
    """Create a new comparison, or open the one to resume, and load its data.

    Raises:
        UserError: an option is not valid, or contradicts the run to resume.
        RecordError: the record cannot be opened or written.
    """
    search = request.search
    if search.resume is not None:
        _check_unchanged(request)
        return prepare_resumed(search, search.resume, partial(_extended, request=request))
    if search.like is not None:
        search = filled(search, search.like)
    search = replace(
        search,
        budget=search.budget or DEFAULT_NETWORKS,
        time_limit_s=search.time_limit_s or _TIME_LIMIT_S,
    )
    return prepare_comparison(search, _pixels(request), partial(_settings, request=request))


def _pixels(request: ProxyRequest) -> int | None:
    """Return the image size to load; None for the data's own, where full training has that."""
    tried = [parse_try(text, Fidelity(0, 0)).image_size for text in request.tries]
    sizes = [size for size in (request.full_size, request.search.image_size, *tried) if size]
    return max(sizes) if request.full_size is not None else None


def _settings(
    settings: SearchSettings, data: SearchData, space: Space, request: ProxyRequest
) -> SearchSettings:
    """Return the settings of a new comparison from those of a search with its proxy."""
    proxy = settings.fidelity
    full = Fidelity(
        request.full_epochs or TIMES_AS_LONG * proxy.epochs, request.full_size or data.image_size
    )
    if full == proxy:
        raise UserError(
            f"--full-epochs: got {full.epochs}, which is the proxy itself, must be more"
        )
    fidelities = {FULL: full}
    for text in request.tries:
        tried = parse_try(text, proxy)
        if tried in fidelities.values():
            raise UserError(f"--try: got {text!r}, which is trained already, must be another")
        fidelities["".join(text.split())] = tried
    largest = max(fidelity.image_size for fidelity in (proxy, *fidelities.values()))
    if largest > data.image_size:
        raise UserError(
            f"--full-size: got nothing, must be {largest} or more, as a proxy at {largest} px is "
            f"asked for and the images are loaded at {data.image_size} px"
        )
    if full.work < proxy.work:
        raise UserError(
            f"--full-epochs: got {full.epochs} at {full.image_size} px, which takes less than the "
            f"proxy's {proxy.epochs} at {proxy.image_size} px, must be more"
        )
    networks = settings.budget or DEFAULT_NETWORKS
    repeats = max(1, networks // _REPEATED) if request.repeats is None else request.repeats
    comparison = Comparison(fidelities, min(repeats, networks), request.precision)
    starts = _drawn(settings, space, networks)
    return replace(
        settings,
        proxy=comparison.to_json(),
        start_from=[architecture.to_json() for architecture in starts],
        budget=len(starts),
    )


def _drawn(
    settings: SearchSettings, space: Space, count: int, known: list[Architecture] | None = None
) -> list[Architecture]:
    networks = draw(
        space, count, settings.seed, ParameterCount(settings.task), settings.max_parameters,
        known or [],
    )  # fmt: skip
    if not networks and not known:
        raise UserError(
            f"--max-params {settings.max_parameters:,}: no network with so few parameters was found"
        )
    return networks


def _check_unchanged(request: ProxyRequest) -> None:
    """Check that no option would change what a run to resume compares; raise UserError if so."""
    fixed = {
        "--full-epochs": request.full_epochs,
        "--full-size": request.full_size,
        "--try": request.tries or None,
        "--repeats": request.repeats,
    }
    for option, value in fixed.items():
        if value is not None:
            raise UserError(f"{option}: not allowed together with --resume, as the run has begun")


def _extended(settings: SearchSettings, request: ProxyRequest) -> SearchSettings:
    """Return the settings of a comparison with more networks, or another precision, if asked."""
    comparison = settings.comparison
    assert comparison is not None
    starts, wanted = settings.starts, settings.budget or 0
    if wanted > len(starts):
        space = settings.grid
        assert isinstance(space, Space)
        starts = [*starts, *_drawn(settings, space, wanted - len(starts), starts)]
    if request.precision is not None:
        comparison = replace(comparison, precision=request.precision)
    if len(starts) > len(settings.starts):
        comparison = comparison.extended(len(settings.starts), len(starts))
    return replace(
        settings,
        proxy=comparison.to_json(),
        start_from=[architecture.to_json() for architecture in starts],
        budget=min(wanted, len(starts)),
    )
