"""The seed of each candidate, from the run's seed and the candidate's number."""

from __future__ import annotations

import hashlib


def candidate_seed(run_seed: int, number: int) -> int:
    """Return the seed of a candidate's weights and training, in [0, 2^31)."""
    digest = hashlib.blake2b(f"{run_seed}/{number}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") >> 1
