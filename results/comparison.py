"""What a run of ``nas proxy`` compares: trainings of the same networks at several fidelities.

A fidelity is for how long, at which image size, and on how much of the data a network is trained. A
proxy is a training of low fidelity that stands for one of high fidelity.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from results.candidate import FULL, PROXY
from search_space.bounds import (
    MOST_CANDIDATES,
    MOST_EPOCHS,
    MOST_IMAGE_SIZE,
    real,
    shown,
    text,
    whole,
)

LEAST_SHARE = 0.001
_MOST_FIDELITIES = 100


@dataclass(frozen=True)
class Fidelity:
    """Epochs, image size in pixels, and share of the training images, in (0, 1]."""

    epochs: int
    image_size: int
    data_share: float = 1.0

    @property
    def work(self) -> float:
        """The pixels that a training processes, relative to those of other fidelities."""
        return self.epochs * self.image_size**2 * self.data_share

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Return what :func:`dataclasses.asdict` made of it.

        Raises:
            ValueError: it is something else, or out of bounds.
        """
        if not isinstance(data, Mapping):
            raise ValueError(f"fidelity: got {shown(data)}, must be an object")
        share = real("data_share", data.get("data_share"), 1.0, LEAST_SHARE)
        epochs = whole("epochs", data.get("epochs"), MOST_EPOCHS)
        return cls(epochs, whole("image_size", data.get("image_size"), MOST_IMAGE_SIZE), share)


@dataclass(frozen=True)
class Comparison:
    """The fidelities beside the proxy's own, by name, the full one first.

    ``repeats`` networks are trained again by the proxy and in full. ``precision`` is the half-width
    of tau's 95 % interval at which it is enough, None to train all networks.
    """

    fidelities: Mapping[str, Fidelity]
    repeats: int
    precision: float | None = None

    @classmethod
    def recorded(cls, settings: Mapping[str, Any]) -> Self | None:
        """Return the comparison in a run's settings; None in those of a search.

        Raises:
            ValueError: it has another form.
        """
        data = settings.get("proxy")
        if data is None:
            return None
        named = data.get("fidelities") if isinstance(data, Mapping) else None
        if not isinstance(named, Mapping) or len(named) > _MOST_FIDELITIES:
            raise ValueError(f"proxy: got {shown(data)}, must hold fidelities by name")
        if next(iter(named), None) != FULL or PROXY in named:
            raise ValueError(f"proxy: the first fidelity must be {FULL}, and none {PROXY}")
        precision = data.get("precision")
        return cls(
            {text("fidelity", name): Fidelity.from_json(each) for name, each in named.items()},
            whole("repeats", data.get("repeats"), MOST_CANDIDATES, least=0),
            None if precision is None else real("precision", precision, 1.0),
        )

    def to_json(self) -> dict[str, Any]:
        """Return what :meth:`recorded` reads."""
        return asdict(self)

    @property
    def tried(self) -> list[str]:
        """The names of the fidelities that are tried beside the proxy's and the full one."""
        return [name for name in self.fidelities if name != FULL]

    def wanted(self, place: int | None, networks: int) -> list[str]:
        """Return at which fidelities the network at a ``place`` of so many is trained further.

        One without a place, which makes up for another that failed, is trained once at each.
        """
        twice = place is not None and self._is_repeated(place, networks)
        return [*self.fidelities, *([PROXY, FULL] if twice else [])]

    def extended(self, networks: int, more: int) -> Self:
        """Return that of ``more`` networks, of which as large a share is trained twice."""
        return replace(self, repeats=round(self.repeats * more / networks))

    def _is_repeated(self, place: int, networks: int) -> bool:
        """Return whether the network at a ``place`` is trained twice: they are spread evenly."""
        share = min(1.0, self.repeats / networks)
        return math.ceil(place * share) < math.ceil((place + 1) * share)

    def trainings(self, networks: int) -> int:
        """Return how many further trainings so many networks have."""
        return networks * len(self.fidelities) + 2 * min(self.repeats, networks)

    def work(self, proxy: Fidelity, networks: int) -> float:
        """Return the work of these trainings, as a multiple of one training by the proxy."""
        repeats, full = min(self.repeats, networks), self.fidelities[FULL].work
        once = sum(fidelity.work for fidelity in self.fidelities.values())
        return (networks * once + repeats * (proxy.work + full)) / proxy.work
