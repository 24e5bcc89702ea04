"""What to try when a batch does not fit into memory."""

from __future__ import annotations

from collections.abc import Iterator

SMALLEST = 2  # batch normalisation has no statistics of one image


def micro_batches(batch_size: int) -> Iterator[int | None]:
    """The whole batch, None, and then its halves, quarters and so on down to two images."""
    yield None
    micro_batch = batch_size
    while micro_batch > SMALLEST:
        micro_batch = max(SMALLEST, -(-micro_batch // 2))
        yield micro_batch
