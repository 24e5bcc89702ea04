"""The options that decide which images of a data set are taken, and how they are decoded."""

from __future__ import annotations

from dataclasses import dataclass

from nas.data.decode import Crop
from nas.data.minival import AUTO, MinivalChoice, parse_minival

BACKGROUND = "grey"


@dataclass(frozen=True)
class DataOptions:
    """The options, in the form of the command line.

    ``minival`` is read by :func:`nas.data.minival.parse_minival`, ``background`` by
    :func:`nas.data.decode.parse_background`. Classes with fewer than ``min_per_class`` training
    images are left out; None refuses a data set that has any with fewer than five. ``values`` is
    the range of images with more than 8 bits (:class:`nas.data.decode.Decoding`); None finds it.
    ``crop`` is the part of an image that is evaluated (:func:`nas.data.decode.fitted`).
    """

    minival: str = AUTO
    background: str = BACKGROUND
    min_per_class: int | None = None
    values: tuple[float, float] | None = None
    crop: Crop = "square"

    @classmethod
    def given(
        cls, minival: str | None, background: str | None, min_per_class: int | None
    ) -> DataOptions:
        """Return the options of a command line; None stands for one that was not given."""
        return cls(minival or AUTO, background or BACKGROUND, min_per_class)

    @property
    def minival_choice(self) -> MinivalChoice:
        """Where the minival comes from."""
        return parse_minival(self.minival)
