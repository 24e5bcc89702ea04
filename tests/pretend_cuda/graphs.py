"""CUDA graphs of the pretend device: a capture notes the operators, a replay runs them again.

As on a GPU, a replay reads and writes the memory of the capture: inputs must be copied there, and
results are found there. Whatever is not an operator on tensors happens only at the capture.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

Noted = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any], Any]


class PretendGraph:
    """What ``torch.cuda.CUDAGraph`` is: operators that run again at each replay."""

    def __init__(self, keep_graph: bool = False) -> None:
        self.noted: list[Noted] = []
        self.replays = 0

    def replay(self) -> None:
        """Run all operators again, and write their results where those of the capture lie."""
        self.replays += 1
        with torch.no_grad():
            for function, args, kwargs, results in self.noted:
                _write(function(*args, **kwargs), results, _storages((args, kwargs)))

    def reset(self) -> None:
        """Forget the operators, and so the memory."""
        self.noted.clear()


class PretendCapture(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """What ``torch.cuda.graph`` is: a context in which operators are noted as they run.

    A capture changes nothing: what an operator wrote to is put back at the end. A read of a value
    is an error, as on a GPU. So is another thread's waiting for the GPU, unless
    ``capture_error_mode`` is ``thread_local``.
    """

    running = 0
    forbids_other_threads = False
    fails_with: str | None = None  # set by tests

    def __init__(
        self,
        cuda_graph: PretendGraph,
        pool: object = None,
        stream: object = None,
        capture_error_mode: str = "global",
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._graph = cuda_graph
        self._mode = capture_error_mode
        self._before: list[tuple[Tensor, Tensor]] = []
        self._made: set[int] = set()

    def __enter__(self) -> PretendCapture:
        PretendCapture.running += 1
        PretendCapture.forbids_other_threads = self._mode == "global"
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *error: object) -> None:
        PretendCapture.running -= 1
        PretendCapture.forbids_other_threads = False
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        with torch.no_grad():
            for changed, before in reversed(self._before):
                changed.copy_(before)

    def __torch_dispatch__(
        self, func: Any, types: object, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Run an operator and note it."""
        kwargs = kwargs or {}
        if PretendCapture.fails_with or func is torch.ops.aten._local_scalar_dense.default:
            text = PretendCapture.fails_with or "operation not permitted when stream is capturing"
            raise RuntimeError(f"CUDA error: {text} (pretend)")
        for written in _written(func, args, kwargs):
            if _memory(written) not in self._made:
                self._before.append((written.detach(), written.detach().clone()))
        results = func(*args, **kwargs)
        self._graph.noted.append((func, args, kwargs, results))
        self._made |= _storages(results) - _storages((args, kwargs))
        return results


def _written(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Tensor]:
    """Return the tensors that an operator writes to, by its schema."""
    given: list[Any] = []
    for i, argument in enumerate(function._schema.arguments):
        is_written = argument.alias_info is not None and argument.alias_info.is_write
        # Batch normalisation writes its running statistics, though its schema does not say so.
        is_statistics = argument.name.startswith("running_") and "backward" not in str(function)
        if is_written or is_statistics:
            given.append(args[i] if i < len(args) else kwargs.get(argument.name))
    return [leaf for leaf in tree_flatten(given)[0] if isinstance(leaf, Tensor)]


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _storages(tree: Any) -> set[int]:
    return {_memory(leaf) for leaf in tree_flatten(tree)[0] if isinstance(leaf, Tensor)}


def _write(results: Any, into: Any, given: set[int]) -> None:
    """Copy new results to the old ones' memory, unless that is the memory of an argument."""
    for new, old in zip(tree_flatten(results)[0], tree_flatten(into)[0], strict=True):
        if isinstance(old, Tensor) and _memory(old) not in given:
            old.copy_(new)
