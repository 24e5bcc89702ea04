"""CIFAR-10 and CIFAR-100 in their authors' Python version: the .tar.gz archive or its folder."""

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
# A pickle may call any function that it names. Only those are allowed that the files of the authors
# name, which were written with NumPy 1 under Python 2.
_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
}


@dataclass(frozen=True)
class _Form:
    """Names of the files of one of the two data sets, and of the keys in them."""

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
    """Return whether ``path`` is named like a CIFAR archive, or is a folder with CIFAR's files."""
    if path.is_dir():
        return any(
            all((path / name).is_file() for name in (*form.train, form.names[0]))
            for form in (_CIFAR_10, _CIFAR_100)
        )
    return path.name.startswith("cifar-10") and path.name.endswith((".tar.gz", ".tgz"))


def cifar(
    path: Path, part: Literal["train", "test"], size: int | None
) -> tuple[Split, tuple[str, ...]]:
    """Return a split at ``size`` pixels (by default 32), and the names of the classes.

    The classes of CIFAR-100 are the 100 fine ones.

    Raises:
        UserError: a file is missing, is damaged, or has other content than CIFAR's.
    """
    try:
        files = _read(path)
        form = _CIFAR_10 if _CIFAR_10.names[0] in files else _CIFAR_100
        batches = [_load(files[name]) for name in getattr(form, part)]
        name, key = form.names
        class_names = tuple(label.decode() for label in _load(files[name])[key])
        pixels = np.concatenate([batch[b"data"] for batch in batches])
        labels = np.concatenate([batch[form.labels] for batch in batches]).astype(np.int64)
        pixels = pixels.reshape(len(labels), 3, SIDE, SIDE)
        if pixels.dtype != np.uint8 or not 0 <= labels.min() <= labels.max() < len(class_names):
            raise ValueError("pixels or labels out of range")
    except Exception as error:  # damaged pickles raise errors of any type
        reason = f"{type(error).__name__}: {error}"
        raise UserError(
            f"--data: got {path}, must be the Python version of CIFAR-10 or CIFAR-100, "
            f"as an archive or a folder ({reason})"
        ) from error
    return Split(square(pixels, size or SIDE), labels), class_names


def _read(path: Path) -> dict[str, bytes]:
    """Return the content of every file by its name."""
    if path.is_dir():
        forms = (_CIFAR_10, _CIFAR_100)
        wanted = {name for form in forms for name in (*form.train, *form.test, form.names[0])}
        return {file.name: file.read_bytes() for file in path.iterdir() if file.name in wanted}
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
    """Unpickler of NumPy arrays and of Python's own types, which calls nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """Return the class or function that a pickle names, if it is allowed."""
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed in a CIFAR file")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)
