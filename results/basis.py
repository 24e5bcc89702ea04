"""What the rewards of a run rest on: runs are ranked together only where it is the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from reward.metric import recorded_metric
from search_space.space import Space

_OF_TRAINING = ("image_size", "epochs", "batch_size", "data_share", "recipe", "recipe_options")
_DEFAULTS: Mapping[str, Any] = {"data_share": 1.0, "recipe": "proxy", "recipe_options": {}}


def basis(settings: Mapping[str, Any], space: Space | None) -> dict[str, dict[str, str]]:
    """Return what accuracy and S/S0 depend on beside the network, by the name for people.

    Each has a ``text`` and a ``key``; runs agree where the keys do. Data are told apart by the hash
    of their pixels and labels where it is recorded, the backbone by its architecture's.
    """
    path = str(settings.get("data", "?"))
    backbone = space.backbone.architecture_id if space else "unknown"
    training = {
        name.replace("_", " "): _entry(settings.get(name, _DEFAULTS.get(name)))
        for name in _OF_TRAINING
    }
    return {
        "data": {"text": PurePath(path).name, "key": str(settings.get("data_fingerprint", path))},
        "metric": _entry(recorded_metric(settings).title),
        "backbone": {"text": backbone[:8], "key": backbone},
        **training,
    }


def _entry(value: Any) -> dict[str, str]:
    if isinstance(value, Mapping):
        value = ", ".join(f"{name} {value[name]}" for name in sorted(value)) or "none"
    return {"text": str(value), "key": str(value)}
