"""All RUNs of the command line and the networks beside them, kept up to date in the background."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from results.dashboard.detail import detail
from results.dashboard.importance import importances
from results.dashboard.payload import page_data
from results.dashboard.source import Source
from reward.objective import Objective

_PAUSE_S, _SHORT_PAUSE_S = 0.5, 0.05
_START_S = 120.0


class Board:
    """Any thread may ask; :meth:`start` begins to read, :meth:`close` ends it."""

    def __init__(self, sources: Sequence[Source], benches: Sequence[Mapping[str, Any]]) -> None:
        self.sources = list(sources)
        self.is_closing = False
        self._benches = benches
        self._is_read = threading.Event()
        self._importance_lock = threading.Lock()
        self._importance = lru_cache(maxsize=64)(self._find_importance)
        self._thread = threading.Thread(target=self._keep_reading, daemon=True)

    def start(self) -> None:
        """Begins to read the RUNs."""
        self._thread.start()

    def close(self) -> None:
        """Asks the reading, and whoever waits for news, to end."""
        self.is_closing = True
        self._is_read.set()

    def versions(self) -> dict[str, str]:
        """Each run's version, by its place."""
        return {str(i): source.version for i, source in enumerate(self.sources)}

    def whole(self) -> dict[str, Any]:
        """All there is to show, once every RUN has been read."""
        self._wait()
        return page_data(self.sources, self._benches, "live")

    def detail(self, index: int, number: int) -> dict[str, Any] | None:
        """One candidate; None if there is none.

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
        """How much each choice decides; remembered until the run changes."""
        self._wait()
        with self._importance_lock:
            return self._importance(index, self.sources[index].version, target, objective)

    def _find_importance(
        self, index: int, version: str, target: str, objective: Objective
    ) -> dict[str, Any]:
        source = self.sources[index]
        space = source.run.space if source.run else None
        return importances(source.rows(), space, objective, [target])[target]

    def run(self, index: int, after: str | None) -> dict[str, Any]:
        """One run, or what of it changed after a version."""
        self._wait()
        return self.sources[index].payload(index, after)

    def _wait(self) -> None:
        """Until every RUN has been read once."""
        self._is_read.wait(_START_S)

    def _keep_reading(self) -> None:
        while not self.is_closing:
            begin = time.monotonic()
            for source in self.sources:
                source.poll()
            self._is_read.set()
            has_more = any(source.has_more for source in self.sources)
            taken = time.monotonic() - begin  # at most half of the time is spent in reading
            time.sleep(max(_SHORT_PAUSE_S if has_more else _PAUSE_S, taken))
        for source in self.sources:
            source.close()
