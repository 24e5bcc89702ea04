"""What scaling starts from and what it makes: a network with its image sizes, and how it came."""

from __future__ import annotations

from dataclasses import dataclass

from scaling.sizes import ImageSizes
from search_space.architecture import Architecture


@dataclass(frozen=True)
class Base:
    """The network that a family is scaled from; the family's smallest name or its S."""

    name: str
    architecture: Architecture
    sizes: ImageSizes


@dataclass(frozen=True)
class Scaled:
    """A member of a family.

    ``place`` is the rule's coefficient on the family's scale, which counts EfficientNet's steps:
    B0 to B7 are 0 to 7. ``dropout`` is the published one where the family has it by place, and None
    where it follows from the parameters (:mod:`scaling.regularization`).
    """

    architecture: Architecture
    sizes: ImageSizes
    rule: str
    place: float
    parent: Base
    dropout: float | None = None
