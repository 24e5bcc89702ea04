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
        """Take up the ``requests``; without them, nothing is asked."""
        self._requests = requests
        self._space = grid if isinstance(grid, Space) else None
        self._seen: set[str] = set()  # files that this process has read
        self._begun: dict[int, Wanted] = {}  # by candidate, not yet in the record
        self.is_stopped = False

    def ask_to_stop(self) -> bool:
        """Return whether the search is to end now; once so, it stays so."""
        if not self.is_stopped and self._requests is not None:
            self.is_stopped = self._requests.meet_stop()
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
            with suppress(OSError):  # it stays, and is a duplicate in the next process
                self._requests.withdraw(wanted.name)
