"""Hurt many searches of 40 candidates each, and check that nothing finished is lost.

python -m benchmarks.faults --rounds 300                # by kind: kills, stops, hangs, full disk
python -m benchmarks.faults --rounds 300 --postgresql   # with a server of its own on loopback
python -m benchmarks.faults --rounds 15 --only driver   # the kinds that begin so

After each fault the search goes on, or is resumed, until it is done. Then its budget must be exact,
all that was printed as complete must be in its record, random search's accuracies must be those of
a search that nothing was done to, bit for bit, and no process and no folder may be left. Each round
is a line of --out; those that are there already are not played again, and --rounds 0 prints their
table. A round takes half a minute to a minute on two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.faults.search import Place, calm, play, prepare
from reward.step_time.clocks import processor_name
from tests.postgres import postgres_server

_OF_A_SEARCH = ("nas.search.prepare", "nas.search.run")


def main() -> None:
    """Play the rounds, some at once, and print a table by kind."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--at-once", type=int, default=2, help="rounds that run side by side")
    parser.add_argument("--postgresql", action="store_true", help="keep the records in PostgreSQL")
    parser.add_argument("--only", default="", help="kinds whose name begins so")
    parser.add_argument("--out", type=Path, help="a file of JSON lines")
    options = parser.parse_args()
    if options.postgresql and not shutil.which("initdb"):
        parser.error("--postgresql needs PostgreSQL's initdb and pg_ctl on the PATH")
    with _folder() as folder:
        out = options.out or folder / "rounds.jsonl"
        out.touch()
        done = {line["round"] for line in _lines(out)}
        numbers = [number for number in range(options.rounds) if number not in done]
        if numbers:
            _play(numbers, options, folder, out)
        _print_table(_lines(out), "PostgreSQL" if options.postgresql else "SQLite")


def _play(numbers: list[int], options: argparse.Namespace, folder: Path, out: Path) -> None:
    for name in _OF_A_SEARCH:  # once, and not again in each of the commands
        import_module(name)
    with ExitStack() as servers:
        # A server for each lane: stopping it is to hurt one search alone.
        places = [
            Place(folder, servers.enter_context(postgres_server()) if options.postgresql else None)
            for _ in range(options.at_once)
        ]
        prepare(places[0])
        expected = calm(places[0])

        def lane(index: int) -> None:
            for number in numbers[index :: options.at_once]:
                outcome = play(places[index], number, options.seed, expected, options.only)
                with out.open("a") as file:
                    file.write(outcome.to_json() + "\n")

        _side_by_side(lane, options.at_once)


@contextmanager
def _folder() -> Iterator[Path]:
    """Make a folder for the rounds, which stays if one of them found something."""
    folder = Path(tempfile.mkdtemp(prefix="faults-", dir="/tmp"))
    yield folder
    left = [path for path in folder.glob("round-*") if path.is_dir()]
    if left:
        print(f"what was wrong is in {folder}")
    else:
        shutil.rmtree(folder)


def _side_by_side(work: Callable[[int], None], count: int) -> None:
    """Do the work in ``count`` forked processes, and wait for their end."""
    children = []
    for index in range(count):
        pid = os.fork()
        if pid == 0:
            work(index)
            os._exit(0)
        children.append(pid)
    codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
    if any(codes):
        print(f"a lane of rounds ended with {codes}")


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def _print_table(rounds: list[dict[str, Any]], database: str) -> None:
    print(f"{processor_name()} of {os.cpu_count()}, {platform.system()}, record in {database}")
    print(f"{'kind':30}{'rounds':>7}{'faults':>7}{'resumed':>9}{'seconds':>9}{'wrong':>7}")
    for kind in sorted({line["kind"] for line in rounds}):
        those = [line for line in rounds if line["kind"] == kind]
        _print_row(kind, those)
    _print_row("all", rounds)
    for line in rounds:
        for text in line["wrong"]:
            print(f"round {line['round']} ({line['kind']}, {line['sampler']}): {text}")


def _print_row(name: str, rounds: list[dict[str, Any]]) -> None:
    faults = sum(line["faults"] for line in rounds)
    resumed = sum(len(line["exit_codes"]) - 1 for line in rounds)
    seconds = sum(line["seconds"] for line in rounds) / max(1, len(rounds))
    wrong = sum(bool(line["wrong"]) for line in rounds)
    print(f"{name:30}{len(rounds):7}{faults:7}{resumed:9}{seconds:9.1f}{wrong:7}")


if __name__ == "__main__":
    main()
