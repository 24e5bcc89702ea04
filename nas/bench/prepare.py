"""From the arguments of ``nas bench`` to the rows that are measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from nas.architectures import find_architecture, fused_variants
from nas.bench.measure import (
    DEFAULT_CAP_S,
    MeasurementRequest,
    Row,
    SizedArchitecture,
    measure_in_subprocess,
)
from nas.errors import UserError
from results.architecture_file import ArchitectureFile
from search_space.spaces import SPACES


@dataclass(frozen=True)
class BenchRequest:
    """The options of ``nas bench``; empty or None is what the user left out."""

    archs: Sequence[str]
    image_sizes: Sequence[int] = ()
    batch_sizes: Sequence[int] = ()
    fuse: str | None = None
    reference: str | None = None
    cap_s: float = DEFAULT_CAP_S


@dataclass(frozen=True)
class PlannedRow:
    """A row that is yet to be measured."""

    file: ArchitectureFile
    reference: ArchitectureFile
    batch_size: int | None

    def measure(self, cap_s: float) -> Row:
        """The row, or why there is none."""
        own, other = self.file, self.reference
        question = MeasurementRequest(
            SizedArchitecture(own.architecture, own.train_size, own.eval_size),
            SizedArchitecture(other.architecture, own.train_size),
            own.task,
            self.batch_size,
            cap_s,
        )
        try:
            answer, problem = measure_in_subprocess(question), None
        except UserError as error:
            answer, problem = None, str(error)
        return Row(
            own.name,
            own.architecture.architecture_id,
            own.train_size,
            own.eval_size,
            other.name,
            answer,
            problem,
        )


def plan(request: BenchRequest) -> list[PlannedRow]:
    """All rows: every network at every image size at every batch size.

    Raises:
        UserError: an argument that cannot be met.
    """
    found = [find_architecture(arch) for arch in request.archs]
    files = [file for one in found for file in fused_variants(one, request.fuse)]
    rows = []
    for file in files:
        for sized in _sized(file, request.image_sizes):
            reference = _reference(request.reference, files[0], sized.train_size)
            for batch_size in request.batch_sizes or (_own_batch_size(file),):
                rows.append(PlannedRow(sized, reference, batch_size))
    return rows


def _sized(file: ArchitectureFile, sizes: Sequence[int]) -> Iterator[ArchitectureFile]:
    if not sizes:
        yield file
    for size in sizes:
        yield replace(file, train_size=size, eval_size=size)


def _reference(name: str | None, first: ArchitectureFile, image_size: int) -> ArchitectureFile:
    """By default the first network; a space's name stands for its backbone at the image size."""
    if name is None:
        return first
    if name in SPACES:
        backbone = SPACES[name](image_size).backbone
        return ArchitectureFile(f"{name}'s backbone", backbone, image_size, image_size)
    try:
        return find_architecture(name)
    except UserError as error:
        raise UserError(
            f"--reference: {str(error).removeprefix('ARCH: ')}, or a space: {', '.join(SPACES)}"
        ) from error


def _own_batch_size(file: ArchitectureFile) -> int | None:
    """What a search measured it at, so that the two compare."""
    batch_size = file.measurements.get("batch_size")
    return batch_size if isinstance(batch_size, int) and batch_size > 1 else None
