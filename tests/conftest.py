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


# Files whose tests take minutes; begun last, one of them would keep a single core busy at the end.
_LONG = (
    "test_own_package", "end_to_end", "test_failures", "test_stops", "test_ray_backend",
    "test_killed", "test_on_a_cluster", "test_cluster", "test_docs", "test_notebook",
    "test_on_pretend_cuda", "test_schedulers",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long files first; the order within a file stays."""
    items.sort(key=lambda item: not any(part in item.path.name for part in _LONG))
