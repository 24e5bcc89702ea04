"""``nas.search`` and ``nas.resume``: the search of a notebook or a script."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Unpack

from nas.api.announcement import print_lines, search_doubts, search_lines
from nas.api.conduct import PATIENCE_S, begin_in_process, conduct
from nas.api.option_values import checked, listed, path_of
from nas.api.run import Run
from nas.errors import UserError
from nas.training.recipe_options import RecipeSettings
from search_space.bounds import shown

if TYPE_CHECKING:
    from nas.data.given import Data
    from nas.search.request import PreparedSearch, SearchRequest
    from search_space.space import Space


class SearchOptions(RecipeSettings, total=False):
    """The options of ``nas search`` under their names there; ``nas search --help`` explains each.

    ``hours``, ``until`` (Unix seconds) and ``time_limit`` are as there; ``price`` is of an hour of
    one worker. ``start_from`` are architectures.
    """

    minival: str
    background: str
    min_per_class: int
    image_size: int  # pixels
    data_share: float
    like: str | os.PathLike[str]
    start_from: Sequence[Any]
    hours: float
    until: float
    price: float
    baseline: int
    time_limit: float  # seconds
    max_failures: int
    epochs: int
    batch_size: int
    recipe: str
    compile: bool
    sampler: str
    learn_from: Sequence[str | os.PathLike[str]]
    scheduler: str
    bound: str
    confirm: int
    confirm_seeds: int
    confirm_epochs: int
    seed: int
    metric: str
    reward: str
    max_params: int
    max_step_time: float
    max_memory: int  # bytes
    per_gpu: int | str
    storage: str


def search(
    data: Data | str | os.PathLike[str] | Any = None,
    space: Space | str | os.PathLike[str] | None = None,
    budget: int | None = None,
    *,
    out: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    address: str | None = None,
    in_process: bool = False,
    patience: float = PATIENCE_S,
    quiet: bool = False,
    **options: Unpack[SearchOptions],
) -> Run:
    """Search for networks that are accurate and train fast, and return the run.

    Args:
        data: what ``nas search --data`` names, or :class:`nas.Data`, a pair of arrays (images,
            labels), or a map-style ``Dataset`` of torch or of Hugging Face; by default those of
            ``like``, or embedded digits.
        space: the name of a space, a YAML file, or a :class:`nas.Space`; by default the image size
            decides.
        budget: candidates to evaluate; by default 100, or no limit with ``hours`` or ``until``.
        out: the run's directory, new or empty; by default ``runs/`` and the date.
        workers, address: candidates at once, and the Ray cluster to run on, as on the command line.
        in_process: evaluate in this process, without Ray, one candidate after the other. Ray's
            workers are processes of their own, so a script needs no ``__main__`` guard either way.
        patience: seconds to wait for a record that cannot be written.
        quiet: print nothing.
        options: those of :class:`SearchOptions`.

    Ctrl-C, or a notebook's stop button, ends the search with a KeyboardInterrupt; :func:`resume`
    goes on with it.

    Raises:
        UserError: an option is wrong or the search cannot go on, in one line.
    """
    from nas.data.given import place_of

    given: dict[str, Any] = {**options, "budget": budget}
    given["data"] = None if data is None else place_of(data)
    given["out"] = None if out is None else path_of("--out", out)
    given["space"] = space_name(space)
    return _run(given, workers, address, in_process, patience, quiet)


def resume(
    run: Run | str | os.PathLike[str],
    budget: int | None = None,
    *,
    data: Data | str | os.PathLike[str] | Any = None,
    workers: int | None = None,
    address: str | None = None,
    in_process: bool = False,
    patience: float = PATIENCE_S,
    quiet: bool = False,
    **options: Unpack[SearchOptions],
) -> Run:
    """Go on with a search, and return its run.

    A larger ``budget`` extends it. ``data`` are the same images as before, needed only if they were
    moved, or if their copy in the cache is gone. Most options cannot change any more.

    Raises:
        UserError: an option contradicts the run, or the search cannot go on, in one line.
    """
    from nas.data.given import place_of

    given: dict[str, Any] = {**options, "budget": budget, "resume": path_of("run", run)}
    given["data"] = None if data is None else place_of(data)
    return _run(given, workers, address, in_process, patience, quiet)


def request_of(given: dict[str, Any]) -> SearchRequest:
    """Return the request of a search with these options, by their names on the command line."""
    from nas.search.request import SearchRequest
    from nas.training.recipe_options import RecipeOptions

    recipe_options = RecipeOptions.taken_from(given)
    named = {_NAMES.get(name, name): value for name, value in given.items()}
    named["start_from"] = tuple(listed(named.get("start_from")))
    earlier = listed(named.get("learn_from"))
    named["learn_from"] = tuple(path_of("--learn-from", run) for run in earlier)
    if named.get("like") is not None:
        named["like"] = path_of("--like", named["like"])
    return SearchRequest(**named, recipe_options=recipe_options)


def space_name(space: Space | str | os.PathLike[str] | None) -> Any:
    """Return a space as a request names it; raise UserError for what is none."""
    from search_space.space import Space

    if space is None or isinstance(space, Space):
        return space
    if not isinstance(space, str | os.PathLike):
        raise UserError(f"--space: got {shown(space)}, must be a name, a YAML file or a Space")
    return os.fspath(space)


_ARGUMENTS = ("budget", "data", "out", "resume", "space", "workers", "address")


# The command line's names of options, and those of the request where they differ.
_NAMES = {
    "time_limit": "time_limit_s",
    "max_params": "max_parameters",
    "max_memory": "max_memory_bytes",
    "compile": "is_compiled",
}


def _run(
    given: dict[str, Any],
    workers: int | None,
    address: str | None,
    in_process: bool,
    patience: float,
    quiet: bool,
) -> Run:
    from nas.search.prepare import prepare

    given = checked(
        "search", {**given, "workers": workers}, (*SearchOptions.__annotations__, *_ARGUMENTS)
    )
    where = Where(given.pop("workers"), address, in_process, patience, quiet)
    where.check(given.get("per_gpu"))
    request = request_of(given)
    return where.run(lambda: prepare(request), search_lines)


@dataclass(frozen=True)
class Where:
    """Where a search or a comparison runs, how patiently, and whether it prints anything."""

    workers: int | None
    address: str | None
    in_process: bool
    patience: float  # seconds
    quiet: bool

    def check(self, per_gpu: int | str | None) -> None:
        """Check what one process cannot do; raise UserError. Call it before torch is imported."""
        if self.in_process:
            begin_in_process(self.workers, self.address, per_gpu)

    def run(
        self,
        prepare: Callable[[], PreparedSearch],
        lines: Callable[[PreparedSearch], Sequence[str]],
        command: str = "search",
    ) -> Run:
        """Run to the end, and return the run; ``lines`` are printed before it begins."""

        def announce(prepared: PreparedSearch) -> None:
            if not self.quiet:
                print_lines(lines(prepared), search_doubts(prepared))

        prepared, _ = conduct(
            prepare,
            announce,
            self.workers,
            self.address,
            self.patience,
            self.in_process,
            is_quiet=self.quiet,
            command=command,
        )
        run = Run(prepared.run.path)
        if not self.quiet:
            print(repr(run))  # noqa: T201
        return run
