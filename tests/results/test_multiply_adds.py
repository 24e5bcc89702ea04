"""Counts of earlier releases are converted to today's rule, and never passed off as of it."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from results import architecture_file
from results.architecture_file import ArchitectureFile
from results.candidate import Candidate
from results.multiply_adds import RULE, by_todays_rule, normalised_values
from results.rows import checksum, from_row, to_row
from search_space.architecture import Architecture, Stage
from search_space.network import Network
from search_space.operators import OPERATORS
from search_space.spaces import SPACES, small
from tests.results.conftest import MakeCandidate

ARCHITECTURE = small(16).backbone
VALUES = normalised_values(ARCHITECTURE, 16) or 0
MINE = replace(ARCHITECTURE, stages=(replace(ARCHITECTURE.stages[0], operator="mine.blocks:one"),))


def _built_values(architecture: Architecture, image_size: int) -> int:
    """Run the network on shapes alone, and add up what goes through its batch normalisations."""
    values = 0

    def count(_: nn.Module, __: object, output: Tensor) -> None:
        nonlocal values
        values += output.numel()

    with torch.device("meta"), torch.no_grad():
        network = Network(architecture).eval()
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.register_forward_hook(count)
        network(torch.empty(1, 3, image_size, image_size))
    return values


def _of_any_operators(generator: random.Random) -> Architecture:
    stages = tuple(
        Stage(
            operator,
            kernel=generator.choice((3, 5)),
            stride=generator.choice((1, 2, 3)),
            expansion=generator.choice((1, 2, 4)),
            channels=generator.choice((8, 16, 24)),
            layers=generator.choice((1, 2)),
            se_ratio=generator.choice((0, 0.25)),
        )
        for operator in OPERATORS
    )
    return Architecture(stages, stem_channels=16, stem_stride=generator.choice((1, 2)))


@pytest.mark.parametrize("seed", range(4))
def test_normalised_values_are_those_of_the_built_network(seed: int) -> None:
    generator = random.Random(seed)
    spaces = (SPACES["vertex-efficientnetv2"](64), small(16))
    for architecture in (
        _of_any_operators(generator),
        *(space.sample(generator) for space in spaces),
    ):
        size = generator.choice((31, 64, 97))
        assert normalised_values(architecture, size) == _built_values(architecture, size)


def test_todays_counts_stay_and_earlier_ones_lose_two_for_each_value() -> None:
    assert VALUES > 0
    assert by_todays_rule(10**9, RULE, ARCHITECTURE, 16) == 10**9
    assert by_todays_rule(10**9, None, ARCHITECTURE, 16) == 10**9 - 2 * VALUES
    assert by_todays_rule(None, None, ARCHITECTURE, 16) is None


def test_a_count_that_cannot_be_converted_is_unknown() -> None:
    assert by_todays_rule(10**9, None, ARCHITECTURE, None) is None  # which image size?
    assert by_todays_rule(10**9, "a later one", ARCHITECTURE, 16) is None
    assert by_todays_rule(10**9, None, MINE, 16) is None
    assert by_todays_rule(10**9, RULE, MINE, 16) == 10**9
    assert by_todays_rule(2 * VALUES - 1, None, ARCHITECTURE, 16) is None  # of another network


def _earlier_row(candidate: Candidate) -> dict[str, object]:
    """Return the row as the releases wrote it that had no rule."""
    row = to_row(candidate)
    del row["multiply_adds_rule"]
    return {**row, "checksum": checksum(row)}


def test_a_row_holds_the_rule_and_an_earlier_one_is_converted(
    make_candidate: MakeCandidate,
) -> None:
    candidate = make_candidate(architecture=ARCHITECTURE, multiply_adds=10**9)
    timed = candidate.step_time
    assert timed is not None
    assert to_row(candidate)["multiply_adds_rule"] == RULE
    assert to_row(replace(candidate, multiply_adds=None))["multiply_adds_rule"] is None
    assert from_row(to_row(candidate)) == candidate
    values = normalised_values(ARCHITECTURE, timed.image_size)
    assert values
    converted = from_row(_earlier_row(candidate))
    assert converted == replace(candidate, multiply_adds=10**9 - 2 * values)
    assert from_row(to_row(converted)) == converted  # written again, it is not converted twice


def test_a_candidate_without_a_known_image_size_has_no_count(
    make_candidate: MakeCandidate,
) -> None:
    untimed = make_candidate(step_time=None, image_size=None)
    assert from_row(_earlier_row(untimed)).multiply_adds is None


def test_a_file_holds_the_rule_and_an_earlier_one_is_converted() -> None:
    file = ArchitectureFile("mine", ARCHITECTURE, 8, 16, parameters=5, multiply_adds=10**9)
    data = json.loads(json.dumps(file.to_json()))
    assert data["multiply_adds_rule"] == RULE
    assert architecture_file.from_json(data) == file
    del data["multiply_adds_rule"]
    earlier = architecture_file.from_json(data)
    assert earlier == replace(file, multiply_adds=10**9 - 2 * VALUES)
