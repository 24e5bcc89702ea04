"""The record of a search that waits while it is away: a full disk, a lock, or no server."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from results.candidate import Candidate
from results.closing import Closing
from results.database import OtherEnd, PatienceOver, RecordAway, RecordError
from results.record import Record
from results.spool import Spool, read_spool
from results.units import duration

PATIENCE_S = 1800.0
_SHORTEST_PAUSE_S = 1.0  # between two tries; a try that blocks is followed by twice its time
_QUICK_S = 0.5  # a try that takes no longer is made at the end too, when a signal may have come


class PatientRecord(Closing):
    """Writes a search's candidates to the record, or keeps them until it can be written.

    While the record is away, finished candidates are kept in memory and in the spool, from which
    the next process of the run takes them if this one dies. Call :meth:`settle` often: it tries
    again, and it gives up once the record has been away for the patience.
    """

    def __init__(
        self,
        record: Record,
        spool: Path | None = None,
        patience_s: float = PATIENCE_S,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        """``say`` prints a line when the record is waited for, and when it is back."""
        self._record = record
        self._spool = Spool(spool) if spool else None
        self._patience_s = patience_s
        self._say = say
        self._waiting: deque[tuple[Callable[[Candidate], None], Candidate]] = deque()
        self._is_spooled = self._spool is not None
        self._away_since: float | None = None
        self._next_try = 0.0
        self._last_try_s = 0.0

    @property
    def is_away(self) -> bool:
        """Whether the record could not be written at the last try; nothing is to begin then."""
        return self._away_since is not None

    def start(self, candidate: Candidate) -> None:
        """Record that a candidate begins; raise RecordAway if it is not to begin now."""
        try:
            self._try(lambda: self._record.start(candidate))
        except RecordAway as error:
            self._waiting.append((self._record.start, candidate))
            self._note(error)
            raise

    def finish(self, candidate: Candidate) -> None:
        """Record a candidate that ended, or keep it until that can be done.

        Raises:
            RecordError: the record is damaged, or holds another end of the candidate.
        """
        if not self.is_away:
            try:
                return self._try(lambda: self._record.finish(candidate))
            except RecordAway as error:
                self._keep(candidate)
                self._note(error)
                return None
            except (RecordError, KeyboardInterrupt):
                self._keep(candidate)
                raise
        return self._keep(candidate)

    def candidates(self) -> list[Candidate]:
        """Return all candidates; wait until the record is back."""
        while True:
            try:
                self._write_waiting()
                return self._record.candidates()
            except RecordAway as error:
                self._note(error)
                time.sleep(_SHORTEST_PAUSE_S)

    def settle(self) -> None:
        """Write what waits if it is time to try again.

        Raises:
            PatienceOver: the record has been away for too long.
        """
        if not self.is_away:
            self._record.settle()
        elif time.monotonic() >= self._next_try:
            try:
                self._try(self._write_waiting)
            except RecordAway as error:
                self._note(error)

    def close(self) -> None:
        """Write what waits, unless the last try took long, or say where it is kept."""
        if self._last_try_s <= _QUICK_S or not self._is_spooled:
            with suppress(RecordError):
                self._write_waiting()
        count = self._finished_count()
        if count:
            self._say(f"{count} finished candidates are not in the record: {self._kept()}")
        if self._spool:
            self._spool.close()

    def _try(self, write: Callable[[], None]) -> None:
        """Write; set the time of the next try, so that most of the time is left for candidates."""
        start = time.monotonic()
        try:
            write()
        finally:
            now = time.monotonic()
            self._last_try_s = now - start
            self._next_try = now + max(_SHORTEST_PAUSE_S, 2 * self._last_try_s)

    def _keep(self, candidate: Candidate) -> None:
        self._waiting.append((self._record.finish, candidate))
        self._is_spooled = bool(self._spool and self._spool.append(candidate)) and self._is_spooled

    def _write_waiting(self) -> None:
        """Write what waits, in its order, and say that the record is back."""
        count = self._finished_count()
        while self._waiting:
            write, candidate = self._waiting[0]
            write(candidate)
            self._waiting.popleft()
        if self._spool and count:
            self._spool.clear()
        self._is_spooled = self._spool is not None
        if self._away_since is None:  # a signal came while one was written
            return
        away_s = time.monotonic() - self._away_since
        self._away_since = None
        self._say(f"the record is back after {duration(away_s)}; {count} candidates written")

    def _note(self, error: RecordAway) -> None:
        """Say once that the record is waited for; raise PatienceOver when that took too long."""
        now = time.monotonic()
        if self._away_since is None:
            self._away_since = now
            self._say(
                f"{error}; waiting for it for up to {duration(self._patience_s)} (--patience), "
                "finished candidates are kept"
            )
        if now >= self._away_since + self._patience_s:
            raise PatienceOver(f"{error}; gave up after {duration(self._patience_s)} (--patience)")

    def _finished_count(self) -> int:
        return sum(write == self._record.finish for write, _ in self._waiting)

    def _kept(self) -> str:
        if self._spool and self._is_spooled:
            return f"{self._spool.path} keeps them for nas search --resume"
        return "there was no room to keep them all"


def take_in(record: Record, spool: Path) -> None:
    """Record the candidates that an earlier process of the run had to keep, and remove its spool.

    Raises:
        RecordError: the record cannot be written, or the spool not be read, which is then kept.
    """
    try:
        candidates = list(read_spool(spool))
    except OSError as error:
        raise RecordError(f"{spool}: cannot be read ({error.strerror})") from error
    for candidate in candidates:
        with suppress(OtherEnd):  # another release did not know the spool, and trained it again
            record.finish(candidate)
    spool.unlink(missing_ok=True)
