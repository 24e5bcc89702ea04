"""What of this machine the process may use."""

from __future__ import annotations


def available_cores() -> int:
    """Return the cores that this process may use, by its affinity and its control group."""
    from joblib import cpu_count

    cores: int = cpu_count()
    return cores
