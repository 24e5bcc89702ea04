"""Fidelities: for how long, at which image size, and on how much of the data networks are trained.

A proxy is a training of low fidelity that stands for one of high fidelity. A search trains all
candidates at one fidelity; ``nas proxy`` trains each network at several, to compare them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from nas.errors import UserError
from search_space.bounds import MOST_EPOCHS, MOST_IMAGE_SIZE, OutOfBounds, real, shown, whole

LEAST_SHARE = 0.001
TRY_FORM = "epochs=5,size=24,data=0.5"


@dataclass(frozen=True)
class Fidelity:
    """Epochs, image size in pixels, and share of the training images, in (0, 1]."""

    epochs: int
    image_size: int
    data_share: float = 1.0

    def to_json(self) -> dict[str, Any]:
        """Return the fields in JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Fidelity:
        """Return what :meth:`to_json` wrote.

        Raises:
            KeyError, TypeError, ValueError: it is not that.
        """
        whole("epochs", data["epochs"], MOST_EPOCHS)
        whole("image_size", data["image_size"], MOST_IMAGE_SIZE)
        real("data_share", data["data_share"], 1.0)
        if data["data_share"] < LEAST_SHARE:
            raise ValueError(f"data_share: got {shown(data['data_share'])}, must be above 0")
        return cls(data["epochs"], data["image_size"], data["data_share"])


def parse_try(text: str, proxy: Fidelity) -> Fidelity:
    """Return the proxy with what ``--try`` changes of it, such as ``size=24,data=0.5``.

    Raises:
        UserError: the text has another form, or a value is out of its bounds.
    """
    changed = proxy
    for part in text.split(","):
        name, _, value = part.partition("=")
        try:
            changed = replace(changed, **_parsed(name.strip(), value.strip()))
        except (ValueError, OutOfBounds):
            raise UserError(
                f"--try: got {text!r}, must be one or more of epochs=N, size=PIXELS, and "
                f"data=SHARE (above 0, up to 1), such as {TRY_FORM}"
            ) from None
    if changed == proxy:
        raise UserError(f"--try: got {text!r}, which is the proxy itself")
    return changed


def _parsed(name: str, value: str) -> dict[str, Any]:
    if name == "epochs":
        return {"epochs": whole("epochs", int(value), MOST_EPOCHS)}
    if name == "size":
        return {"image_size": whole("size", int(value), MOST_IMAGE_SIZE)}
    if name == "data" and real("data", float(value), 1.0) >= LEAST_SHARE:
        return {"data_share": float(value)}
    raise ValueError(name)


def try_name(text: str) -> str:
    """Return the name of a tried fidelity in tables and in the record: its text without spaces."""
    return "".join(text.split())
