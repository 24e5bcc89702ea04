"""The plugin of pytest that makes the pretend device this process's GPU, before torch is imported.

``counts``, ``memory_limit``, ``capability``, and ``current_bytes`` are for tests.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import tempfile
import time
import types
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import astuple, dataclass, fields
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

TOTAL_BYTES = 8 * 2**30
NAME = "NVIDIA Pretend"
_SOURCE = Path(__file__).with_name("device.cpp")


def build() -> Path:
    """Compile the device with g++ if that has not been done for this torch; return the library."""
    stamp = f"{version('torch')}-{_SOURCE.stat().st_mtime_ns}"
    folder = Path(tempfile.gettempdir()) / f"pretend-cuda-{os.getuid()}"
    library = folder / f"device-{stamp}.so"
    if not library.exists():
        folder.mkdir(exist_ok=True, mode=0o700)
        spec = find_spec("torch")
        assert spec is not None
        assert spec.origin is not None
        root = Path(spec.origin).parent
        made = folder / f"{os.getpid()}.so"
        command = [
            "g++", "-O1", "-std=c++20", "-shared", "-fPIC", "-D_GLIBCXX_USE_CXX11_ABI=1",
            f"-I{root}/include", f"-I{root}/include/torch/csrc/api/include", str(_SOURCE),
            "-o", str(made), f"-L{root}/lib", "-ltorch", "-ltorch_cpu", "-lc10",
            f"-Wl,-rpath,{root}/lib",
        ]  # fmt: skip
        subprocess.run(command, check=True)
        made.rename(library)  # whole, or not there: other processes build it too
    return library


def _loaded() -> ctypes.CDLL:
    assert "torch" not in sys.modules, "the pretend device must be loaded before torch"
    library = ctypes.CDLL(str(build()), mode=ctypes.RTLD_GLOBAL)
    for name in (
        "current_bytes", "peak_bytes", "blocking_to_device", "blocking_to_host", "items",
        "operators",
    ):  # fmt: skip
        getattr(library, f"pretend_{name}").restype = ctypes.c_long
    library.pretend_limit.argtypes = [ctypes.c_long]
    return library


_LIBRARY = _loaded()

import torch  # noqa: E402  (after the device)
import torch.amp.autocast_mode  # noqa: E402
import torch.cuda.amp.common  # noqa: E402

from tests.pretend_cuda.graphs import PretendCapture, PretendGraph  # noqa: E402


@dataclass(frozen=True)
class Counts:
    """What has been counted since the process began."""

    operators: int
    blocking_to_device: int
    blocking_to_host: int
    items: int

    def __sub__(self, earlier: Counts) -> Counts:
        """Return what was counted between two moments."""
        return Counts(*(a - b for a, b in zip(astuple(self), astuple(earlier), strict=True)))

    @property
    def waits(self) -> int:
        """How often the host would have waited for the GPU."""
        return self.blocking_to_device + self.blocking_to_host + self.items


def counts() -> Counts:
    """Return what has been counted so far."""
    return Counts(*(getattr(_LIBRARY, f"pretend_{field.name}")() for field in fields(Counts)))


@contextmanager
def memory_limit(size_bytes: int) -> Iterator[None]:
    """Let allocations fail that would take the device's memory beyond this size."""
    global _total_bytes
    _LIBRARY.pretend_limit(size_bytes)
    _total_bytes = size_bytes
    try:
        yield
    finally:
        _LIBRARY.pretend_limit(0)
        _total_bytes = TOTAL_BYTES


@contextmanager
def capability(major: int, minor: int) -> Iterator[None]:
    """Let the device be of another generation, such as (7, 0), which has no bfloat16."""
    global _capability
    before, _capability = _capability, (major, minor)
    torch.cuda._cached_bf16_supported = None  # type: ignore[attr-defined]
    try:
        yield
    finally:
        _capability = before


def current_bytes() -> int:
    """Return the memory in use."""
    return int(_LIBRARY.pretend_current_bytes())


_total_bytes = TOTAL_BYTES
_capability = (9, 0)


class _Event:
    """An event, which is over at once."""

    def __init__(self, enable_timing: bool = False, **_: object) -> None:
        self._is_timing, self._recorded_s = enable_timing, 0.0

    def record(self, stream: object = None) -> None:
        self._recorded_s = time.perf_counter()

    def synchronize(self) -> None:
        assert self._recorded_s
        if PretendCapture.forbids_other_threads:
            raise RuntimeError("CUDA error: operation not permitted when stream is capturing")

    def wait(self, stream: object = None) -> None:
        assert self._recorded_s

    def query(self) -> bool:
        return True

    def elapsed_time(self, end: _Event) -> float:
        assert self._is_timing
        assert end._is_timing
        return 1000 * (end._recorded_s - self._recorded_s)


class _Stream:
    """A stream, on which nothing is ever queued."""

    def __init__(self, device: object = None, **_: object) -> None:
        self.device = torch.device("cuda", 0)

    def wait_stream(self, stream: object) -> None: ...

    def wait_event(self, event: object) -> None: ...

    def synchronize(self) -> None: ...

    def record_event(self, event: _Event | None = None) -> _Event:
        event = event or _Event()
        event.record()
        return event


def _properties(device: object = None) -> types.SimpleNamespace:
    major, minor = _capability
    return types.SimpleNamespace(
        name=NAME, total_memory=_total_bytes, major=major, minor=minor, multi_processor_count=132,
        uuid="00000000-0000-0000-0000-000000000000",
    )  # fmt: skip


_fraction = 1.0


_sync_debug_mode: object = "default"
_waits_before = 0


def _set_sync_debug_mode(mode: object) -> None:
    """Warn of waits when the mode ends, where a GPU's torch warns of each as it comes."""
    global _sync_debug_mode, _waits_before
    if _sync_debug_mode == "warn" and counts().waits > _waits_before:
        warnings.warn("called a synchronizing CUDA operation", stacklevel=2)
    _sync_debug_mode, _waits_before = mode, counts().waits


def _set_fraction(share: float, device: object = None) -> None:
    global _fraction
    _fraction = share
    _LIBRARY.pretend_limit(0 if share == 1 else int(share * _total_bytes))


def _become_the_gpu() -> None:
    """Let ``torch.cuda`` tell of the pretend device what it tells of a real one."""
    # PyTorch runs a GPU's backward pass in a thread of its own, and oneDNN takes the number of its
    # threads there for that of the thread in which it planned: it then writes beyond its memory.
    torch.set_num_threads(1)
    stream = _Stream()
    stand_ins: dict[str, Any] = {
        "CUDAGraph": PretendGraph,
        "Event": _Event,
        "Stream": _Stream,
        "_is_in_bad_fork": lambda: False,
        "_lazy_init": lambda: None,
        "current_device": lambda: 0,
        "current_stream": lambda device=None: stream,
        "device_count": lambda: 1,
        "empty_cache": lambda: None,
        "get_device_capability": lambda device=None: _capability,
        "get_device_name": lambda device=None: NAME,
        "get_device_properties": _properties,
        "graph": PretendCapture,
        "graph_pool_handle": lambda: (0, 0),
        "is_available": lambda: True,
        "is_current_stream_capturing": lambda: PretendCapture.running > 0,
        "is_initialized": lambda: False,
        "manual_seed": lambda seed: None,
        "manual_seed_all": lambda seed: None,
        "max_memory_allocated": lambda device=None: int(_LIBRARY.pretend_peak_bytes()),
        "mem_get_info": lambda device=None: (_total_bytes - current_bytes(), _total_bytes),
        "memory_allocated": lambda device=None: current_bytes(),
        "reset_peak_memory_stats": lambda device=None: _LIBRARY.pretend_reset_peak(),
        "max_memory_reserved": lambda device=None: int(_LIBRARY.pretend_peak_bytes()),
        "set_device": lambda device: None,
        "get_per_process_memory_fraction": lambda device=None: _fraction,
        "set_per_process_memory_fraction": _set_fraction,
        "get_sync_debug_mode": lambda: _sync_debug_mode,
        "set_stream": lambda stream: None,
        "set_sync_debug_mode": _set_sync_debug_mode,
        "stream": lambda stream: nullcontext(),
        "synchronize": lambda device=None: None,
    }
    for name, stand_in in stand_ins.items():
        setattr(torch.cuda, name, stand_in)
    modules: tuple[Any, ...] = (torch.cuda.amp.common, torch.amp.autocast_mode)
    for module in modules:
        if hasattr(module, "amp_definitely_not_available"):
            module.amp_definitely_not_available = lambda: False
    tensors: tuple[Any, ...] = (torch.Tensor, torch.nn.Parameter)
    for kind in tensors:
        kind.record_stream = lambda self, stream: None
        kind.__deepcopy__ = _deep_copy
    storage: Any = torch.UntypedStorage
    storage.cpu = _storage_on_cpu


_deep_copy_of_tensor = torch.Tensor.__deepcopy__
_deep_copy_of_parameter = torch.nn.Parameter.__deepcopy__


def _deep_copy(self: torch.Tensor, memo: dict[int, Any]) -> Any:
    """Copy a tensor of the device without its storage's own copy, which it does not have."""
    if id(self) in memo:
        return memo[id(self)]
    if self.device.type != "cuda" or not self.is_leaf:
        is_parameter = isinstance(self, torch.nn.Parameter)
        deep_copy = _deep_copy_of_parameter if is_parameter else _deep_copy_of_tensor
        return deep_copy(self, memo)  # type: ignore[no-untyped-call]
    copied = self.detach().clone()
    if isinstance(self, torch.nn.Parameter):
        copied = torch.nn.Parameter(copied, self.requires_grad)
    else:
        copied.requires_grad_(self.requires_grad)
    memo[id(self)] = copied
    return copied


def _storage_on_cpu(self: torch.UntypedStorage) -> torch.UntypedStorage:
    if self.device.type != "cuda":
        return self
    copied = torch.UntypedStorage(self.nbytes())  # type: ignore[no-untyped-call]
    if self.nbytes():
        ctypes.memmove(copied.data_ptr(), self.data_ptr(), self.nbytes())
    return copied


_become_the_gpu()
