"""Settings of all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

# The same examples everywhere and every time; a slow machine is no failure.
settings.register_profile("nas", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("nas")


@pytest.fixture(scope="session", autouse=True)
def _share_of_the_gpu() -> None:
    """Take no more of a GPU's memory than NAS_TESTS_GPU_SHARE says, a number up to 1."""
    share = os.environ.get("NAS_TESTS_GPU_SHARE")
    if share is not None:
        import torch

        torch.cuda.set_per_process_memory_fraction(float(share))


@pytest.fixture(scope="session", autouse=True)
def _cache_of_the_tests_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Decoded images never go to the user's own cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NAS_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield
