"""Helpers that decode the images of a source into the cache, in the order of their positions."""

from __future__ import annotations

from nas.data.cache.entry import Entry
from nas.data.cache.opening import WholeListing, open_cached
from nas.data.formats.base import Source
from nas.data.split import Split


def decoded(source: Source, size: int = 8) -> Entry:
    """Decode all images of the source."""
    return open_cached("some", source, size, WholeListing())


def only_part(source: Source, size: int = 8) -> Split:
    """Decode all images of the source and return them as a split."""
    (split,) = decoded(source, size).parts()
    return split
