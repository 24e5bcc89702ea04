"""The runs of a page, read in the background, and what a page may ask of them."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from results.dashboard.facts import detail
from results.dashboard.importance import importances
from results.dashboard.payload import page_data
from results.dashboard.source import Source
from results.notes import Note
from reward.objective import Objective

_READ_INTERVAL_S = 0.5
_BUSY_READ_INTERVAL_S = 0.05  # while intervals are still to be computed
_FIRST_READ_TIMEOUT_S = 120.0


class Board:
    """The runs of a page, read by a background thread from :meth:`start` to :meth:`close`.

    Any thread may call its methods; they wait until every run was read once.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        benches: Sequence[Mapping[str, Any]],
        token: str | None = None,
        has_control: bool = False,
    ) -> None:
        """``token`` is what a request that writes must have; None makes a secret one.

        With ``has_control``, such requests may stop searches and ask them for networks.
        """
        self.sources = list(sources)
        self.is_closing = False
        self.token = token or secrets.token_urlsafe(12)
        self.has_control = has_control
        self._benches = benches
        self._is_read = threading.Event()
        self._importance_lock = threading.Lock()
        self._cached_importance = lru_cache(maxsize=64)(self._compute_importance)
        self._thread = threading.Thread(target=self._keep_reading, daemon=True)

    def start(self) -> None:
        """Start to read the runs."""
        self._thread.start()

    def close(self) -> None:
        """Ask the reading thread and the event streams to end."""
        self.is_closing = True
        self._is_read.set()

    def versions(self) -> dict[str, str]:
        """Return each run's version, by its index."""
        return {str(i): source.version for i, source in enumerate(self.sources)}

    def page_data(self) -> dict[str, Any]:
        """Return the data of the whole page, as :mod:`results.dashboard.payload` specifies."""
        self._wait()
        return page_data(self.sources, self._benches, "live", self.has_control)

    def detail(self, index: int, number: int) -> dict[str, Any] | None:
        """Return one candidate's DETAIL; None if it does not exist.

        Raises:
            RecordError: the record cannot be read.
        """
        self._wait()
        source = self.sources[index]
        candidate = source.candidate(number)
        if candidate is None or source.run is None:
            return None
        prefix = f"{source.path.absolute().name}-" if len(self.sources) > 1 else ""
        return detail(candidate, source.run.settings, source.run.place.run_id, prefix)

    def importance(self, index: int, target: str, objective: Objective) -> dict[str, Any]:
        """Return the IMPORTANCE of each choice for a target; cached until the run changes."""
        self._wait()
        with self._importance_lock:
            return self._cached_importance(index, self.sources[index].version, target, objective)

    def _compute_importance(
        self, index: int, version: str, target: str, objective: Objective
    ) -> dict[str, Any]:
        """Compute what :meth:`importance` returns; ``version`` is only a key of the cache."""
        source = self.sources[index]
        space = source.run.space if source.run else None
        return importances(source.rows(), space, objective, [target])[target]

    def verdict(self, index: int, objective: Objective) -> dict[str, Any] | None:
        """Return the VERDICT by an objective; None without a winner."""
        self._wait()
        return self.sources[index].verdict(objective)

    def write_note(self, index: int, number: int | None, note: Note) -> None:
        """Put a note on a candidate, or on the run; raise as :meth:`Source.write_note`."""
        self._wait()
        self.sources[index].write_note(number, note)

    def ask_to_stop(self, index: int) -> None:
        """Ask a run's search to end; raise as :meth:`Source.searching`."""
        self._wait()
        self.sources[index].searching().ask_to_stop()

    def ask_for(self, index: int, choices: Any) -> dict[str, Any]:
        """Ask a run's search for a network; raise as :meth:`Source.ask_for`."""
        self._wait()
        return self.sources[index].ask_for(choices)

    def withdraw(self, index: int, name: str) -> bool:
        """Take the request for a network back; return whether it was still waiting."""
        self._wait()
        return self.sources[index].requests.withdraw(name)

    def run(self, index: int, after: str | None) -> dict[str, Any]:
        """Return one RUN, or its changes after a version."""
        self._wait()
        return self.sources[index].payload(index, after)

    def _wait(self) -> None:
        """Wait until every run was read once."""
        self._is_read.wait(_FIRST_READ_TIMEOUT_S)

    def _keep_reading(self) -> None:
        while not self.is_closing:
            started = time.monotonic()
            for source in self.sources:
                source.poll()
            self._is_read.set()
            has_more = any(source.has_more for source in self.sources)
            interval_s = _BUSY_READ_INTERVAL_S if has_more else _READ_INTERVAL_S
            taken_s = time.monotonic() - started
            time.sleep(max(interval_s, taken_s))  # reading takes at most half of the time
        for source in self.sources:
            source.close()
