"""Settings of all tests."""

from __future__ import annotations

from hypothesis import settings

# The same examples everywhere and every time; a slow machine is no failure.
settings.register_profile("nas", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("nas")
