"""The kinds of device that a run's steps were timed on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from results.candidate import Candidate


def devices(candidates: Iterable[Candidate]) -> Counter[str]:
    """How many steps were timed on each kind."""
    return Counter(c.step_time.device for c in candidates if c.step_time is not None)


def mixed(kinds: Iterable[str]) -> str:
    """What there is to know of a run on unlike devices.

    S is the ratio to the backbone's step on the same device, so candidates of one kind compare.
    Two networks' ratio is another one on another kind of device, which the reward of a mixed run
    cannot tell apart.
    """
    return (
        f"steps were timed on unlike devices, {' and '.join(sorted(kinds))}: each is relative to "
        "the backbone's on its own device, but the ratio itself depends on the kind"
    )
