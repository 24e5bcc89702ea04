"""Run a table or figure of the EfficientNetV2 and EfficientNet papers.

python -m benchmarks.paper                      # the rows by name
python -m benchmarks.paper table5               # at a size that takes a CPU some minutes
python -m benchmarks.paper table5 --data PATH --arch efficientnetv2-s --sizes 128,192,300

Each row prints the published figures, then its own with n, the spread and the machine. Its options
take it to the size of the paper. docs/papers.md says what came out.
"""

from __future__ import annotations

import argparse
import sys

from benchmarks.cpu_protocol import follow, one_line_errors
from benchmarks.paper import counts, inference, own_trainings, pretraining, steps, trainings
from benchmarks.paper.row import PaperRow

_MODULES = (counts, steps, inference, trainings, pretraining, own_trainings)
ROWS: dict[str, PaperRow] = {row.name: row for module in _MODULES for row in module.ROWS}


def main() -> None:
    """Run the row that the arguments name, or list the rows."""
    options = _parser().parse_args()
    if options.row is None:
        for row in ROWS.values():
            print(f"{row.name:12} {row.title}")
        return
    follow("benchmarks.paper")
    row = ROWS[options.row]
    print(f"{row.name}: {row.title}")
    for line in row.published:
        print(f"published    {line}")
    sys.stdout.flush()
    with one_line_errors():
        row.run(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.paper", description=(__doc__ or "").partition("\n")[0]
    )
    rows = parser.add_subparsers(dest="row", metavar="NAME", title="rows")
    for row in ROWS.values():
        of_row = rows.add_parser(
            row.name,
            help=row.title,
            description=row.title,
            formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        )
        row.add_options(of_row)
    return parser


if __name__ == "__main__":
    main()
