"""Where a network comes from, in the words of its card."""

from __future__ import annotations

import pytest

from nas.architectures import find_architecture
from nas.export.model_card import history
from results.architecture_file import ArchitectureFile
from search_space.published import published


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("efficientnet-b7", "efficientnet-b7 is as published (arXiv 1905.11946)."),
        ("efficientnet-b8", "efficientnet-b8 is as published (arXiv 1911.09665)."),
        ("efficientnet-l2", "efficientnet-l2 is as published (arXiv 1911.04252)."),
        ("efficientnetv2-xl", "efficientnetv2-xl is as published (arXiv 2104.00298)."),
        (
            "efficientnet-edgetpu-l",
            "efficientnet-edgetpu-l is close to the published (github.com/tensorflow/tpu, "
            "models/official/efficientnet/edgetpu).",
        ),
    ],
)
def test_a_published_network_names_its_source(name: str, sentence: str) -> None:
    assert history(find_architecture(name)) == [sentence]


def test_another_network_of_a_published_name_does_not() -> None:
    other = published("efficientnetv2-b1").architecture
    assert history(ArchitectureFile("efficientnetv2-b0", other, 192, 224)) == []
