"""What ``nas export`` is asked for; without torch, so quick to say no."""

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
    """The file to write; weights by torchvision's names or by ours."""

    to: Path
    torchvision: bool = False

    @property
    def card(self) -> Path | None:
        """The model card that goes with weights."""
        return self.to.with_suffix(".md") if self.to.suffix in _WEIGHTS else None

    @property
    def paths(self) -> list[Path]:
        """All that may be written."""
        beside = self.to.with_name(self.to.name + ".data") if self.to.suffix == ".onnx" else None
        return [path for path in (self.to, self.card, beside) if path is not None]

    def check(self, force: bool) -> None:
        """That it can be written, as far as can be said at once; ``force`` replaces files.

        Raises:
            UserError: an ending that is not known, names of weights for what has none, packages
                that are not installed, a folder, or files that are there already.
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
        there = [path for path in self.paths if path.exists()]
        if self.to.is_dir():
            raise UserError(f"--to: got {self.to}, a folder, must be a file such as model.onnx")
        if there and not force:
            raise UserError(f"--to: {there[0]} exists already; --force replaces it")
