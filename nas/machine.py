"""The cores and the memory of this machine that the process may use.

On Linux they are bounded by control groups, version 1 or 2, which containers, Kubernetes, SLURM,
and systemd set. A group is bounded by the groups around it too.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path("/")
_RECLAIMABLE = ("inactive_file", "active_file")  # copies of files that the kernel drops when asked


@dataclass(frozen=True)
class Memory:
    """Bytes of the machine's memory, or of a control group's: in all, and not in use."""

    total: int
    available: int


def available_cores(root: Path = _ROOT) -> int:
    """Return the cores that this process may use, by its affinity and its control groups.

    Of a quota such as 2.5 cores, whole ones count, and at least 1. ``root`` is where ``proc`` and
    ``sys`` are.
    """
    # Not os.process_cpu_count, which is new in Python 3.13.
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    quotas = [quota for group in _groups(root, "cpu") if (quota := _cpu_quota(group)) is not None]
    return max(1, int(min([float(affinity or 1), *quotas])))


def available_memory(root: Path = _ROOT) -> Memory | None:
    """Return the memory that this process may use: the machine's or a control group's.

    It is the one of which the least is available. None stands for not known, as on systems other
    than Linux. Copies of files that the kernel can drop count as available.
    """
    found = [_group_memory(group) for group in _groups(root, "memory")]
    found.append(_machine_memory(root))
    known = [memory for memory in found if memory is not None]
    return min(known, key=lambda memory: memory.available, default=None)


def _machine_memory(root: Path) -> Memory | None:
    lines = (line.split() for line in _text(root / "proc/meminfo").splitlines())
    kib = {words[0]: int(words[1]) for words in lines if len(words) > 1}
    if "MemTotal:" not in kib or "MemAvailable:" not in kib:
        return None
    return Memory(kib["MemTotal:"] * 1024, kib["MemAvailable:"] * 1024)


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """Yield the folders of the process's control group and of the groups around it.

    In a container the path may be that on its host; then only the last folder exists.
    """
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        base = root / "sys/fs/cgroup"
        if controllers:  # version 1 has a hierarchy of groups for each controller
            if controller not in controllers.split(","):
                continue
            base /= controller
        parts = path.strip("/").split("/")
        for count in range(len(parts), -1, -1):
            yield base.joinpath(*parts[:count])


def _cpu_quota(group: Path) -> float | None:
    """Return the cores that a group may use; None if it has no quota."""
    words = _text(group / "cpu.max").split()  # version 2
    if not words:
        files = ("cpu.cfs_quota_us", "cpu.cfs_period_us")  # version 1
        words = [_text(group / file) for file in files]
    quota, period = words
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() else None


def _group_memory(group: Path) -> Memory | None:
    """Return a group's memory; None if it has no limit."""
    limit, used = _text(group / "memory.max"), _text(group / "memory.current")  # version 2
    prefix = ""
    if not limit:
        limit = _text(group / "memory.limit_in_bytes")  # version 1
        used = _text(group / "memory.usage_in_bytes")
        prefix = "total_"
    if not limit.isdigit() or not used.isdigit():
        return None
    lines = (line.split() for line in _text(group / "memory.stat").splitlines())
    values = {words[0]: int(words[1]) for words in lines}
    reclaimable = sum(values.get(prefix + name, 0) for name in _RECLAIMABLE)
    total = int(limit)
    return Memory(total, max(0, total - int(used) + reclaimable))


def _text(file: Path) -> str:
    """Return the text of a file; none if there is no such file."""
    try:
        return file.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
