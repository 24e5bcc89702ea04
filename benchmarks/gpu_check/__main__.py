"""Check on a GPU what cannot be checked without one, and measure it: ``make gpu-check``.

python -m benchmarks.gpu_check                    # all, some 7 minutes on an H100
python -m benchmarks.gpu_check --only no_waits    # what begins so
python -m benchmarks.gpu_check --list

It needs neither the internet nor Ray. First come the checks, each of which passes or says what it
found, and then the tables. All is printed, and written to ``--out``: report.txt and a file a table.
The exit code is 1 if a check fails.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.gpu_check import checks, tables
from reward.step_time.clocks import device_name, driver_version, processor_name

Part = Callable[[], str]
CHECKS: tuple[Part, ...] = (
    checks.marked_tests,
    checks.clock,
    checks.backbone_against_itself,
    checks.same_numbers_as_the_cpu,
    checks.graph_against_eager,
    checks.failed_capture,
    checks.no_waits,
    checks.evaluations,
    checks.memory_fractions,
    checks.training_from_start_to_export,
    checks.several_processes,
    checks.cause_of_a_device_error,
)
TABLES: tuple[Part, ...] = (
    tables.modes,
    tables.depth_against_width,
    tables.repeatability,
    tables.augmentation,
    tables.beside_timm,
    tables.candidates_an_hour,
)


def main() -> None:
    """Run the checks and tables, and print and write what came out."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("gpu-check"), help="a folder")
    parser.add_argument("--only", default="", help="checks and tables whose name begins so")
    parser.add_argument("--list", action="store_true", help="print their names")
    options = parser.parse_args()
    parts = [part for part in (*CHECKS, *TABLES) if part.__name__.startswith(options.only)]
    if options.list:
        for part in parts:
            print(f"{part.__name__:32}{(part.__doc__ or '').splitlines()[0]}")
        return
    if not torch.cuda.is_available():
        parser.error("needs a GPU that torch can use: torch.cuda.is_available() is False")
    options.out.mkdir(parents=True, exist_ok=True)
    with (options.out / "report.txt").open("w") as report:

        def say(text: str) -> None:
            print(text, flush=True)
            report.write(text + "\n")
            report.flush()

        say(_machine())
        failed = [part.__name__ for part in parts if not _run(part, options.out, say)]
        say(f"{len(parts) - len(failed)} of {len(parts)} passed")
    sys.exit(bool(failed))


def _run(part: Part, out: Path, say: Callable[[str], None]) -> bool:
    """Run a check or a table; return whether it passed. The others go on if it did not."""
    start = time.monotonic()
    try:
        text, passed = part(), True
    except Exception:
        text, passed = traceback.format_exc().strip(), False
    finally:
        torch.cuda.set_sync_debug_mode("default")
    seconds = time.monotonic() - start
    say(f"\n== {part.__name__}: {'passed' if passed else 'FAILED'} in {seconds:.0f} s\n{text}")
    if part in TABLES and passed:
        (out / f"{part.__name__}.txt").write_text(f"{_machine()}\n{text}\n")
    return passed


def _machine() -> str:
    device = torch.device("cuda")
    total = torch.cuda.get_device_properties(device).total_memory / 2**30
    return (
        f"{device_name(device)}, {total:.0f} GiB, driver {driver_version(device)}, "
        f"{processor_name()} with {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"torch {torch.__version__}"
    )


if __name__ == "__main__":
    main()
