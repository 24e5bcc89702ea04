"""What the rewards of a run rest on: runs are ranked together only where it is the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

from reward.metric import recorded_metric
from search_space.space import Space

_DEFAULTS: Mapping[str, Any] = {
    "image_size": None,
    "epochs": None,
    "batch_size": None,
    "data_share": 1.0,
    "recipe": "proxy",
    "recipe_options": {},
    "is_compiled": False,
}
"""Settings of the training, and what early releases, which lack some, had."""


def basis(
    settings: Mapping[str, Any], space: Space | None, devices: Iterable[str | None] = ()
) -> dict[str, dict[str, str]]:
    """Return what accuracy and S/S0 depend on beside the network, by the name for people.

    Each has a ``text`` and a ``key``; runs agree where the keys do. Data are told apart by the hash
    of their pixels and labels where it is recorded, the backbone by its architecture's. ``devices``
    are those on which the candidates were timed; before the first one, there is no such entry.
    """
    path = str(settings.get("data", "?"))
    backbone = space.backbone.architecture_id if space else "unknown"
    training = {
        name.removeprefix("is_").replace("_", " "): _entry(settings.get(name, default))
        for name, default in _DEFAULTS.items()
    }
    timed_on = " and ".join(sorted({device for device in devices if device is not None}))
    return {
        "data": {"text": PurePath(path).name, "key": str(settings.get("data_fingerprint", path))},
        "metric": _entry(recorded_metric(settings).title),
        "backbone": {"text": backbone[:8], "key": backbone},
        **training,
        **({"device": _entry(timed_on)} if timed_on else {}),
    }


def _entry(value: Any) -> dict[str, str]:
    if isinstance(value, Mapping):
        value = ", ".join(f"{name} {value[name]}" for name in sorted(value)) or "none"
    return {"text": str(value), "key": str(value)}
