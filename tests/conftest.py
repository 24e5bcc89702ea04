"""Settings of all tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

# The same examples everywhere and every time; a slow machine is no failure.
settings.register_profile("nas", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("nas")


@pytest.fixture(scope="session", autouse=True)
def _cache_of_the_tests_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Decoded images never go to the user's own cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NAS_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield
