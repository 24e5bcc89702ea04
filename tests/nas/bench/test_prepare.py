"""Which rows ``nas bench`` measures."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas.bench.prepare import BenchRequest, plan
from nas.errors import UserError
from results.architecture_file import ArchitectureFile, write
from search_space.spaces import small
from search_space.task import Task


def test_every_network_at_every_size_and_batch() -> None:
    request = BenchRequest(("efficientnet-b0", "efficientnetv2-s"), (64, 128), (2, 4), "none,1-3")
    rows = plan(request)
    assert [(r.file.name, r.file.train_size, r.file.eval_size, r.batch_size) for r in rows] == [
        (name, size, size, batch)
        for name in (
            "efficientnet-b0",
            "efficientnet-b0 fused 1-3",
            "efficientnetv2-s",
            "efficientnetv2-s fused 1-3",
        )
        for size in (64, 128)
        for batch in (2, 4)
    ]
    assert {r.reference.name for r in rows} == {"efficientnet-b0"}


def test_a_network_s_own_sizes() -> None:
    (row,) = plan(BenchRequest(("efficientnetv2-s",)))
    assert (row.file.train_size, row.file.eval_size, row.batch_size) == (300, 384, None)


def test_a_searched_network_at_the_batch_it_was_measured_at(tmp_path: Path) -> None:
    measured = {"batch_size": 48}
    file = ArchitectureFile("best", small(24).backbone, 24, 24, Task(12, 3), measurements=measured)
    path = write(tmp_path / "best.json", file)
    (row,) = plan(BenchRequest((str(path),), reference="small"))
    assert (row.batch_size, row.reference.name) == (48, "small's backbone")
    assert row.reference.architecture == small(24).backbone


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (BenchRequest(("b99",)), "ARCH: got 'b99', must be"),
        (BenchRequest(("efficientnet-b0",), reference="no"), "--reference: got 'no', must be"),
        (BenchRequest(("efficientnet-b0",), fuse="x"), "--fuse: got 'x', must be stages such as"),
        (
            BenchRequest(("efficientnet-b0",), fuse="3-9"),
            "--fuse: efficientnet-b0: got stages 3 to 9, must be within 1 to 7",
        ),
    ],
)
def test_mistakes_are_one_line(request_: BenchRequest, said: str) -> None:
    with pytest.raises(UserError) as error:
        plan(request_)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
