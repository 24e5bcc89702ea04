"""The model card: what the weights are, how to use them, and their history, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from nas.preprocessing import Preprocessing
from nas.versions import versions
from nas.weights import Model
from results.architecture_file import ArchitectureFile
from reward.metric import describe_metric
from search_space.architecture import ACTIVATIONS, Architecture
from search_space.published import PUBLISHED, published

FRONT_MATTER = "library_name: pytorch\npipeline_tag: image-classification\n"


def model_card(
    model: Model,
    use: str,
    preprocessing: Preprocessing | None,
    predict: str = "",
    front_matter: str = FRONT_MATTER,
) -> str:
    """Return the text of the model's card.

    The model's architecture file must hold its parameters and multiply-adds. ``use`` is the Python
    code that runs the network (:mod:`nas.export.card_use`). ``preprocessing`` is how an image
    becomes the input, None if that is unknown, and ``predict`` the command that does it, empty
    without predict.py. ``front_matter`` is YAML for the Hugging Face Hub.
    """
    file, steps = model.file, reading(preprocessing)
    paragraphs = [
        f"---\n{front_matter}---",
        f"# {plain_text(file.name)}",
        f"An image classifier: {file.task.classes} classes, images of "
        f"{file.task.in_channels} x {file.eval_size} x {file.eval_size}.\n"
        f"Weights: {plain_text(model.origin)}.",
        "## Use",
        f"```python\n{use}\n```",
        "## How an image becomes pixels",
        "\n".join(f"{i}. {line}" for i, line in enumerate(steps, 1)),
        *([f"`{predict}` does all this."] if predict else []),
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
    """Return the table of stages, laid out as EfficientNetV2's Table 4.

    An activation other than SiLU, which stem and head have, stands beside the operator.
    """
    columns = ("stage", "operator", "kernel", "stride", "expansion", "channels", "layers", "SE")
    rows: list[tuple[Any, ...]] = [
        ("stem", "conv", 3, network.stem_stride, "", network.stem_channels, 1, "")
    ]
    for i, stage in enumerate(network.stages, 1):
        numbers = (stage.kernel, stage.stride, stage.expansion, stage.channels, stage.layers)
        unusual = "" if stage.activation == ACTIVATIONS[0] else f" {stage.activation}"
        rows.append((i, stage.operator + unusual, *numbers, stage.se_ratio or ""))
    rows.append(("head", "conv, pool, fc", 1, 1, "", network.head_channels, 1, ""))
    return _table(columns, rows)


def _classes(model: Model) -> list[str]:
    if not model.class_names:
        return []
    names = (f"{i}. {plain_text(name)}" for i, name in enumerate(model.class_names))
    return ["## Classes", "In the order of the logits, from 0.", "\n".join(names)]


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
    return [f"{file.name} is {published(file.name).origin}."]


def counts(file: ArchitectureFile) -> str:
    """Return the parameters and multiply-adds in words; the file must hold them."""
    return (
        f"{file.parameters:,} parameters, "
        f"{file.multiply_adds:,} multiply-adds for an image of {file.eval_size} px"
    )


def reading(preprocessing: Preprocessing | None) -> list[str]:
    """Return how an image becomes the network's input, in sentences."""
    if preprocessing is None:
        return ["Images are read and normalised as in training, of which nothing is known here."]
    return preprocessing.sentences()


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
