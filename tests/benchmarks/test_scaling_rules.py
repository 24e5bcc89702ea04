"""Both rules begin with the winner, and each grows what its paper says."""

from __future__ import annotations

import pytest

from benchmarks.scaling_rules import families
from scaling.scaled import Base, ImageSizes
from search_space.spaces import small

BASE = Base("winner", small(32).backbone, ImageSizes(32, 32))


@pytest.mark.parametrize("rule", ["non-uniform", "compound", "compound, one size"])
def test_a_family_begins_with_the_base_and_grows(rule: str) -> None:
    family = families(BASE)[rule]
    low, high = family.range
    first, last = family.member(low), family.member(high)
    assert (first.architecture, first.sizes) == (BASE.architecture, BASE.sizes)
    layers = [sum(stage.layers for stage in one.architecture.stages) for one in (first, last)]
    assert layers[0] < layers[1]


def test_only_the_compound_rule_grows_the_images() -> None:
    sizes = {rule: family.member(2.0).sizes.train for rule, family in families(BASE).items()}
    assert sizes == {"non-uniform": 32, "compound": 42, "compound, one size": 32}
