"""One rule for classes with few images, for all formats, applied before anything is decoded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from nas.data.formats.base import Chunk, ClassNames, Listing, Source
from nas.errors import UserError, first_of

FEWEST_PER_CLASS = 5


def without_rare_classes(source: Source, minimum: int | None, where: str) -> Source:
    """Return the source without the classes that have fewer than ``minimum`` training images.

    None refuses a source with a class of fewer than five. The images of several classes each are
    all kept. ``where`` names the data in errors.
    """
    fingerprint = source.fingerprint if minimum is None else f"{source.fingerprint} {minimum}"
    return replace(
        source, fingerprint=fingerprint, list_images=partial(_listing, source, minimum, where)
    )


def kept_classes(
    labels: NDArray[np.int64], class_names: Sequence[str], minimum: int | None, where: str
) -> tuple[NDArray[np.int64], str]:
    """Return the numbers of the classes that are kept, and a note on those that are not.

    Raises:
        UserError: there are classes with fewer than five images, and ``minimum`` is None; or it
            leaves fewer than two classes.
    """
    counts = np.bincount(labels, minlength=len(class_names))
    few = counts < (FEWEST_PER_CLASS if minimum is None else minimum)
    rare = np.flatnonzero(few & (counts > 0))  # a class that is only named stays
    if not len(rare) or len(class_names) < 2:  # too few classes are refused elsewhere
        return np.arange(len(class_names)), ""
    names = first_of((f"{class_names[i]!r} ({counts[i]})" for i in rare.tolist()), len(rare))
    several = "es" if len(rare) > 1 else ""
    if minimum is None:
        raise UserError(
            f"--data: {where}: got {len(rare)} of {len(class_names)} classes with fewer than "
            f"{FEWEST_PER_CLASS} images: {names}; --min-per-class {FEWEST_PER_CLASS} leaves them "
            "out, --min-per-class 1 keeps them"
        )
    kept = np.flatnonzero(~few | (counts == 0))
    left = np.count_nonzero(~few)
    if left < 2:
        raise UserError(
            f"--min-per-class: got {minimum}, which leaves {left} of {len(class_names)} classes of "
            f"{where}, must leave 2 or more"
        )
    return kept, f"left out {len(rare)} class{several} with fewer than {minimum} images: {names}"


def _listing(source: Source, minimum: int | None, where: str, class_names: ClassNames) -> Listing:
    listing = source.listing(class_names)
    labels, start = listing.labels, listing.validation_start
    if labels.ndim > 1 or not len(labels):
        return listing
    kept, note = kept_classes(labels[:start], listing.class_names, minimum, where)
    if not note:
        return listing
    numbers = np.full(len(listing.class_names), -1)
    numbers[kept] = np.arange(len(kept))
    positions = np.flatnonzero(numbers[labels] >= 0)
    names = tuple(listing.class_names[i] for i in kept)
    return replace(
        taken(listing, positions),
        labels=numbers[labels[positions]],
        class_names=names,
        notes=(*listing.notes, note),
    )


def taken(listing: Listing, positions: NDArray[np.int64]) -> Listing:
    """Return the listing of the images at these positions, in ascending order."""
    start, reader = listing.validation_start, listing.reader
    return replace(
        listing,
        labels=listing.labels[positions],
        name=lambda position: listing.name(int(positions[position])),
        chunks=partial(_chunks, listing, positions),
        validation_start=None if start is None else int(np.searchsorted(positions, start)),
        reader=reader and (lambda position: reader(int(positions[position]))),
    )


def _chunks(listing: Listing, positions: NDArray[np.int64]) -> Iterator[Chunk]:
    new = {int(old): place for place, old in enumerate(positions)}
    for chunk in listing.chunks():
        yield [(new[position], read) for position, read in chunk if position in new]
