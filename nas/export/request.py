"""The files that an export is asked to write; without torch, so that a refusal is quick."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from keyword import iskeyword
from pathlib import Path

from nas.errors import UserError

_PACKAGES = {
    ".onnx": ("onnx", "onnxscript", "onnxruntime"),
    ".py": (),
    ".safetensors": ("safetensors",),
    ".pth": (),
}
_WEIGHTS = (".safetensors", ".pth")
_SUFFIXES = {
    "nas": tuple(_PACKAGES),
    "torchvision": _WEIGHTS,
    "timm": (*_WEIGHTS, ".py"),
}
NAMES = tuple(_SUFFIXES)
PREDICT = "predict.py"


@dataclass(frozen=True)
class Request:
    """The file to write, and in which form.

    ``names`` is whose names weights get, one of :data:`NAMES`. ``with_preprocessing`` makes
    resizing and normalisation a part of an ONNX file's network. With ``replaces``, files that exist
    are replaced.
    """

    to: Path
    names: str = NAMES[0]
    with_preprocessing: bool = False
    replaces: bool = False

    @property
    def is_weights(self) -> bool:
        """Whether the file holds weights alone."""
        return self.to.suffix in _WEIGHTS

    @property
    def card(self) -> Path | None:
        """The model card that is written beside a file with weights."""
        if self.to.suffix == ".onnx":
            return self.to.with_name(f"{self.to.name}.md")
        return self.to.with_suffix(".md") if self.is_weights else None

    @property
    def code(self) -> Path | None:
        """The network's Python file, which predict.py needs beside weights."""
        is_ours = self.is_weights and self.names != "torchvision"
        return self.to.with_suffix(".py") if is_ours else None

    @property
    def predict(self) -> Path | None:
        """The file that runs the network on images, beside a file with weights."""
        is_run = self.to.suffix == ".onnx" or self.code
        return self.to.with_name(PREDICT) if is_run else None

    @property
    def paths(self) -> list[Path]:
        """All files that may be written and are of this export alone."""
        is_onnx = self.to.suffix == ".onnx"
        data = self.to.with_name(self.to.name + ".data") if is_onnx else None
        return [path for path in (self.to, self.card, data) if path is not None]

    @property
    def shared(self) -> list[Path]:
        """Files that may be written, and that another export may have written already."""
        return [path for path in (self.code, self.predict) if path is not None]

    def check(self) -> None:
        """Check, before anything is loaded, that the files can be written.

        Raises:
            UserError: the suffix is unknown, it does not go with the form, a package is not
                installed, or the path exists already.
        """
        if self.to.suffix not in _PACKAGES:
            raise UserError(f"--to: got {self.to}, must end in one of {', '.join(_PACKAGES)}")
        self._check_format()
        self._check_name()
        if self.with_preprocessing and self.to.suffix != ".onnx":
            raise UserError(f"--with-preprocessing: got {self.to}, must go with .onnx")
        missing = [name for name in _PACKAGES[self.to.suffix] if find_spec(name) is None]
        if missing:
            raise UserError(
                f"--to: {self.to.suffix} needs {', '.join(missing)}: "
                "pip install 'nas-engine[export]'"
            )
        existing = [path for path in self.paths if path.exists()]
        if self.to.is_dir():
            raise UserError(f"--to: got {self.to}, a folder, must be a file such as model.onnx")
        if existing and not self.replaces:
            raise UserError(f"--to: {existing[0]} exists already; --force replaces it")

    def _check_format(self) -> None:
        """Check that there are weights of these names, in a file of this ending."""
        if self.names not in _SUFFIXES:
            raise UserError(f"--format: got {self.names!r}, must be one of {', '.join(NAMES)}")
        if self.to.suffix not in _SUFFIXES[self.names]:
            *others, last = _SUFFIXES[self.names]
            raise UserError(
                f"--format: got {self.names} for {self.to}, must go with {', '.join(others)} or "
                f"{last}"
            )

    def _check_name(self) -> None:
        """Check that the file's name can be that of a Python file beside it, where it is."""
        if self.names == "timm" and not _is_module(self.to.stem):
            raise UserError(
                f"--to: got {self.to}, must have a name that Python can import, such as "
                f"{self.to.with_stem('my_net')}, as timm's network is registered by it"
            )
        if self.to.stem == Path(PREDICT).stem:
            raise UserError(
                f"--to: got {self.to}, must have another name than {PREDICT}, which runs the "
                "network"
            )


def _is_module(name: str) -> bool:
    return name.isidentifier() and not iskeyword(name)
