"""The cases run only in a process whose GPU is the pretend device."""

from __future__ import annotations

import sys

collect_ignore_glob = [] if "tests.pretend_cuda.device" in sys.modules else ["test_*.py"]
