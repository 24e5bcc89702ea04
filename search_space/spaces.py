"""The built-in search spaces, as functions that return a Space."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from search_space.architecture import Architecture, Stage
from search_space.choices import StageChoices
from search_space.published import EFFICIENTNETV2_S, published
from search_space.space import Space

OPERATORS = ("mbconv", "fused_mbconv")
KERNELS = (3, 5)
EXPANSIONS = (1, 4, 6)  # EfficientNetV2, section 3.3


def efficientnet_b4() -> Space:
    """Return the search space of EfficientNetV2, around EfficientNet-B4 (section 3.3).

    It has B4's seven stages with more or fewer layers. It contains everything that the paper's
    search found: either operator in any stage, smaller expansions, 3x3 kernels, deeper stages, and
    no last stage of stride 1. It is for images of 224 px and more; a candidate takes about as long
    to train as B4.
    """
    layers = (
        (1, 2, 3, 4),
        (2, 3, 4, 5, 6),
        (2, 3, 4, 5, 6),
        (3, 4, 6, 8, 10),
        (3, 4, 6, 9, 12),
        (4, 6, 8, 11, 15),
        (0, 1, 2, 3),
    )
    return _space("efficientnet-b4", published("efficientnet-b4").architecture, layers)


def efficientnetv2() -> Space:
    """Return a space around EfficientNetV2-S: its six stages with more or fewer layers."""
    layers = (
        (1, 2, 3),
        (2, 3, 4, 5, 6),
        (2, 3, 4, 5, 6),
        (4, 5, 6, 7, 8),
        (5, 7, 9, 11, 13),
        (9, 12, 15, 18, 21),
    )
    return _space("efficientnetv2", EFFICIENTNETV2_S, layers)


def medium() -> Space:
    """Return a space around EfficientNetV2-B0, for images of 65 to 200 px.

    It has B0's six stages with more or fewer layers. A candidate takes minutes on a CPU.
    """
    layers = ((1, 2), (1, 2, 3), (1, 2, 3), (2, 3, 4), (3, 4, 5, 6), (4, 6, 8, 10))
    return _space("medium", published("efficientnetv2-b0").architecture, layers)


def vertex_efficientnetv2() -> Space:
    """Return the EfficientNetV2 space that Vertex AI NAS publishes, around EfficientNetV2-B0.

    Each of six stages chooses its operator, kernel (3 or 5), expansion (1, 2, 4 or 6),
    squeeze-and-excitation (none or 0.25), channels (0.75, 1 or 1.25 times B0's, rounded down),
    activation (SiLU or ReLU), and one layer fewer or more than B0; the first stage has 1 or 2.

    Source: ``efficientnetv2_search_space`` in
    ``nas_architecture/tunable_efficientnetv2_search_space.py`` of ``google/vertex-ai-nas``. What is
    not a choice there is ours: stem and head have SiLU, and Fused-MBConv has no projection at
    expansion 1.
    """
    backbone = published("efficientnetv2-b0").architecture
    choices = tuple(
        StageChoices(
            OPERATORS,
            (1, 2) if stage.layers == 1 else (stage.layers - 1, stage.layers, stage.layers + 1),
            KERNELS,
            (1, 2, 4, 6),
            se_ratio=(0, 0.25),
            channels=(stage.channels * 3 // 4, stage.channels, stage.channels * 5 // 4),
            activation=("silu", "relu"),
        )
        for stage in backbone.stages
    )
    return Space("vertex-efficientnetv2", backbone, choices)


def small(image_size: int = 32) -> Space:
    """Return a space of four narrow stages, for images of up to 64 px.

    A candidate trains in seconds on a CPU. The stem halves the resolution of images of 24 px and
    more only, so that the last feature map is 2x2 for an 8 px image and 4x4 for a 32 px image.
    """
    channels_strides_layers = ((16, 1, 1), (24, 2, 2), (40, 2, 2), (64, 1, 2))
    backbone = Architecture(
        stages=tuple(
            Stage("mbconv", 3, stride, 4 if i else 1, channels, layers, se_ratio=0.25)
            for i, (channels, stride, layers) in enumerate(channels_strides_layers)
        ),
        stem_channels=16,
        stem_stride=1 if image_size < 24 else 2,
        head_channels=256,
    )
    return _space("small", backbone, ((1, 2), (1, 2, 3), (1, 2, 3), (0, 1, 2, 3)))


SPACES: dict[str, Callable[[int], Space]] = {
    "efficientnet-b4": lambda image_size: efficientnet_b4(),
    "efficientnetv2": lambda image_size: efficientnetv2(),
    "medium": lambda image_size: medium(),
    "small": small,
    "vertex-efficientnetv2": lambda image_size: vertex_efficientnetv2(),
}
"""Functions by the space's name. Each takes the image size, in pixels, of the training."""


def default_space(image_size: int) -> str:
    """Return the default space's name: up to 64 px ``small``, up to 200 ``medium``, else B4's."""
    if image_size <= 64:
        return "small"
    return "medium" if image_size <= 200 else "efficientnet-b4"


def _space(name: str, backbone: Architecture, layers: Sequence[tuple[int, ...]]) -> Space:
    choices = (StageChoices(OPERATORS, counts, KERNELS, EXPANSIONS) for counts in layers)
    return Space(name, backbone, tuple(choices))
