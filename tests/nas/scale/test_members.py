"""Members of a family are built, counted, and trained for a few steps on digits."""

from __future__ import annotations

import random

import pytest
import torch

from nas.data.formats import digits
from nas.errors import UserError
from nas.scale.members import Members, Target
from nas.training.recipes import proxy
from nas.training.step import training_step
from results.architecture_file import ArchitectureFile
from scaling.families import family_of
from scaling.scaled import Base, ImageSizes
from search_space.architecture import Architecture, Stage
from search_space.network import Network
from search_space.spaces import small

torch.set_num_threads(1)


@pytest.mark.parametrize("name", ["B0", "S", "M", "L", "XL"])
@pytest.mark.parametrize("number", [0, 1])
def test_a_member_of_a_digits_winner_trains(number: int, name: str) -> None:
    architecture = small(8).sample(random.Random(number))
    family = family_of(Base("winner", architecture, ImageSizes(8, 8)))
    member = family.member(family.places[name])
    part = digits.digits("train", member.sizes.train)
    images = torch.from_numpy(part.pixels[:32]).float() / 255
    labels = torch.from_numpy(part.labels[:32])
    torch.manual_seed(0)
    network = Network(member.architecture, 10, 1, dropout=0.0, survival=1.0)
    step = training_step(network, proxy())
    for group in step.optimizer.param_groups:
        group["lr"] = 1e-3
    losses = [float(step(images, labels)) for _ in range(6)]
    assert losses[-1] < losses[0]
    with torch.inference_mode():
        size = member.sizes.eval
        assert network.eval()(torch.zeros(2, 1, size, size)).shape == (2, 10)


@pytest.mark.parametrize(
    "target",
    [Target("1M", "parameters", 1e6), Target("8G", "multiply-adds", 8e9), Target("S", "", 0)],
    ids=lambda target: target.text,
)
def test_an_unknown_operator_is_refused(target: Target) -> None:
    architecture = Architecture((Stage("mine", 3, 1, 1, 8, 1),), stem_channels=8)
    family = family_of(Base("x", architecture, ImageSizes(8, 8)))
    members = Members(ArchitectureFile("x", architecture, 8, 8), family)
    with pytest.raises(UserError, match=r"^--from: operator: got 'mine', must be one of"):
        members.closest(target) if target.quantity else members.named(target.text)
