"""The published EfficientNet and EfficientNetV2 networks, as literal tables.

Sources: EfficientNet (arXiv 1905.11946, Table 1), EfficientNetV2 (arXiv 2104.00298, Table 4) and
the public code of google/automl for sizes, dropout and the variants that the papers do not list:
B8 (used in arXiv 1911.09665) and L2 (arXiv 1911.04252), and EfficientNet-EdgeTPU, which is in
tensorflow/tpu (models/official/efficientnet/edgetpu; see :func:`efficientnet_edgetpu`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from search_space.architecture import ACTIVATIONS, Architecture, Stage
from search_space.transforms import multiply, to_nearest_8, to_nearest_8_guarded


@dataclass(frozen=True)
class PublishedNetwork:
    """A network with its published dropout and image sizes, in pixels.

    ``origin`` completes the sentence "the network is ...". ``progressive_size`` is the size that
    progressive learning ends at, None where it follows from ``train_size`` by EfficientNetV2's
    Table 6.
    """

    name: str
    architecture: Architecture
    train_size: int
    eval_size: int
    dropout: float
    origin: str
    progressive_size: int | None = None


def _mbconv(kernel: int, stride: int, expansion: int, channels: int, layers: int) -> Stage:
    return Stage("mbconv", kernel, stride, expansion, channels, layers, se_ratio=0.25)


def _fused(
    stride: int, expansion: int, channels: int, layers: int, activation: str = ACTIVATIONS[0]
) -> Stage:
    return Stage("fused_mbconv", 3, stride, expansion, channels, layers, activation=activation)


EFFICIENTNET_B0 = Architecture(
    stem_channels=32,
    stages=(
        _mbconv(3, 1, 1, 16, 1),
        _mbconv(3, 2, 6, 24, 2),
        _mbconv(5, 2, 6, 40, 2),
        _mbconv(3, 2, 6, 80, 3),
        _mbconv(5, 1, 6, 112, 3),
        _mbconv(5, 2, 6, 192, 4),
        _mbconv(3, 1, 6, 320, 1),
    ),
)

EFFICIENTNETV2_B0 = Architecture(
    stem_channels=32,
    stages=(
        _fused(1, 1, 16, 1),
        _fused(2, 4, 32, 2),
        _fused(2, 4, 48, 2),
        _mbconv(3, 2, 4, 96, 3),
        _mbconv(3, 1, 6, 112, 5),
        _mbconv(3, 2, 6, 192, 8),
    ),
)


def _v2(stem: int, channels: tuple[int, ...], layers: tuple[int, ...]) -> Architecture:
    """Return a network with the layout of V2-S, M, L and XL; S alone has no seventh stage."""
    c, n = channels, layers
    stages: tuple[Stage, ...] = (
        _fused(1, 1, c[0], n[0]),
        _fused(2, 4, c[1], n[1]),
        _fused(2, 4, c[2], n[2]),
        _mbconv(3, 2, 4, c[3], n[3]),
        _mbconv(3, 1, 6, c[4], n[4]),
        _mbconv(3, 2, 6, c[5], n[5]),
    )
    if len(channels) == 7:
        stages += (_mbconv(3, 1, 6, c[6], n[6]),)
    return Architecture(stages, stem_channels=stem)


EFFICIENTNETV2_S = _v2(24, (24, 48, 64, 128, 160, 256), (2, 4, 4, 6, 9, 15))
EFFICIENTNETV2_M = _v2(24, (24, 48, 80, 160, 176, 304, 512), (3, 5, 5, 7, 14, 18, 5))
EFFICIENTNETV2_L = _v2(32, (32, 64, 96, 192, 224, 384, 640), (4, 7, 7, 10, 19, 25, 7))
EFFICIENTNETV2_XL = _v2(32, (32, 64, 96, 192, 256, 512, 640), (4, 8, 8, 16, 24, 32, 8))

# EfficientNet-EdgeTPU-S, apart from its first layer (efficientnet_edgetpu).
_EDGETPU_S = Architecture(
    stem_channels=32,
    stages=(
        _fused(1, 4, 24, 1, "relu"),
        _fused(2, 8, 32, 2, "relu"),
        _fused(2, 8, 48, 4, "relu"),
        Stage("mbconv", 5, 2, 8, 96, 5, activation="relu"),
        Stage("mbconv", 5, 1, 8, 144, 4, activation="relu"),
        Stage("mbconv", 5, 2, 8, 192, 2, activation="relu"),
    ),
)


def efficientnet_edgetpu(width: float, depth: float) -> Architecture:
    """Return the EfficientNet-EdgeTPU of a width and depth; S has 1 and 1, as google's code has it.

    Its first layer expands to 4 times the 24 channels that it puts out, and not to 4 times the 32
    that come from the stem. As our expansion is of the input's channels, it is 3 there, which gives
    the same 96; the other layers of that stage, with 4, are a stage of their own.

    It differs from google's where an :class:`Architecture` cannot say otherwise:

    - L's first layer has 120 channels inside instead of 128: 3 x 40. So L has 3,152 parameters
      fewer, 0.03 %.
    - A Fused-MBConv of stride 2 has the stride in its 3x3 convolution, as EfficientNetV2's has,
      instead of in the 1x1 convolution after it. The parameters are the same, but google's needs
      four times the multiply-adds of that 3x3 convolution.
    - Stem and head have SiLU instead of ReLU, which the stages have.
    - M and L add the input of the first stage's second layer to its output; google's do not.
    - There are 1000 classes instead of 1001, of which the first is the background.
    """
    grown = multiply(_EDGETPU_S, width, depth, to_nearest_8_guarded)
    first, *others = grown.stages
    second = [replace(first, layers=first.layers - 1)] if first.layers > 1 else []
    return replace(grown, stages=(replace(first, expansion=3, layers=1), *second, *others))


# name: width, depth, train size, eval size, dropout
_V1_FAMILY = {
    "efficientnet-b0": (1.0, 1.0, 224, 224, 0.2),
    "efficientnet-b1": (1.0, 1.1, 240, 240, 0.2),
    "efficientnet-b2": (1.1, 1.2, 260, 260, 0.3),
    "efficientnet-b3": (1.2, 1.4, 300, 300, 0.3),
    "efficientnet-b4": (1.4, 1.8, 380, 380, 0.4),
    "efficientnet-b5": (1.6, 2.2, 456, 456, 0.4),
    "efficientnet-b6": (1.8, 2.6, 528, 528, 0.5),
    "efficientnet-b7": (2.0, 3.1, 600, 600, 0.5),
    "efficientnet-b8": (2.2, 3.6, 672, 672, 0.5),
    "efficientnet-l2": (4.3, 5.3, 800, 800, 0.5),
}
_V2_FAMILY = {
    "efficientnetv2-b0": (1.0, 1.0, 192, 224, 0.2),
    "efficientnetv2-b1": (1.0, 1.1, 192, 240, 0.2),
    "efficientnetv2-b2": (1.1, 1.2, 208, 260, 0.3),
    "efficientnetv2-b3": (1.2, 1.4, 240, 300, 0.3),
}
# XL exceeds the paper's cap of 480 px at inference, as published.
_V2_LARGE = {
    "efficientnetv2-s": (EFFICIENTNETV2_S, 300, 384, 0.2),
    "efficientnetv2-m": (EFFICIENTNETV2_M, 384, 480, 0.3),
    "efficientnetv2-l": (EFFICIENTNETV2_L, 384, 480, 0.4),
    "efficientnetv2-xl": (EFFICIENTNETV2_XL, 384, 512, 0.4),
}

# As wide and deep as B0, B1 and B3 are.
_EDGETPU_FAMILY = {
    "efficientnet-edgetpu-s": (1.0, 1.0, 224, 224, 0.2),
    "efficientnet-edgetpu-m": (1.0, 1.1, 240, 240, 0.2),
    "efficientnet-edgetpu-l": (1.2, 1.4, 300, 300, 0.3),
}

PUBLISHED: tuple[str, ...] = (*_V1_FAMILY, *_V2_FAMILY, *_V2_LARGE, *_EDGETPU_FAMILY)


def progressive_size_v1(eval_size: int) -> int:
    """Return the size that an EfficientNet of the first version is trained up to progressively.

    It is 0.8 of the evaluation size, rounded down to a multiple of 16, as in EfficientNetV2's
    public code (google/automl, ``efficientnetv1_config`` and ``main``).
    """
    return int(0.8 * eval_size) // 16 * 16


def published(name: str) -> PublishedNetwork:
    """Return the network with this name.

    Raises:
        KeyError: the name is not in :data:`PUBLISHED`.
    """
    progressive_size, origin = None, _V2_ORIGIN
    if name in _V1_FAMILY:
        width, depth, train_size, eval_size, dropout = _V1_FAMILY[name]
        progressive_size = progressive_size_v1(eval_size)
        network = multiply(EFFICIENTNET_B0, width, depth, to_nearest_8_guarded)
        origin = _V1_ORIGINS.get(name, _V1_ORIGIN)
    elif name in _EDGETPU_FAMILY:
        width, depth, train_size, eval_size, dropout = _EDGETPU_FAMILY[name]
        progressive_size = progressive_size_v1(eval_size)
        network = efficientnet_edgetpu(width, depth)
        origin = _EDGETPU_ORIGIN
    elif name in _V2_FAMILY:
        width, depth, train_size, eval_size, dropout = _V2_FAMILY[name]
        network = multiply(EFFICIENTNETV2_B0, width, depth, to_nearest_8)
    else:
        network, train_size, eval_size, dropout = _V2_LARGE[name]
    return PublishedNetwork(name, network, train_size, eval_size, dropout, origin, progressive_size)


_V1_ORIGIN = "as published (arXiv 1905.11946)"
_V1_ORIGINS = {
    "efficientnet-b8": "as published (arXiv 1911.09665)",
    "efficientnet-l2": "as published (arXiv 1911.04252)",
}
_V2_ORIGIN = "as published (arXiv 2104.00298)"
_EDGETPU_ORIGIN = (
    "close to the published (github.com/tensorflow/tpu, models/official/efficientnet/edgetpu)"
)
