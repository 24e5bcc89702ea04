"""The state dict in a file of torch.save, whichever tool wrote it: no code in a file is run.

Training tools put the weights below a key, beside the optimiser's state and others, and their
wrappers of a network put a prefix before each name.
"""

from __future__ import annotations

import argparse
import re
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from torch import Tensor

from nas.errors import first_of

# Keys that weights lie below. If there are several, the first counts: averaged weights (EMA) are
# the more accurate ones, and timm prefers them too.
KEYS = ("state_dict_ema", "model_ema", "state_dict", "model_state_dict", "model")
_DEEPEST = 4  # keys below each other

# Of DataParallel, torch.compile, and the attribute of a Lightning module that is the network.
PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "network.")
_COMPILED_PART = "._orig_mod."

# Plain data that torch does not allow by itself, but that timm and others save beside the weights.
_SCALAR: Any = np.float64(0).__reduce__()[0]  # NumPy's function that makes a number
_ALLOWED = [
    argparse.Namespace,
    _SCALAR,
    (_SCALAR, "numpy.core.multiarray.scalar"),  # as NumPy 1 wrote it
    np.dtype,
    *(type(np.dtype(kind)) for kind in (np.float32, np.float64, np.int32, np.int64, np.bool_)),
]
_REFUSED = re.compile(r"GLOBAL (\S+)")  # in torch's message


class NotAStateDict(ValueError):
    """A file without a state dict; the message is one line that says what it holds instead."""


@dataclass(frozen=True)
class StateDict:
    """Weights alone, by the network's own names; ``form`` says for people where they were."""

    weights: Mapping[str, Tensor]
    form: str


def load_data(path: Path) -> Any:
    """Return the content of a file of torch.save, which may be tensors and plain data only.

    Raises:
        OSError: the file cannot be read.
        NotAStateDict: it is truncated, or holds objects of other types.
    """
    try:
        with torch.serialization.safe_globals(_ALLOWED), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Detected pickle protocol", UserWarning)
            check_not_compressed(path)
            return torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, NotAStateDict):
        raise
    except Exception as error:  # of any type, depending on the bytes that are unpickled
        refused = _REFUSED.search(str(error))
        found = f" ({refused[1]})" if refused else ""
        raise NotAStateDict(
            f"truncated, or holds more than weights{found}, must hold tensors and plain data, as "
            "torch.save(network.state_dict(), FILE) writes"
        ) from error


def check_not_compressed(file: Path | IO[bytes]) -> None:
    """Check that a file of torch.save takes no more memory than room on the disk.

    Raises:
        NotAStateDict: its parts are compressed, as torch.save never does.
    """
    if not zipfile.is_zipfile(file):
        return
    with zipfile.ZipFile(file) as archive:
        if any(part.file_size > part.compress_size for part in archive.infolist()):
            raise NotAStateDict("compressed, must be as torch.save writes it")


def find_state_dict(content: Any) -> StateDict:
    """Return the state dict in the content of a file, without the prefixes of wrappers.

    Raises:
        NotAStateDict: there is none, alone or below one of :data:`KEYS`.
    """
    found = _search(content, ())
    if found is None:
        raise NotAStateDict(
            f"got {_described(content)}, must hold a state dict, tensors by name, alone or as "
            f"{', '.join(KEYS[:-1])} or {KEYS[-1]}"
        )
    keys, weights = found
    return without_prefixes(weights, f"its {' > '.join(keys)}" if keys else "a state dict")


def without_prefixes(weights: Mapping[str, Tensor], form: str) -> StateDict:
    """Return the weights without the prefixes of wrappers, and ``form`` with what was done.

    Tensors beside a prefix, such as those of a loss function, are left out.
    """
    count, stripped = len(weights), ""
    while prefix := _prefix(weights):
        weights = {
            name.removeprefix(prefix): tensor
            for name, tensor in weights.items()
            if name.startswith(prefix)
        }
        stripped += prefix
    weights = {name.replace(_COMPILED_PART, "."): tensor for name, tensor in weights.items()}
    if stripped:
        form += f" without the prefix {stripped}"
    if beside := count - len(weights):
        form += f", {beside} tensor{'s' * (beside > 1)} beside it left out"
    return StateDict(weights, form)


def _search(
    content: Any, keys: tuple[str, ...]
) -> tuple[tuple[str, ...], dict[str, Tensor]] | None:
    """Return the first state dict in the content, and the keys that lead to it."""
    if not isinstance(content, Mapping) or len(keys) > _DEEPEST:
        return None
    if content and all(isinstance(n, str) and isinstance(t, Tensor) for n, t in content.items()):
        return keys, dict(content)
    searched = (_search(content[key], (*keys, key)) for key in KEYS if key in content)
    return next((found for found in searched if found is not None), None)


def _prefix(weights: Mapping[str, Tensor]) -> str:
    """Return the prefix that most names have, empty if none has any.

    No network of ours or of torchvision has a name that begins with one.
    """
    counts = {prefix: sum(name.startswith(prefix) for name in weights) for prefix in PREFIXES}
    most = max(PREFIXES, key=lambda prefix: counts[prefix])
    return most if counts[most] else ""


def _described(content: Any) -> str:
    """Return in words what a file holds: its type, its first keys, and those one level below."""
    if not isinstance(content, Mapping):
        return f"a {type(content).__name__}"
    below = next((key for key in KEYS if isinstance(content.get(key), Mapping)), None)
    inside = f", and in {below} {_keys(content[below])}" if below else ""
    return f"a dictionary with {_keys(content)}{inside}"


def _keys(content: Mapping[Any, Any]) -> str:
    return f"the keys {first_of(map(str, content), len(content))}" if content else "no keys"
