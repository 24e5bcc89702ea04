"""What tests and benchmarks of augmentation share: its recipes, and a count of its operators."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode

from nas.training.progressive import Resizing
from nas.training.recipes import PRESETS, Recipe, imagenet, proxy
from scaling.regularization import Progressive


def recipes(images: int) -> dict[str, Recipe]:
    """Return the presets for so many images, one that is progressive, and one with all there is."""
    ranges = Progressive((8, 16), (5.0, 25.0), (0.0, 0.5), (0.1, 0.4))
    return {
        **{name: preset(images, None, None) for name, preset in PRESETS.items()},
        "progressive": replace(imagenet(64), epochs=4, resizing=Resizing(ranges)),
        "everything": replace(
            proxy(), flip=True, cutout=0.5, randaugment_magnitude=9.0, mixup_alpha=0.2
        ),
    }


class Operators(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the operators that compute; views do not."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = 0

    def __torch_dispatch__(
        self,
        func: Any,
        types: tuple[type, ...],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run an operator and count it."""
        self.count += int(not func.is_view)
        return func(*args, **(kwargs or {}))
