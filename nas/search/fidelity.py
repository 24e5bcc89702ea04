"""Fidelities that ``nas proxy --try`` names, such as ``size=24,data=0.5``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nas.errors import UserError
from results.comparison import LEAST_SHARE, Fidelity
from search_space.bounds import MOST_EPOCHS, MOST_IMAGE_SIZE, real, whole


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
        except ValueError:
            raise UserError(
                f"--try: got {text!r}, must be one or more of epochs=N, size=PIXELS, and "
                "data=SHARE (above 0, up to 1), such as epochs=5,size=24,data=0.5"
            ) from None
    if changed == proxy:
        raise UserError(f"--try: got {text!r}, which is the proxy itself")
    return changed


def _parsed(name: str, value: str) -> dict[str, Any]:
    match name:
        case "epochs":
            return {"epochs": whole("epochs", int(value), MOST_EPOCHS)}
        case "size":
            return {"image_size": whole("size", int(value), MOST_IMAGE_SIZE)}
        case "data":
            return {"data_share": real("data", float(value), 1.0, LEAST_SHARE)}
    raise ValueError(name)
