"""Export to a Python file that registers the network with timm."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from importlib.resources import files

from nas.export.model_card import counts, history, reading
from nas.export.python_file import WIDTH, about_images, short_name
from nas.preprocessing import Preprocessing
from nas.timm_names import block_strings
from nas.versions import versions
from results.architecture_file import ArchitectureFile

_BEGIN, _END = "# The network.\n", "# The network's parts.\n"


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
    template = files("nas.export").joinpath("timm_template.py").read_text(encoding="utf-8")
    _, code = template.split('"""\n\nfrom __future__', 1)
    head, rest = code.split(_BEGIN)
    parts = rest.split(_END)[1]
    table = _table(file, module) + about_images(preprocessing, class_names)
    text = f"{_docstring(file, preprocessing, module)}\n\nfrom __future__{head}{table}{parts}"
    return re.sub(r"  # type: ignore.*", "", text)


def _docstring(file: ArchitectureFile, preprocessing: Preprocessing | None, module: str) -> str:
    description = (
        f"{counts(file)}. Trained at {file.train_size} px, evaluated at {file.eval_size} px. "
        f"{' '.join(history(file))}"
    )
    writer = f"Written by nas export, nas-engine {versions().get('nas-engine', 'not installed')}."
    return "\n".join(
        [
            f'"""{short_name(file)}: an image network for timm.',
            "",
            textwrap.fill(description, WIDTH),
            "",
            "    import timm",
            f"    import {module}  # registers it",
            "",
            f"    # pretrained: by {module}.safetensors beside this file",
            f'    network = timm.create_model("{module}", pretrained=True)',
            f'    backbone = timm.create_model("{module}", pretrained=True, features_only=True)',
            "    maps = backbone(images)  # strides: backbone.feature_info.reduction()",
            "",
            textwrap.fill(f"{' '.join(reading(preprocessing))} {writer}", WIDTH),
            '"""',
        ]
    )


def _table(file: ArchitectureFile, module: str) -> str:
    network = file.architecture
    rows = "".join(
        "    [" + ", ".join(f'"{text}"' for text in texts) + "],\n"
        for texts in block_strings(network)
    )
    strides = [stage.stride for stage in network.stages]
    levels = 1 + sum(stride > 1 for stride in strides)
    return (
        f"{_BEGIN}"
        f'NAME = "{module}"\n'
        f"CLASSES = {file.task.classes}\n"
        f"IMAGE_CHANNELS = {file.task.in_channels}\n"
        f"IMAGE_SIZE = {file.eval_size}  # pixels, to evaluate; any other will do\n"
        f"STEM_CHANNELS, STEM_STRIDE = {network.stem_channels}, {network.stem_stride}\n"
        f"BLOCKS = [\n{rows}]\n"
        f"HEAD_CHANNELS = {network.head_channels}\n"
        f"LEVELS = {levels}  # of a feature pyramid: maps of different strides\n"
        f"STRIDE = {network.stride}  # of the last map\n"
    )
