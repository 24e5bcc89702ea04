"""What becomes of encoded images, in the order in which they were found."""

from __future__ import annotations

from nas.data.cache.dataset import open_cached, whole_listing
from nas.data.cache.entry import Entry
from nas.data.formats.base import Source
from nas.data.split import Split


def decoded(source: Source, size: int = 8) -> Entry:
    """All images of the source, decoded into the cache."""
    return open_cached("some", source, size, whole_listing)


def only_part(source: Source, size: int = 8) -> Split:
    """Their pixels and labels."""
    (split,) = decoded(source, size).parts()
    return split
