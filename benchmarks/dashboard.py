"""Measure in the browser how fast the dashboard is drawn and how fast it reacts to a slider.

python -m benchmarks.dashboard [--candidates 1000 20000] [--repeats 5]    # some minutes

This needs Chromium. The times are:

- "read": from the start of the server until it has read the run.
- "drawn": from the start of the navigation to the frame with axes and all candidates.
- "slider": from the input event to the frame with the new winner, ranking and front.
- "CPU": of the page's main thread, for drawn and for a slide. Other work on the machine changes it
  less than it changes the times above.
- "live": from a candidate's commit to the record until the open page shows it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.request import urlopen

from playwright.sync_api import Browser, CDPSession, Page

from benchmarks.chromium import chromium
from benchmarks.cpu_protocol import one_line_errors
from results.record import Record
from reward.step_time.clocks import processor_name
from search_space.spaces import small
from tests.results.dashboard.made_run import add, made_candidate, make_run

_SHOWN = "(count) => document.documentElement.dataset.drawn === count"
LIMITS_MS = {1000: (500, 30), 20_000: (1500, 100)}
LIVE_LIMIT_MS = 1000
SLIDES, COMPLETED = 10, 3


def main() -> None:
    """Print n, the spread and the machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candidates", type=int, nargs="+", default=list(LIMITS_MS))
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    with one_line_errors(), chromium() as browser:
        load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
        print(f"{processor_name()}, {os.cpu_count()} cores, load {load}")
        print(f"Chromium {browser.version}, no GPU, {options.repeats} visits, {SLIDES} slides each")
        for count in options.candidates:
            _measure(browser, count, options.repeats)


def _measure(browser: Browser, count: int, repeats: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        with make_run(run, count) as record, _served(run) as (address, read_s):
            visits = [_visit(browser, address, count) for _ in range(repeats)]
            live = _completed(browser, address, record, count)
    drawn_limit, slider_limit = LIMITS_MS.get(count, (None, None))
    print(f"n = {count} candidates, read in {read_s:.1f} s")
    _print("drawn", [visit.drawn for visit in visits], drawn_limit)
    _print("drawn, CPU", [visit.drawn_cpu for visit in visits], None)
    _print("slider", [answer for visit in visits for answer in visit.answers], slider_limit)
    _print("slider, CPU", [visit.answer_cpu for visit in visits], None)
    _print("live", live, LIVE_LIMIT_MS)


def _completed(browser: Browser, address: str, record: Record, count: int) -> list[float]:
    """Return the milliseconds from each candidate's commit until the open page shows it."""
    page = browser.new_page(viewport={"width": 1366, "height": 768})
    page.goto(address)
    page.wait_for_function(_SHOWN, arg=str(count), timeout=120_000)
    taken = []
    for number in range(count, count + COMPLETED):
        add(record, [made_candidate(small(), number)])
        begin = time.perf_counter()
        page.wait_for_function(_SHOWN, arg=str(number + 1), timeout=120_000)
        taken.append(1000 * (time.perf_counter() - begin))
    page.close()
    return taken


class _Visit(NamedTuple):
    """The milliseconds until "drawn" and of each slide, and the main thread's of both."""

    drawn: float
    drawn_cpu: float
    answers: list[float]
    answer_cpu: float  # the mean of a slide


def _visit(browser: Browser, address: str, count: int) -> _Visit:
    page = browser.new_page(viewport={"width": 1366, "height": 768})
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    begun = _thread_ms(session)
    page.goto(address)
    drawn = _durations(page, "nas:draw", 1)[0]
    drawn_cpu = _thread_ms(session) - begun
    assert page.locator("html").get_attribute("data-drawn") == str(count)
    begun = _thread_ms(session)
    for slide in range(SLIDES):
        page.locator("#w").fill(str(round(-0.2 + 0.02 * slide, 3)))
        _durations(page, "nas:slider", slide + 1)
    answers = _durations(page, "nas:slider", SLIDES)
    answer_cpu = (_thread_ms(session) - begun) / SLIDES
    page.close()
    return _Visit(drawn, drawn_cpu, answers, answer_cpu)


def _thread_ms(session: CDPSession) -> float:
    """Return the CPU time of the page's main thread so far."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return 1000 * float(next(each["value"] for each in metrics if each["name"] == "TaskDuration"))


def _durations(page: Page, name: str, count: int) -> list[float]:
    """Wait for this many measurements with a name, and return them in milliseconds."""
    measures = f"performance.getEntriesByName('{name}').map((entry) => entry.duration)"
    page.wait_for_function(f"() => {measures}.length >= {count}", timeout=120_000)
    found: list[float] = page.evaluate(measures)
    return found


@contextmanager
def _served(run: Path) -> Iterator[tuple[str, float]]:
    """Serve the dashboard in another process; yield its address and the seconds it read for."""
    begin = time.perf_counter()
    command = [sys.executable, "-m", "nas", "dashboard", str(run), "--port", "0", "--no-open"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().partition("/?")[0]
        with urlopen(f"{address}/api/runs") as answer:
            answer.read()
        yield address, time.perf_counter() - begin
        process.terminate()


def _print(name: str, values_ms: Sequence[float], limit_ms: int | None) -> None:
    ordered = sorted(values_ms)
    spread = f"{ordered[0]:.0f} to {ordered[-1]:.0f} ms, median {statistics.median(ordered):.0f} ms"
    print(f"  {name}: {spread}" + (f" (limit {limit_ms} ms)" if limit_ms else ""))


if __name__ == "__main__":
    main()
