"""A pseudo-random order of the numbers from 0 to n - 1, for any n, without a table."""

from __future__ import annotations

import hashlib

ROUNDS = 6


def permuted(index: int, count: int, seed: int) -> int:
    """Where ``index`` goes in a permutation of 0 to ``count`` - 1 that ``seed`` decides.

    A Feistel network over the next even power of two, walked until it falls within the range
    (Black and Rogaway, Ciphers with Arbitrary Finite Domains, 2002, section 5). It takes under four
    evaluations on average, however large ``count`` is.
    """
    if not 0 <= index < count:
        raise ValueError(f"index: got {index}, must be from 0 to {count - 1}")
    half_bits = max(1, ((count - 1).bit_length() + 1) // 2)
    while True:
        index = _feistel(index, half_bits, seed)
        if index < count:
            return index


def _feistel(index: int, half_bits: int, seed: int) -> int:
    mask = (1 << half_bits) - 1
    left, right = index >> half_bits, index & mask
    for number in range(ROUNDS):
        digest = hashlib.blake2b(f"{seed}/{number}/{right}".encode(), digest_size=16).digest()
        left, right = right, left ^ int.from_bytes(digest, "big") & mask
    return left << half_bits | right
