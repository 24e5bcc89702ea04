"""The cores and the memory that a process may use, by files of Linux in a folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nas.machine import Memory, available_cores, available_memory

GIB = 2**30


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the process run on eight cores."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


def machine(root: Path, files: dict[str, object]) -> Path:
    """Write a machine of 64 GiB, 60 of them available, and the files of its control groups."""
    meminfo = "MemTotal: 67108864 kB\nMemFree: 1048576 kB\nMemAvailable: 62914560 kB\nHugePages: 0"
    for name, content in {"proc/meminfo": meminfo, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{content}\n")
    return root


def version_2(group: str, **files: object) -> dict[str, object]:
    """Return the files of a group of version 2, which the process is in."""
    folder = f"sys/fs/cgroup{group}".rstrip("/")
    contents = {f"{folder}/{name.replace('_', '.', 1)}": value for name, value in files.items()}
    return {"proc/self/cgroup": f"0::{group}", **contents}


def test_without_control_groups_it_is_the_affinity_and_the_machines_memory(tmp_path: Path) -> None:
    root = machine(tmp_path, {})
    assert available_cores(root) == 8
    assert available_memory(root) == Memory(64 * GIB, 60 * GIB)


def test_on_this_machine_there_is_a_core() -> None:
    assert 1 <= available_cores() <= 8


@pytest.mark.parametrize(
    ("quota", "cores"),
    [("max 100000", 8), ("400000 100000", 4), ("250000 100000", 2), ("50000 100000", 1)],
)
def test_a_quota_of_version_2_counts_in_whole_cores(tmp_path: Path, quota: str, cores: int) -> None:
    assert available_cores(machine(tmp_path, version_2("/", cpu_max=quota))) == cores


def test_a_group_is_bounded_by_the_groups_around_it(tmp_path: Path) -> None:
    files = version_2("/job/step", cpu_max="max 100000", memory_max="max", memory_current=7)
    outer = version_2("/job", cpu_max="300000 100000", memory_max=8 * GIB, memory_current=3 * GIB)
    root = machine(tmp_path, {**outer, **files})
    assert available_cores(root) == 3
    assert available_memory(root) == Memory(8 * GIB, 5 * GIB)


def test_copies_of_files_count_as_available(tmp_path: Path) -> None:
    stat = f"anon {GIB}\nfile {2 * GIB}\ninactive_file {GIB}\nactive_file {GIB // 2}"
    files = version_2("/", memory_max=4 * GIB, memory_current=3 * GIB, memory_stat=stat)
    assert available_memory(machine(tmp_path, files)) == Memory(4 * GIB, 5 * GIB // 2)


def test_a_group_that_may_use_more_than_the_machine_has_does_not_count(tmp_path: Path) -> None:
    root = machine(tmp_path, version_2("/", memory_max=100 * GIB, memory_current=GIB))
    assert available_memory(root) == Memory(64 * GIB, 60 * GIB)


def test_version_1_has_a_folder_for_each_controller(tmp_path: Path) -> None:
    groups = "9:memory:/slurm/job\n4:cpu,cpuacct:/slurm/job\n1:name=systemd:/\n0::/"
    cpu, memory = "sys/fs/cgroup/cpu/slurm/job", "sys/fs/cgroup/memory"
    root = machine(
        tmp_path,
        {
            "proc/self/cgroup": groups,
            f"{cpu}/cpu.cfs_quota_us": 600000,
            f"{cpu}/cpu.cfs_period_us": 100000,
            f"{memory}/memory.limit_in_bytes": 9223372036854771712,  # no limit
            f"{memory}/memory.usage_in_bytes": 30 * GIB,
            f"{memory}/slurm/job/memory.limit_in_bytes": 16 * GIB,
            f"{memory}/slurm/job/memory.usage_in_bytes": 10 * GIB,
            f"{memory}/slurm/job/memory.stat": f"cache 1\ntotal_inactive_file {GIB}",
        },
    )
    assert available_cores(root) == 6
    assert available_memory(root) == Memory(16 * GIB, 7 * GIB)


def test_in_a_container_of_version_1_the_path_is_that_on_its_host(tmp_path: Path) -> None:
    folder = "sys/fs/cgroup"
    root = machine(
        tmp_path,
        {
            "proc/self/cgroup": "5:cpu,cpuacct:/docker/0a1b\n3:memory:/docker/0a1b",
            f"{folder}/cpu/cpu.cfs_quota_us": -1,
            f"{folder}/cpu/cpu.cfs_period_us": 100000,
            f"{folder}/memory/memory.limit_in_bytes": 2 * GIB,
            f"{folder}/memory/memory.usage_in_bytes": GIB,
        },
    )
    assert available_cores(root) == 8
    assert available_memory(root) == Memory(2 * GIB, GIB)


def test_a_group_beyond_its_limit_has_nothing_available(tmp_path: Path) -> None:
    root = machine(tmp_path, version_2("/", memory_max=GIB, memory_current=2 * GIB))
    assert available_memory(root) == Memory(GIB, 0)


def test_on_other_systems_the_memory_is_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert available_cores(tmp_path) == 6
    assert available_memory(tmp_path) is None
