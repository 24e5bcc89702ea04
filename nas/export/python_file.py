"""Export to a single Python file that builds the network with torch alone."""

from __future__ import annotations

import inspect
import json
import textwrap
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from nas.errors import UserError
from nas.export.model_card import counts, history, plain_text, reading
from nas.preprocessing import Preprocessing
from nas.versions import versions
from results.architecture_file import ArchitectureFile
from search_space.architecture import ACTIVATIONS, Architecture, Stage
from search_space.more_operators import (
    ChannelNorm,
    LayerScale,
    WithShortcut,
    bottleneck,
    convnext,
    mbconv_k7,
)
from search_space.operators import OPERATORS, fused_mbconv, mbconv

_WIDTH = 88
_LONGEST_NAME = 56  # that fits into the first line
_BEGIN, _END = "# The network.\n", "# The network's parts.\n"
_TABLE, _LAST_ROW = "OPERATORS: ", '    "fused_mbconv": fused_mbconv,\n'  # of the operators
_IN_TEMPLATE = {"mbconv": mbconv, "fused_mbconv": fused_mbconv}
# The source of these is put into the file where a network has them.
_ADDED: Mapping[str, tuple[Any, ...]] = {
    "mbconv_k7": (mbconv_k7,),
    "convnext": (ChannelNorm, LayerScale, convnext),
    "bottleneck": (WithShortcut, bottleneck),
}
_IN_FILE = {**_IN_TEMPLATE, **{name: parts[-1] for name, parts in _ADDED.items()}}


def python_file(
    file: ArchitectureFile,
    module: str,
    preprocessing: Preprocessing | None = None,
    class_names: Sequence[str] = (),
) -> str:
    """Return the text of the Python file, whose code is that of :mod:`nas.export.standalone`.

    ``file`` must hold its parameters and multiply-adds. ``module`` is the name that the Python file
    is imported by. ``preprocessing`` and ``class_names`` are those of the weights, which are in
    another file; None and empty if they are unknown.

    Raises:
        UserError: the network has an operator of the user's own.
    """
    check_operators(file)
    head, parts = split_template("standalone.py")
    parts = _with_more_operators(parts, file.architecture)
    start = _docstring(file, preprocessing, module)
    table = _table(file) + about_images(preprocessing, class_names)
    return f"{start}{head}{table}{parts}".replace("  # noqa: T201", "")


def split_template(name: str) -> tuple[str, str]:
    """Return the code of a template in this package before and behind its network's constants.

    Its docstring is left out.
    """
    template = files("nas.export").joinpath(name).read_text(encoding="utf-8")
    _, code = template.split('"""\n\nfrom __future__', 1)
    head, rest = code.split(_BEGIN)
    return f"\n\nfrom __future__{head}", rest.split(_END)[1]


def check_operators(file: ArchitectureFile) -> None:
    """Check that the network has only operators that a Python file can hold.

    Raises:
        UserError: the network has an operator of the user's own.
    """
    for stage in file.architecture.stages:
        if not _is_ours(stage):
            raise UserError(
                f"--to: a Python file can hold the operators {', '.join(_IN_FILE)} of this tool, "
                f"but {file.name} has {stage.operator!r} of your own; .onnx can hold it"
            )


def _with_more_operators(code: str, architecture: Architecture) -> str:
    """Add the operators that are not in the template, and their rows in the table of operators."""
    used = {stage.operator for stage in architecture.stages}
    added = [name for name in _ADDED if name in used]
    before, table = code.split(_TABLE)
    sources = (f"{inspect.getsource(part)}\n\n" for name in added for part in _ADDED[name])
    rows = "".join(f'    "{name}": {name},\n' for name in added)
    return "".join([before, *sources, _TABLE, table.replace(_LAST_ROW, _LAST_ROW + rows)])


def is_standalone(file: ArchitectureFile) -> bool:
    """Return whether the network has only operators that a Python file can hold."""
    return all(map(_is_ours, file.architecture.stages))


def _is_ours(stage: Stage) -> bool:
    ours = _IN_FILE.get(stage.operator)
    return ours is not None and OPERATORS.get(stage.operator) is ours


def _docstring(file: ArchitectureFile, preprocessing: Preprocessing | None, module: str) -> str:
    name = module if module.isidentifier() else "model"
    image = f"(N, {file.task.in_channels}, {file.eval_size}, {file.eval_size})"
    usage = (
        f"    from {name} import build",
        "    from safetensors.torch import load_file",
        "",
        "    network = build().eval()",
        f'    network.load_state_dict(load_file("{name}.safetensors"))',
        f"    logits = network(images)  # {image} -> (N, {file.task.classes})",
    )
    return docstring(file, "torch", usage, preprocessing)


def docstring(
    file: ArchitectureFile,
    library: str,
    usage: Sequence[str],
    preprocessing: Preprocessing | None,
) -> str:
    """Return the docstring of a network's Python file; ``usage`` are lines that show its use."""
    description = (
        f"{counts(file)}. Trained at {file.train_size} px, evaluated at {file.eval_size} px. "
        f"{' '.join(history(file))}"
    )
    writer = f"Written by nas export, nas-engine {versions().get('nas-engine', 'not installed')}."
    return "\n".join(
        [
            f'"""{short_name(file)}: an image network for {library}.',
            "",
            textwrap.fill(description, _WIDTH),
            "",
            *usage,
            "",
            textwrap.fill(f"{' '.join(reading(preprocessing))} {writer}", _WIDTH),
            '"""',
        ]
    )


def short_name(file: ArchitectureFile) -> str:
    """Return the network's name as one line that fits into a docstring's first."""
    return plain_text(file.name)[:_LONGEST_NAME].strip() or "network"


def _table(file: ArchitectureFile) -> str:
    network = file.architecture
    rows = "".join(f"    {_row(stage)},\n" for stage in network.stages)
    return (
        f"{first_constants(file, short_name(file))}"
        "STAGES = (\n"
        "    # operator, kernel, stride, expansion, channels, layers, se_ratio, activation\n"
        f"{rows})\n"
        f"HEAD_CHANNELS = {network.head_channels}\n"
    )


def first_constants(file: ArchitectureFile, name: str) -> str:
    """Return the code of the constants that come first, from NAME to STEM_STRIDE."""
    network = file.architecture
    return (
        f"{_BEGIN}"
        f'NAME = "{name}"\n'
        f"CLASSES = {file.task.classes}\n"
        f"IMAGE_CHANNELS = {file.task.in_channels}\n"
        f"IMAGE_SIZE = {file.eval_size}  # pixels, to evaluate; any other will do\n"
        f"STEM_CHANNELS, STEM_STRIDE = {network.stem_channels}, {network.stem_stride}\n"
    )


def about_images(preprocessing: Preprocessing | None, class_names: Sequence[str]) -> str:
    """Return the code of the constants CLASS_NAMES and PREPROCESSING."""
    names = "".join(f"    {_literal(name)},\n" for name in class_names)
    steps = preprocessing.to_json() if preprocessing else {}
    items = "".join(f"    {_literal(key)}: {_literal(value)},\n" for key, value in steps.items())
    return (
        "# In the order of the logits; empty: unknown.\n"
        f"CLASS_NAMES: tuple[str, ...] = ({f'{chr(10)}{names}' if names else ''})\n"
        "# How an image becomes pixels, for predict.py; empty: unknown.\n"
        f"PREPROCESSING: dict[str, Any] = {{{f'{chr(10)}{items}' if items else ''}}}\n"
    )


def _literal(value: Any) -> str:
    """Return a value as Python code, with the quotes that formatters prefer."""
    if not isinstance(value, str):
        return repr(value)
    if value.isprintable():
        return json.dumps(value, ensure_ascii=False)
    escaped = value.encode("unicode_escape").decode().replace('"', '\\"')
    return f'"{escaped}"'


def _row(stage: Stage) -> str:
    optional = [stage.se_ratio, f'"{stage.activation}"']
    if stage.activation == ACTIVATIONS[0]:
        optional = optional[:1] if stage.se_ratio else []
    values = [
        f'"{stage.operator}"',
        stage.kernel,
        stage.stride,
        stage.expansion,
        stage.channels,
        stage.layers,
        *optional,
    ]
    return f"Stage({', '.join(map(str, values))})"
