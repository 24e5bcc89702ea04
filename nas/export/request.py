"""The files that an export is asked to write; without torch, so that a refusal is quick."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from nas.errors import UserError

_PACKAGES = {
    ".onnx": ("onnx", "onnxscript", "onnxruntime"),
    ".py": (),
    ".safetensors": ("safetensors",),
    ".pth": (),
}
_WEIGHTS = (".safetensors", ".pth")


@dataclass(frozen=True)
class Request:
    """The file to write, and whether weights get torchvision's names instead of ours."""

    to: Path
    torchvision: bool = False

    @property
    def card(self) -> Path | None:
        """The model card that is written beside weights."""
        return self.to.with_suffix(".md") if self.to.suffix in _WEIGHTS else None

    @property
    def paths(self) -> list[Path]:
        """All files that may be written."""
        is_onnx = self.to.suffix == ".onnx"
        data = self.to.with_name(self.to.name + ".data") if is_onnx else None
        return [path for path in (self.to, self.card, data) if path is not None]

    def check(self, force: bool) -> None:
        """Check, before anything is loaded, that the files can be written.

        ``force`` allows to replace files.

        Raises:
            UserError: the suffix is unknown, torchvision's names are asked for in a file without
                weights, a package is not installed, or the path exists already.
        """
        if self.to.suffix not in _PACKAGES:
            raise UserError(f"--to: got {self.to}, must end in one of {', '.join(_PACKAGES)}")
        if self.torchvision and self.to.suffix not in _WEIGHTS:
            raise UserError(
                f"--format: got torchvision for {self.to}, must go with {' or '.join(_WEIGHTS)}"
            )
        missing = [name for name in _PACKAGES[self.to.suffix] if find_spec(name) is None]
        if missing:
            raise UserError(
                f"--to: {self.to.suffix} needs {', '.join(missing)}: "
                "pip install 'nas-engine[export]'"
            )
        existing = [path for path in self.paths if path.exists()]
        if self.to.is_dir():
            raise UserError(f"--to: got {self.to}, a folder, must be a file such as model.onnx")
        if existing and not force:
            raise UserError(f"--to: {existing[0]} exists already; --force replaces it")
