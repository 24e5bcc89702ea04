"""Networks over the whole range of a space, to compare trainings on."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise

from nas.search.samplers.domain import ParameterCount
from search_space.architecture import Architecture
from search_space.space import Space

_DRAWN = 16  # networks, of which one is taken
_ATTEMPTS = 50  # of these, for each network to take, before the space counts as exhausted


def draw(
    space: Space,
    count: int,
    seed: int,
    parameters: ParameterCount,
    most: int | None = None,
    known: Sequence[Architecture] = (),
) -> list[Architecture]:
    """Return ``count`` networks of the space, or fewer if it has no more, in random order.

    Sixteen times as many are drawn uniformly, sorted by their parameters, and cut into ``count``
    groups of equal size; one of each group is taken at random. The sample has the distribution of
    the space, but reaches from its smallest to its largest networks for certain. Networks with
    over ``most`` parameters, and ``known`` ones, are left out.
    """
    generator = random.Random(f"{seed}/{len(known)}")
    taken = {architecture.architecture_id for architecture in known}
    pool: dict[str, tuple[int, Architecture]] = {}
    for _ in range(_ATTEMPTS * count):
        if len(pool) >= _DRAWN * count:
            break
        architecture = space.sample(generator)
        identity = architecture.architecture_id
        if identity in taken or identity in pool:
            continue
        size = parameters(architecture)
        if most is None or size <= most:
            pool[identity] = size, architecture
    ordered = sorted(pool.values(), key=lambda each: (each[0], each[1].architecture_id))
    groups = min(count, len(ordered))
    ends = [len(ordered) * i // groups for i in range(groups + 1)] if groups else [0]
    chosen = [generator.choice(ordered[low:high])[1] for low, high in pairwise(ends)]
    generator.shuffle(chosen)
    return chosen
