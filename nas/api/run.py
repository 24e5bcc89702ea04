"""A search's run, as a notebook or script reads it: candidates, front, winner, figure, page."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nas.api.option_values import path_of
from nas.errors import UserError

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from results.architecture_file import ArchitectureFile
    from results.candidate import Candidate
    from results.noise import Noise
    from results.proxy_report import ProxyReport
    from results.verdict import Verdict
    from reward.metric import Metric
    from reward.objective import Objective

_START_S = 30.0  # that a page may take to start


@dataclass(frozen=True)
class _Content:
    """What a run's record holds at the moment."""

    run_id: str
    candidates: list[Candidate]
    settings: dict[str, Any]
    objective: Objective
    metric: Metric
    noise: Noise
    verdict: Verdict | None
    comparison: ProxyReport | None


class Run:
    """The directory of a search, which may still be running; each call reads what is new.

    ``path`` is the directory. Other functions of this library take a run wherever they take an
    architecture: it stands for its winner.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open a run.

        Raises:
            UserError: there is no run at ``path``.
        """
        from nas.run_directory import open_run

        self.path = path_of("run", path)
        open_run(self.path)

    def __fspath__(self) -> str:
        """Return the path, so that a run can be given where a path can."""
        return str(self.path)

    def __repr__(self) -> str:
        try:
            content = self._read()
        except UserError as error:
            return f"Run({str(self.path)!r}): {error}"
        complete = sum(c.state.value == "complete" for c in content.candidates)
        said = " ".join(self._sentences(content)) or "no candidate is complete yet."
        return f"Run({str(self.path)!r}): {complete} complete candidates. {said}"

    def candidates(self) -> pd.DataFrame:
        """Return all candidates, one a row in their order, as in candidates.csv.

        Times are in seconds, memory in bytes, ``normalized_step_time`` is relative to the
        backbone's; unknown values are NaN or NA.
        """
        from results.files import table

        content = self._read()
        return table(content.candidates, content.objective, content.noise)

    def front(self) -> pd.DataFrame:
        """Return the Pareto front of accuracy and step time, the fastest first."""
        from results.files import table
        from results.ranking import front

        content = self._read()
        return table(front(content.candidates), content.objective, content.noise)

    @property
    def best(self) -> ArchitectureFile:
        """The winner with its measurements, as in best.json.

        Raises:
            UserError: no candidate is complete.
        """
        from results.files import best_file
        from search_space.task import Task

        content = self._read()
        task = Task(content.settings["classes"], content.settings["in_channels"])
        file = best_file(
            content.candidates, content.objective, content.run_id, task, content.settings,
            content.verdict,
        )  # fmt: skip
        if file is None:
            raise UserError(f"{self.path}: no candidate is complete", exit_code=1)
        return file

    @property
    def verdict(self) -> str:
        """Sentences on how the winner compares with the backbone, and how sure it is.

        Of a run of :func:`nas.proxy`, on whether a search with its proxy is worth starting.
        """
        return " ".join(self._sentences(self._read()))

    @property
    def comparison(self) -> ProxyReport | None:
        """The result of a run of :func:`nas.proxy` so far; None of a search."""
        return self._read().comparison

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of the search, by name, in JSON types."""
        return dict(self._read().settings)

    def figure(self) -> go.Figure:
        """Return a plot of accuracy against step time with the front, which a notebook shows."""
        from results.pareto_plot import pareto_figure

        content = self._read()
        return pareto_figure(
            content.candidates, content.objective, content.noise, content.metric.title
        )

    def dashboard(
        self, port: int = 0, open_browser: bool = False, has_control: bool = False
    ) -> Page:
        """Serve the run's page at ``port``, 0 for a free one, until :meth:`Page.stop`.

        With ``has_control`` the page can stop the search, and ask it for networks.

        Raises:
            UserError: the port is taken.
        """
        return serve_page([self], port, open_browser, has_control)

    def _read(self) -> _Content:
        from nas.run_directory import open_for_reading
        from results.candidate import interrupted
        from results.comparison import Comparison
        from results.dashboard.facts import is_searching
        from results.database import RecordError
        from results.noise import outcomes
        from results.proxy_report import find_report
        from results.ranking import recorded_objective
        from results.verdict import find_verdict, noise_of
        from reward.metric import recorded_metric

        try:
            directory, record = open_for_reading(self.path)
            with record:
                candidates, settings = record.candidates(), record.settings()
        except RecordError as error:
            raise UserError(f"{self.path}: {error}", exit_code=1) from error
        if is_searching(self.path) is False:
            candidates = interrupted(candidates)
        try:
            objective, metric = recorded_objective(settings), recorded_metric(settings)
            comparison = Comparison.recorded(settings)
        except ValueError as error:
            raise UserError(f"{self.path}: {error}") from error
        found = outcomes(candidates)
        return _Content(
            directory.run_id, candidates, settings, objective, metric,
            noise_of(found, settings), find_verdict(found, objective, settings),
            find_report(candidates, comparison, objective) if comparison else None,
        )  # fmt: skip

    @staticmethod
    def _sentences(content: _Content) -> Sequence[str]:
        from results.proxy_words import answer, sentences

        if content.comparison is not None:
            return [answer(content.comparison), *sentences(content.comparison)]
        return content.verdict.sentences if content.verdict else ()


class Page:
    """A page that is served until :meth:`stop`; a notebook shows a link to it."""

    def __init__(self, url: str, stop: threading.Event, thread: threading.Thread) -> None:
        self.url = url
        self._stop, self._thread = stop, thread

    def __repr__(self) -> str:
        return f"Page({self.url!r})"

    def _repr_html_(self) -> str:
        return f'<a href="{self.url}" target="_blank">{self.url}</a>'

    def stop(self) -> None:
        """End the server, and wait until it has ended."""
        self._stop.set()
        self._thread.join()


def serve_page(
    runs: Sequence[Run], port: int = 0, open_browser: bool = False, has_control: bool = False
) -> Page:
    """Serve the page of one run, or of several together, in a thread of its own.

    Raises:
        UserError: the port is taken.
    """
    import webbrowser

    from nas.run_directory import dashboard_source
    from results.dashboard.board import Board
    from results.dashboard.server import listen, serve_until

    host = "127.0.0.1"
    try:
        bound = listen(host, port)
    except OSError as error:
        raise UserError(f"port: got {port}, must be a free port ({error.strerror})") from error
    sources = [dashboard_source(run.path) for run in runs]
    board = Board(sources, [], has_control=has_control)
    stop, is_up = threading.Event(), threading.Event()
    thread = threading.Thread(
        target=serve_until, args=(board, host, bound, stop, is_up), name="dashboard", daemon=True
    )
    thread.start()
    is_up.wait(_START_S)
    page = Page(f"http://{host}:{bound.getsockname()[1]}/?token={board.token}", stop, thread)
    if open_browser:
        webbrowser.open(page.url)
    return page
