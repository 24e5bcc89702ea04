"""CIFAR-10 and CIFAR-100 in their authors' Python form: the .tar.gz archive or the folder in it."""

from __future__ import annotations

import io
import pickle
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np

from nas.data.images import square
from nas.data.split import Split
from nas.errors import UserError

SIDE = 32
# What numpy 1 wrote under Python 2, and nothing else: a pickle may call what it names.
_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
}


@dataclass(frozen=True)
class _Form:
    """The files of one of the two data sets, and the keys in them."""

    train: tuple[str, ...]
    test: tuple[str, ...]
    names: tuple[str, bytes]
    labels: bytes


_CIFAR_10 = _Form(
    tuple(f"data_batch_{i}" for i in range(1, 6)),
    ("test_batch",),
    ("batches.meta", b"label_names"),
    b"labels",
)
_CIFAR_100 = _Form(("train",), ("test",), ("meta", b"fine_label_names"), b"fine_labels")


def is_cifar(path: Path) -> bool:
    """Whether it is named or filled as CIFAR's archive or folder is."""
    if path.is_dir():
        return any(
            all((path / name).is_file() for name in (*form.train, form.names[0]))
            for form in (_CIFAR_10, _CIFAR_100)
        )
    return path.name.startswith("cifar-10") and path.name.endswith((".tar.gz", ".tgz"))


def cifar(
    path: Path, part: Literal["train", "test"], size: int | None
) -> tuple[Split, tuple[str, ...]]:
    """A split at ``size`` pixels or at 32, and the classes' names. CIFAR-100's are the fine ones.

    Raises:
        UserError: a file is missing, damaged, or holds what CIFAR's do not.
    """
    try:
        files = _read(path)
        form = _CIFAR_10 if _CIFAR_10.names[0] in files else _CIFAR_100
        batches = [_load(files[name]) for name in getattr(form, part)]
        name, key = form.names
        class_names = tuple(n.decode() for n in _load(files[name])[key])
        pixels = np.concatenate([batch[b"data"] for batch in batches])
        labels = np.concatenate([batch[form.labels] for batch in batches]).astype(np.int64)
        pixels = pixels.reshape(len(labels), 3, SIDE, SIDE)
        if pixels.dtype != np.uint8 or not 0 <= labels.min() <= labels.max() < len(class_names):
            raise ValueError("pixels or labels out of range")
    except Exception as error:  # what damaged pickles raise is anything
        reason = f"{type(error).__name__}: {error}"
        raise UserError(
            f"--data: got {path}, must be CIFAR-10's or CIFAR-100's archive for Python ({reason})"
        ) from error
    return Split(square(pixels, size or SIDE), labels), class_names


def _read(path: Path) -> dict[str, bytes]:
    """The content of every file, by its name."""
    if path.is_dir():
        wanted = {n for f in (_CIFAR_10, _CIFAR_100) for n in (*f.train, *f.test, f.names[0])}
        return {f.name: f.read_bytes() for f in path.iterdir() if f.name in wanted}
    files: dict[str, bytes] = {}
    with tarfile.open(path, "r:gz") as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is not None:
                files[PurePosixPath(member.name).name] = file.read()
    return files


def _load(content: bytes) -> Any:
    return _Unpickler(io.BytesIO(content), encoding="bytes").load()


class _Unpickler(pickle.Unpickler):
    """Makes numpy arrays and Python's own lists, numbers and texts, and calls nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """What a pickle names, if it is one of the few."""
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name} is none of CIFAR's")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)
