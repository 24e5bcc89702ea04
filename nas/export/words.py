"""What an architecture's file says of itself, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nas.export.model import Training
from results.architecture_file import ArchitectureFile
from search_space.published import PUBLISHED, published

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


def plain(text: str) -> str:
    """One line without characters that would end a string, a comment or a table's cell."""
    kept = (c if c.isprintable() and c not in "\\\"'`|" else " " for c in text)
    return " ".join("".join(kept).split())


def _lines(provenance: Mapping[str, Any]) -> Iterator[str]:
    parent = provenance.get("parent")
    if isinstance(parent, dict):
        yield plain(
            f"Scaled from {parent.get('name')} to {provenance.get('to')} "
            f"by the {provenance.get('rule')} rule."
        )
        yield from _lines(parent.get("provenance") or {})
    if "candidate" in provenance:
        yield plain(
            f"Candidate {provenance['candidate']} of the search {provenance.get('run')}, "
            f"seed {provenance.get('seed')}."
        )
    versions = provenance.get("versions")
    if isinstance(versions, dict) and versions:
        made = ", ".join(f"{name} {version}" for name, version in versions.items())
        commit = provenance.get("git_commit")
        yield plain(f"Made with {made}" + (f", git commit {commit}." if commit else "."))
