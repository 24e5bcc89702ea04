"""The model card: what the weights are, how to use them, and their history, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from nas.versions import versions
from nas.weights import TORCHVISION_NETWORKS, Model, TrainingSummary
from results.architecture_file import ArchitectureFile
from reward.metric import describe_metric
from search_space.architecture import Architecture
from search_space.published import PUBLISHED, published

_PAPERS = {"efficientnet-": "1905.11946", "efficientnetv2-": "2104.00298"}  # by arXiv


def model_card(model: Model, weights_name: str, torchvision_name: str | None) -> str:
    """Return the text of the card for the weights in the file ``weights_name``.

    The model's architecture file must hold its parameters and multiply-adds. ``torchvision_name``
    is a key of :data:`TORCHVISION_NETWORKS` if the weights have torchvision's names, or else None.
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
        building = "from torchvision.models import " + TORCHVISION_NETWORKS[torchvision_name][0]
        built = (
            f"{TORCHVISION_NETWORKS[torchvision_name][0]}(num_classes={model.file.task.classes})"
        )
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
        training = model.training
        rows += [
            ("trained on", plain_text(training.data)),
            (
                describe_metric(training.metric).title,
                f"{training.accuracy:.2%} on its minival, after {training.epoch} epochs",
            ),
        ]
    return rows


def _architecture(network: Architecture) -> str:
    """Return the table of stages, laid out as EfficientNetV2's Table 4."""
    columns = ("stage", "operator", "kernel", "stride", "expansion", "channels", "layers", "SE")
    rows: list[tuple[Any, ...]] = [
        ("stem", "conv", 3, network.stem_stride, "", network.stem_channels, 1, "")
    ]
    for i, stage in enumerate(network.stages, 1):
        numbers = (stage.kernel, stage.stride, stage.expansion, stage.channels, stage.layers)
        rows.append((i, stage.operator, *numbers, stage.se_ratio or ""))
    rows.append(("head", "conv, pool, fc", 1, 1, "", network.head_channels, 1, ""))
    return _table(columns, rows)


def _classes(model: Model) -> list[str]:
    names = model.training.class_names if model.training is not None else ()
    if not names:
        return []
    return ["## Classes", "\n".join(f"{i}. {plain_text(name)}" for i, name in enumerate(names))]


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
    installed = versions()
    packages = (
        f"{name} {installed[name]}" for name in ("nas-engine", "torch") if name in installed
    )
    return f"Written by nas export with {', '.join(packages)}."


def _table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def history(file: ArchitectureFile) -> list[str]:
    """Return where the architecture comes from, one sentence each, the latest first.

    The list is empty if the file does not hold it.
    """
    lines = list(_provenance_lines(file.provenance))
    is_published = file.name in PUBLISHED and (
        published(file.name).architecture == file.architecture
    )
    if lines or not is_published:
        return lines
    paper = _PAPERS[file.name[: file.name.index("-") + 1]]
    return [f"{file.name} is as published (arXiv {paper})."]


def counts(file: ArchitectureFile) -> str:
    """Return the parameters and multiply-adds in words; the file must hold them."""
    return (
        f"{file.parameters:,} parameters, "
        f"{file.multiply_adds:,} multiply-adds for an image of {file.eval_size} px"
    )


def normalization(training: TrainingSummary | None) -> str:
    """Return how images have to be normalised, in one sentence."""
    if training is None:
        return "Images are normalised as in training; the mean and std are unknown."
    mean, std = (
        "(" + ", ".join(f"{x:g}" for x in values) + ")"
        for values in (training.normalization.mean, training.normalization.std)
    )
    return (
        "Images are normalised channel by channel, (pixels - mean) / std, with pixels from 0 to "
        f"255, mean {mean} and std {std}."
    )


def plain_text(text: str) -> str:
    """Return one line without characters that would end a string, a comment or a table cell."""
    kept = (c if c.isprintable() and c not in "\\\"'`|" else " " for c in text)
    return " ".join("".join(kept).split())


def _provenance_lines(provenance: Mapping[str, Any]) -> Iterator[str]:
    parent = provenance.get("parent")
    if isinstance(parent, dict):
        yield plain_text(
            f"Scaled from {parent.get('name')} to {provenance.get('to')} "
            f"by the {provenance.get('rule')} rule."
        )
        yield from _provenance_lines(parent.get("provenance") or {})
    if "candidate" in provenance:
        yield plain_text(
            f"Candidate {provenance['candidate']} of the search {provenance.get('run')}, "
            f"seed {provenance.get('seed')}."
        )
    packages = provenance.get("versions")
    if isinstance(packages, dict) and packages:
        listed = ", ".join(f"{name} {version}" for name, version in packages.items())
        commit = provenance.get("git_commit")
        yield plain_text(f"Made with {listed}" + (f", git commit {commit}." if commit else "."))
