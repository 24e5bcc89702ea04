"""What people ask of a search while it runs, as its driver takes it up."""

from __future__ import annotations

from contextlib import suppress

from results.control import InvalidRequest, Requests, Wanted, point_in
from search_space.space import Grid, Space


class Wishes:
    """The requests of a run, for the process that searches.

    A network waits in the run's directory until its candidate is in the record, so that none is
    lost with the process. Only a :class:`~search_space.space.Space` takes networks.
    """

    def __init__(self, requests: Requests | None = None, grid: Grid | None = None) -> None:
        """Forget a request to stop that an earlier process of the run was sent.

        Without ``requests``, nothing is asked.
        """
        self._requests = requests
        self._space = grid if isinstance(grid, Space) else None
        self._seen: set[str] = set()  # files that this process has read
        self._begun: dict[int, Wanted] = {}  # by candidate, not yet in the record
        self.is_stopped = False
        if requests is not None:
            requests.forget_stop()

    def ask_to_stop(self) -> bool:
        """Return whether the search is to end now; once so, it stays so."""
        if not self.is_stopped and self._requests is not None and self._requests.asks_to_stop():
            self.is_stopped = True
            self._requests.forget_stop()
        return self.is_stopped

    def next(self) -> Wanted | None:
        """Return the network that waits for longest, each once; None without one."""
        if self._space is None or self._requests is None:
            return None
        for wanted in self._requests.waiting():
            if wanted.name not in self._seen:
                self._seen.add(wanted.name)
                with suppress(InvalidRequest):  # written by another program
                    return Wanted(wanted.name, point_in(self._space, wanted.point))
        return None

    def proposed(self, number: int, wanted: Wanted) -> None:
        """Take note of the number that the network gets."""
        self._begun[number] = wanted

    def recorded(self, number: int) -> None:
        """Take note that a candidate is in the record."""
        wanted = self._begun.pop(number, None)
        if wanted is not None and self._requests is not None:
            self._requests.withdraw(wanted.name)
