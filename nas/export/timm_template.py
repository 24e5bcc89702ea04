"""The template of the Python file of ``nas export --format timm``, with EfficientNetV2-S.

:mod:`nas.export.timm_file` replaces this docstring, and the network between the two comment lines
that begin with "The network". It is never imported here, as timm is no requirement of this tool.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

from timm.models import register_model
from timm.models._efficientnet_builder import decode_arch_def
from timm.models.efficientnet import _create_effnet
from torch import nn

# The network.
NAME = "efficientnetv2_s"
CLASSES = 1000
IMAGE_CHANNELS = 3
IMAGE_SIZE = 384  # pixels, to evaluate; any other will do
STEM_CHANNELS, STEM_STRIDE = 24, 2
BLOCKS = [
    ["cn_r2_k3_s1_e1_c24_skip"],
    ["er_r4_k3_s2_e4_c48"],
    ["er_r4_k3_s2_e4_c64"],
    ["ir_r6_k3_s2_e4_c128_se0.25"],
    ["ir_r9_k3_s1_e6_c160_se0.25"],
    ["ir_r15_k3_s2_e6_c256_se0.25"],
]
HEAD_CHANNELS = 1280
LEVELS = 5  # of a feature pyramid: maps of different strides
STRIDE = 32  # of the last map
# In the order of the logits; empty: unknown.
CLASS_NAMES: tuple[str, ...] = ()
# How an image becomes pixels, for predict.py; empty: unknown.
PREPROCESSING: dict[str, Any] = {}
# The network's parts.

_WEIGHTS = Path(__file__).with_suffix(".safetensors")
_STATISTICS = {
    key: tuple(value / 255 for value in PREPROCESSING[key])  # timm's pixels are from 0 to 1
    for key in ("mean", "std")
    if PREPROCESSING
}
default_cfgs = {
    NAME: {
        "file": str(_WEIGHTS) if _WEIGHTS.exists() else None,
        "num_classes": CLASSES,
        "label_names": CLASS_NAMES or None,
        "input_size": (IMAGE_CHANNELS, IMAGE_SIZE, IMAGE_SIZE),
        "interpolation": PREPROCESSING.get("interpolation", "bicubic"),
        "crop_pct": 1.0,
        **_STATISTICS,
        "first_conv": "conv_stem",
        "classifier": "classifier",
    }
}


def create(pretrained: bool = False, **options: Any) -> nn.Module:
    """Build the network, or with ``features_only`` its backbone; timm.create_model calls this."""
    if options.get("features_only"):
        options.setdefault("out_indices", tuple(range(LEVELS)))
    else:
        options.setdefault("num_classes", CLASSES)
    options.setdefault("in_chans", IMAGE_CHANNELS)
    # timm counts a stem of stride 2, and would put dilation in the place of strides beyond this.
    options.setdefault("output_stride", 2 * STRIDE // STEM_STRIDE)
    model: Any = _create_effnet(
        NAME,
        pretrained,
        block_args=decode_arch_def(BLOCKS),
        num_features=HEAD_CHANNELS,
        stem_size=STEM_CHANNELS,
        fix_stem=True,
        round_chs_fn=int,
        norm_layer=partial(nn.BatchNorm2d, eps=1e-3, momentum=0.01),
        act_layer=nn.SiLU,
        **options,
    )
    if STEM_STRIDE == 1:
        model.conv_stem.stride = (1, 1)
        infos = model.feature_info
        for info in infos if isinstance(infos, list) else infos.info:
            info["reduction"] //= 2
    return model  # type: ignore[no-any-return]


def build() -> nn.Module:
    """Build the network with random weights; ``load_state_dict`` loads trained ones."""
    return create(pretrained_cfg=default_cfgs[NAME])


globals()[NAME] = create
create.__name__ = NAME  # which timm registers it by
if __name__ in sys.modules:  # as timm looks the module up
    register_model(create)
