"""Export to a Python file that registers the network with timm."""

from __future__ import annotations

import re
from collections.abc import Sequence

from nas.export.python_file import about_images, docstring, first_constants, split_template
from nas.preprocessing import Preprocessing
from nas.timm_names import block_strings
from results.architecture_file import ArchitectureFile


def timm_file(
    file: ArchitectureFile,
    module: str,
    preprocessing: Preprocessing | None = None,
    class_names: Sequence[str] = (),
) -> str:
    """Return the text of the Python file, whose code is that of :mod:`nas.export.timm_template`.

    The arguments are as for :func:`nas.export.python_file.python_file`; ``module`` is also the name
    that the network is registered by.

    Raises:
        NotInTimm: the network has a layer that timm does not have.
    """
    head, parts = split_template("timm_template.py")
    table = _table(file, module) + about_images(preprocessing, class_names)
    text = f"{_docstring(file, preprocessing, module)}{head}{table}{parts}"
    return re.sub(r"  # type: ignore.*", "", text)


def _docstring(file: ArchitectureFile, preprocessing: Preprocessing | None, module: str) -> str:
    usage = (
        "    import timm",
        f"    import {module}  # registers it",
        "",
        f"    # pretrained: by {module}.safetensors beside this file",
        f'    network = timm.create_model("{module}", pretrained=True)',
        f'    backbone = timm.create_model("{module}", pretrained=True, features_only=True)',
        "    maps = backbone(images)  # strides: backbone.feature_info.reduction()",
    )
    return docstring(file, "timm", usage, preprocessing)


def _table(file: ArchitectureFile, module: str) -> str:
    network = file.architecture
    rows = "".join(
        "    [" + ", ".join(f'"{text}"' for text in texts) + "],\n"
        for texts in block_strings(network)
    )
    strides = [stage.stride for stage in network.stages]
    levels = 1 + sum(stride > 1 for stride in strides)
    return (
        f"{first_constants(file, module)}"
        f"BLOCKS = [\n{rows}]\n"
        f"HEAD_CHANNELS = {network.head_channels}\n"
        f"LEVELS = {levels}  # of a feature pyramid: maps of different strides\n"
        f"STRIDE = {network.stride}  # of the last map\n"
    )
