"""The model card: what weights are, how to use them and where they come from, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from nas.versions import versions
from nas.weights import NETWORKS, Model, Training
from results.architecture_file import ArchitectureFile
from search_space.architecture import Architecture
from search_space.published import PUBLISHED, published


def model_card(model: Model, weights_name: str, torchvision_name: str | None) -> str:
    """The card of the weights in the file ``weights_name``; the model's file must say its counts.

    ``torchvision_name`` is a key of :data:`NETWORKS` if the weights have torchvision's names.
    """
    file = model.file
    paragraphs = [
        "---\nlibrary_name: pytorch\npipeline_tag: image-classification\n---",
        f"# {plain_text(file.name)}",
        f"An image classifier: {file.task.classes} classes, images of "
        f"{file.task.in_channels} x {file.eval_size} x {file.eval_size}.\n"
        f"Weights: {plain_text(model.origin)}.",
        "## Use",
        f"```python\n{_use(model, weights_name, torchvision_name)}\n```",
        normalization(model.training),
        "## Figures",
        _table(("", ""), _figures(model)),
        "## Architecture",
        _architecture(file.architecture),
        *_classes(model),
        *_measured(model),
        "## Where it comes from",
        "\n".join(f"- {line}" for line in (*history(file), _written())),
    ]
    return "\n\n".join(paragraphs) + "\n"


def _use(model: Model, weights_name: str, torchvision_name: str | None) -> str:
    if weights_name.endswith(".safetensors"):
        reading = "from safetensors.torch import load_file"
        weights = f'load_file("{weights_name}")'
    else:
        reading = "import torch"
        weights = f'torch.load("{weights_name}", weights_only=True)'
    if torchvision_name is None:
        building = "from model import build  # model.py: nas export SOURCE --to model.py"
        built = "build()"
    else:
        building = "from torchvision.models import " + NETWORKS[torchvision_name][0]
        built = f"{NETWORKS[torchvision_name][0]}(num_classes={model.file.task.classes})"
    size = model.file.eval_size
    image = f"(N, {model.file.task.in_channels}, {size}, {size})"
    return "\n".join(
        [
            building,
            reading,
            "",
            f"network = {built}.eval()",
            f"network.load_state_dict({weights})",
            f"logits = network(images)  # {image} -> (N, {model.file.task.classes})",
        ]
    )


def _figures(model: Model) -> list[tuple[str, str]]:
    file = model.file
    rows = [
        ("parameters", f"{file.parameters:,}"),
        ("multiply-adds", f"{file.multiply_adds:,} for an image of {file.eval_size} px"),
        ("image size", f"{file.train_size} px to train, {file.eval_size} px to evaluate"),
        ("architecture id", file.architecture.architecture_id),
    ]
    if model.training is not None:
        own = model.training
        rows += [
            ("trained on", plain_text(own.data)),
            ("accuracy", f"{own.accuracy:.2%} on its minival, after {own.epoch} epochs"),
        ]
    return rows


def _architecture(network: Architecture) -> str:
    """As in EfficientNetV2, Table 4."""
    columns = ("stage", "operator", "kernel", "stride", "expansion", "channels", "layers", "SE")
    rows: list[tuple[Any, ...]] = [
        ("stem", "conv", 3, network.stem_stride, "", network.stem_channels, 1, "")
    ]
    for i, one in enumerate(network.stages, 1):
        numbers = (one.kernel, one.stride, one.expansion, one.channels, one.layers)
        rows.append((i, one.operator, *numbers, one.se_ratio or ""))
    rows.append(("head", "conv, pool, fc", 1, 1, "", network.head_channels, 1, ""))
    return _table(columns, rows)


def _classes(model: Model) -> list[str]:
    names = model.training.class_names if model.training is not None else ()
    return ["## Classes", "\n".join(f"{i}. {plain_text(n)}" for i, n in enumerate(names))] * bool(
        names
    )


def _measured(model: Model) -> list[str]:
    measured = {k: v for k, v in model.file.measurements.items() if v is not None}
    if not measured:
        return []
    rows = [
        (plain_text(key.replace("_", " ")), plain_text(str(value)))
        for key, value in measured.items()
    ]
    return [
        "## Measured when the architecture was chosen",
        "Of the architecture, with weights that were trained for this alone and not kept.",
        _table(("", ""), rows),
    ]


def _written() -> str:
    made = versions()
    packages = (f"{name} {made[name]}" for name in ("nas-engine", "torch") if name in made)
    return f"Written by nas export with {', '.join(packages)}."


def _table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


_PAPERS = {"efficientnet-": "1905.11946", "efficientnetv2-": "2104.00298"}


def history(file: ArchitectureFile) -> list[str]:
    """Where the architecture comes from, nearest first; empty where the file does not say."""
    lines = list(_lines(file.provenance))
    is_published = file.name in PUBLISHED and (
        published(file.name).architecture == file.architecture
    )
    if lines or not is_published:
        return lines
    paper = _PAPERS[file.name[: file.name.index("-") + 1]]
    return [f"{file.name} is as published (arXiv {paper})."]


def counts(file: ArchitectureFile) -> str:
    """Parameters and multiply-adds; the file must say them."""
    return (
        f"{file.parameters:,} parameters, "
        f"{file.multiply_adds:,} multiply-adds for an image of {file.eval_size} px"
    )


def normalization(training: Training | None) -> str:
    """How images are to be normalised, one sentence."""
    if training is None:
        return "Images are normalised as in training; by which mean and std is not known here."
    mean, std = (
        "(" + ", ".join(f"{x:g}" for x in values) + ")"
        for values in (training.normalization.mean, training.normalization.std)
    )
    return (
        "Images are normalised a channel each, (pixels - mean) / std with pixels from 0 to 255, "
        f"mean {mean} and std {std}."
    )


def plain_text(text: str) -> str:
    """One line without characters that would end a string, a comment or a table's cell."""
    kept = (c if c.isprintable() and c not in "\\\"'`|" else " " for c in text)
    return " ".join("".join(kept).split())


def _lines(provenance: Mapping[str, Any]) -> Iterator[str]:
    parent = provenance.get("parent")
    if isinstance(parent, dict):
        yield plain_text(
            f"Scaled from {parent.get('name')} to {provenance.get('to')} "
            f"by the {provenance.get('rule')} rule."
        )
        yield from _lines(parent.get("provenance") or {})
    if "candidate" in provenance:
        yield plain_text(
            f"Candidate {provenance['candidate']} of the search {provenance.get('run')}, "
            f"seed {provenance.get('seed')}."
        )
    versions = provenance.get("versions")
    if isinstance(versions, dict) and versions:
        made = ", ".join(f"{name} {version}" for name, version in versions.items())
        commit = provenance.get("git_commit")
        yield plain_text(f"Made with {made}" + (f", git commit {commit}." if commit else "."))
