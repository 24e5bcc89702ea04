"""The rows that ``nas bench`` measures, from its arguments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from nas.architectures import Arch, find_architecture, fused_variants
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
    """The arguments of ``nas bench``; those that the user left out are empty or None."""

    archs: Sequence[Arch]
    image_sizes: Sequence[int] = ()
    batch_sizes: Sequence[int] = ()
    fuse: str | None = None
    reference: str | None = None
    cap_s: float = DEFAULT_CAP_S
    is_compiled: bool = False


@dataclass(frozen=True)
class PlannedRow:
    """A network and its reference, before they are measured."""

    file: ArchitectureFile
    reference: ArchitectureFile
    batch_size: int | None
    is_compiled: bool = False

    def measure(self, cap_s: float) -> Row:
        """Measure the row; a row that cannot be measured holds the reason."""
        file, reference = self.file, self.reference
        request = MeasurementRequest(
            SizedArchitecture(file.architecture, file.train_size, file.eval_size),
            SizedArchitecture(reference.architecture, file.train_size),
            file.task,
            self.batch_size,
            cap_s,
            self.is_compiled,
        )
        try:
            answer, problem = measure_in_subprocess(request), None
        except UserError as error:
            answer, problem = None, str(error)
        return Row(
            file.name,
            file.architecture.architecture_id,
            file.train_size,
            file.eval_size,
            reference.name,
            answer,
            problem,
        )


def plan(request: BenchRequest) -> list[PlannedRow]:
    """Return a row for every network at every image size and batch size.

    Raises:
        UserError: an argument cannot be met.
    """
    networks = [find_architecture(arch) for arch in request.archs]
    files = [variant for file in networks for variant in fused_variants(file, request.fuse)]
    rows = []
    for file in files:
        for sized in _sized(file, request.image_sizes):
            reference = _reference(request.reference, files[0], sized.train_size)
            for batch_size in request.batch_sizes or (_searched_batch_size(file),):
                rows.append(PlannedRow(sized, reference, batch_size, request.is_compiled))
    return rows


def _sized(file: ArchitectureFile, sizes: Sequence[int]) -> Iterator[ArchitectureFile]:
    if not sizes:
        yield file
    for size in sizes:
        yield replace(file, train_size=size, eval_size=size)


def _reference(name: str | None, first: ArchitectureFile, image_size: int) -> ArchitectureFile:
    """Return the first network by default; a space's name stands for its backbone at this size."""
    if name is None:
        return first
    if name in SPACES:
        backbone = SPACES[name](image_size).backbone
        return ArchitectureFile(f"{name}'s backbone", backbone, image_size, image_size)
    try:
        return find_architecture(name, "--reference")
    except UserError as error:
        raise UserError(f"{error}, or a space: {', '.join(SPACES)}") from error


def _searched_batch_size(file: ArchitectureFile) -> int | None:
    """Return the batch size of the search's measurement, so that both can be compared."""
    batch_size = file.measurements.get("batch_size")
    return batch_size if isinstance(batch_size, int) and batch_size > 1 else None
