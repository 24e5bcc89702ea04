"""``nas search``: the search."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nas.cli import options
from nas.cli.announcement import data_lines, print_doubts
from nas.cli.echo import echo
