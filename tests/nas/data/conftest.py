"""Fixture that gives each test its own cache."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def cache_path(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that NAS_CACHE_DIR points to."""
    path = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("NAS_CACHE_DIR", str(path))
    monkeypatch.delenv("NAS_CACHE_LIMIT", raising=False)
    return path
