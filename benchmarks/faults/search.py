"""One search of 40 candidates that is hurt and resumed until it is done."""

from __future__ import annotations

import json
import random
import re
import shutil
import signal
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.faults import checks
from benchmarks.faults.kinds import KINDS, Victim, tear_files
from benchmarks.faults.processes import SHORTEST_WAIT_S, Command
from search_space.space_file import write_space
from tests.nas.tiny import tiny, write_tiny_images
from tests.postgres import PostgresServer

BUDGET = 40
SAMPLERS = ("random", "tpe", "nsga2", "evolution", "policy", "model", "rnn")
_ENDS_WITHIN_S = 300.0  # a command, also on a busy machine
_LEAVES_WITHIN_S = 20.0  # what its processes and folders may take to go
_MOST_COMMANDS = 6
_WOULD_NOT_END = -99
_EVALUATED = re.compile(r"^candidate (\d+): complete", re.MULTILINE)


@dataclass(frozen=True)
class Place:
    """Where searches run: a folder for all, and a database server or the run's own file."""

    folder: Path
    server: PostgresServer | None = None

    @property
    def database(self) -> str:
        """The kind of database that keeps the record."""
        return "postgresql" if self.server else "sqlite"


@dataclass
class Outcome:
    """What became of one search: how its commands ended, and what was wrong in the end."""

    round: int
    kind: str
    sampler: str
    exit_codes: list[int] = field(default_factory=list)
    faults: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def to_json(self) -> str:
        """Return it as one line."""
        return json.dumps(asdict(self))


def prepare(place: Place) -> None:
    """Write the space and the images that all searches use."""
    (place.folder / "space.yaml").write_text(write_space(tiny()))
    write_tiny_images(place.folder / "images.npz")


def calm(place: Place) -> dict[int, float]:
    """Return the accuracy of each candidate of a random search that nothing is done to."""
    folder = place.folder / "calm"
    folder.mkdir()
    command = Command(_arguments(place, folder, "random"), folder, folder / "output.txt")
    if command.wait(_ENDS_WITHIN_S) != 0:
        raise RuntimeError(command.text())
    return checks.accuracies(folder / "run")


def play(
    place: Place, number: int, seed: int, calm_accuracies: Mapping[int, float], only: str = ""
) -> Outcome:
    """Hurt a search as its number says, resume it until it is done, and look at what is left."""
    names = [
        name
        for name, kind in KINDS.items()
        if kind.needs in ("", place.database) and name.startswith(only)
    ]
    sampler = SAMPLERS[number // len(names) % len(SAMPLERS)]
    outcome = Outcome(number, names[number % len(names)], sampler)
    began = time.monotonic()
    search = _Search(place, outcome, random.Random(f"{seed} {number}"))
    search.play_to_the_end()
    expected = calm_accuracies if sampler == "random" else {}
    outcome.wrong += checks.record(search.run, BUDGET, search.seen, expected)
    outcome.seconds = round(time.monotonic() - began, 1)
    if not outcome.wrong:
        shutil.rmtree(search.folder)
    return outcome


class _Search:
    """A search in its own folder, the moments at which it is hurt, and what it printed."""

    def __init__(self, place: Place, outcome: Outcome, chance: random.Random) -> None:
        self._place = place
        self._outcome = outcome
        self._kind = KINDS[outcome.kind]
        self._chance = chance
        self._moments = sorted(chance.sample(range(BUDGET - 1), k=chance.choice((1, 1, 2))))
        self.folder = place.folder / f"round-{outcome.round}"
        self.run = self.folder / "run"
        self.seen: set[int] = set()

    def play_to_the_end(self) -> None:
        """Run one command after the other, until one ends with success."""
        self.folder.mkdir()
        outcome = self._outcome
        for attempt in range(_MOST_COMMANDS):
            output = self.folder / f"output-{attempt}.txt"
            command = Command(self._next_arguments(), self.folder, output)
            allowed = self._hurt(command)
            code = self._end_of(command)
            outcome.exit_codes.append(code)
            self.seen |= command.numbers(_EVALUATED)
            if code not in allowed:
                outcome.wrong.append(f"exit code {code}: {command.text().splitlines()[-1:]}")
            outcome.wrong += checks.traceback(command.text())
            outcome.wrong += checks.left_behind(self.folder, _LEAVES_WITHIN_S)
            if code == 0:
                return
            if self._kind.tear:
                tear_files(self.run, self._chance)
        outcome.wrong.append(f"not done after {_MOST_COMMANDS} commands")

    def _next_arguments(self) -> list[str]:
        if not (self.run / "run.json").exists():
            arguments = _arguments(self._place, self.folder, self._outcome.sampler)
            return [*arguments, *self._kind.options, *self._workers()]
        return ["search", "--resume", str(self.run), *self._workers()]

    def _workers(self) -> list[str]:
        return ["--workers", str(self._chance.choice((1, 2)))]

    def _hurt(self, command: Command) -> tuple[int, ...]:
        """Harm a command at each moment that it reaches; return the exit codes it may have."""
        victim = Victim(command, self.folder, self.run, self._chance, self._place.server)
        allowed: tuple[int, ...] = (0,)
        while self._moments and self._reaches(command, self._moments[0]):
            self._moments.pop(0)
            self._kind.harm(victim)
            self._outcome.faults += 1
            allowed = (*self._kind.exit_codes, 0)  # it may have ended just before
        return allowed

    def _reaches(self, command: Command, moment: int) -> bool:
        """Wait until so many are evaluated, and a moment more; False if it ended before."""
        while len(self.seen | command.numbers(_EVALUATED)) <= moment:
            if command.exit_code() is not None:
                return False
            time.sleep(SHORTEST_WAIT_S)
        time.sleep(self._chance.uniform(0, 0.4))
        return command.exit_code() is None

    def _end_of(self, command: Command) -> int:
        code = command.wait(_ENDS_WITHIN_S)
        if code is None:
            self._outcome.wrong.append(f"hangs for {_ENDS_WITHIN_S:g} s")
            command.send(signal.SIGKILL)
            code = command.wait(10)
        return code if code is not None else _WOULD_NOT_END


def _arguments(place: Place, folder: Path, sampler: str) -> list[str]:
    options: dict[str, Any] = {
        "--space": place.folder / "space.yaml",
        "--data": place.folder / "images.npz",
        "--budget": BUDGET,
        "--baseline": 1,
        "--epochs": 1,
        "--sampler": sampler,
        "--out": folder / "run",
    }
    if place.server:
        options["--storage"] = place.server.url
    return ["search", *(str(part) for pair in options.items() for part in pair)]
