"""Members of a family are networks: built, and trained for a few steps on digits."""

from __future__ import annotations

import random

import pytest
import torch

from nas.data.formats import digits
from nas.training.recipes import proxy
from nas.training.step import training_step
from scaling.families import family_of
from scaling.scaled import Base, ImageSizes
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
