"""Read and write a search space as a YAML file.

.. code-block:: yaml

    name: my-space
    backbone:                     # or a published name, such as efficientnet-b0
      stem_channels: 16
      stem_stride: 1
      head_channels: 256
      stages:
        - {operator: mbconv, kernel: 3, stride: 1, expansion: 4, channels: 16, layers: 1}
        - {operator: mbconv, kernel: 3, stride: 2, expansion: 4, channels: 32, layers: 2}
    choices:                      # of each stage that does not list its own
      operator: [mbconv, fused_mbconv]
      kernel: [3, 5]
      expansion: [1, 4, 6]
    stages:                       # one line for each stage of the backbone
      - {layers: [1, 2]}
      - {layers: [1, 2, 3], kernel: [3]}
    se_ratio: {mbconv: 0.25}      # by operator; this is the default

A stage may also choose these, under ``choices`` or in its own line:

.. code-block:: yaml

    se_ratio: [0, 0.25]             # in place of that of its operator
    channels: [x0.75, x1, x1.25]    # times the backbone's, rounded to multiples of 8; or [24, 32]
    activation: [silu, relu]        # of silu, relu, relu6, hardswish, gelu, mish

Of factors that round to the same channels the first counts; ``x1`` is not rounded. The backbone is
what step time and parameters are measured against; the space need not contain it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from itertools import zip_longest
from pathlib import Path
from typing import Any

import yaml

from search_space import bounds
from search_space.architecture import Architecture, InvalidArchitecture, Stage
from search_space.bounds import shown
from search_space.choices import ALWAYS, SE_RATIO, InvalidSpace, StageChoices
from search_space.published import PUBLISHED, published
from search_space.space import Space
from search_space.transforms import to_nearest_8

CHOICES = tuple(field.name for field in fields(StageChoices))
SPACE_KEYS = ("name", "backbone", "choices", "stages", "se_ratio")
BACKBONE_KEYS = ("stem_channels", "stem_stride", "head_channels", "stages")


def read_space(path: Path) -> Space:
    """Read the space that a file describes.

    Raises:
        InvalidSpace: the file is unreadable or wrong; one line names file, place and valid values.
    """
    try:
        return parse_space(bounds.read_text(path))
    except (InvalidSpace, InvalidArchitecture) as error:
        raise InvalidSpace(f"{path}: {error}") from None
    except OSError as error:
        raise InvalidSpace(f"{path}: {error.strerror}, must be a YAML file") from None
    except ValueError as error:
        raise InvalidSpace(f"{path}: {error}, must be YAML") from None


def parse_space(text: str) -> Space:
    """Return the space that the text of a file describes.

    Raises:
        InvalidSpace: as from :func:`read_space`, without the file's name.
    """
    return _space_from_yaml(_parse_yaml(text))


def write_space(space: Space) -> str:
    """Return the text of a file from which :func:`read_space` reads the same space."""
    stages = [
        {name: list(options) for name, options in choices.options().items()}
        for choices in space.choices
    ]
    shared = {name: stages[0][name] for name in CHOICES if _is_shared(name, stages)}
    data = {
        "name": space.name,
        "backbone": _backbone_to_yaml(space.backbone),
        "choices": shared,
        "stages": [
            {name: stage[name] for name in ("layers", *CHOICES) if name in stage.keys() - shared}
            for stage in stages
        ],
        "se_ratio": dict(space.se_ratio),
    }
    text: str = yaml.safe_dump(
        data, sort_keys=False, default_flow_style=None, allow_unicode=True, width=100
    )
    return text


def _is_shared(name: str, stages: list[dict[str, list[Any]]]) -> bool:
    """Return whether all stages have the same options. Layers are written per stage regardless."""
    first = stages[0].get(name)
    return name != "layers" and first is not None and all(s.get(name) == first for s in stages)


def _backbone_to_yaml(backbone: Architecture) -> str | dict[str, Any]:
    for name in PUBLISHED:
        if published(name).architecture == backbone:
            return name
    data = backbone.to_json()
    return {key: data[key] for key in BACKBONE_KEYS}


class _Loader(yaml.SafeLoader):
    """A loader without aliases, which would let a short text stand for a value of any size."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose a node as usual, unless it is an alias."""
        if self.check_event(yaml.AliasEvent):
            event: Any = self.get_event()  # type: ignore[no-untyped-call]
            line = event.start_mark.line + 1
            raise InvalidSpace(f"line {line}: got the alias *{event.anchor}, must be written out")
        return super().compose_node(parent, index)


def _parse_yaml(text: str) -> object:
    if len(text) > bounds.MOST_SPACE_CHARACTERS:
        raise InvalidSpace(
            f"got {len(text):,} characters, must be {bounds.MOST_SPACE_CHARACTERS:,} or fewer"
        )
    try:
        return yaml.load(text, _Loader)
    except InvalidSpace:
        raise
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InvalidSpace(f"line {line}: {error.problem}, must be YAML") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidSpace(f"{' '.join(str(error).split())[:200]}, must be YAML") from None


def _space_from_yaml(data: object) -> Space:
    keys = _mapping("the file", data, SPACE_KEYS, required=("name", "backbone", "stages"))
    name, stages = keys["name"], keys["stages"]
    if not isinstance(name, str) or not 0 < len(name) <= bounds.MOST_NAME:
        raise InvalidSpace(
            f"name: got {shown(name)}, must be a text of {bounds.MOST_NAME:,} characters or fewer"
        )
    se_ratio = keys.get("se_ratio", dict(SE_RATIO))
    backbone = _backbone_from_yaml(keys["backbone"], se_ratio if isinstance(se_ratio, dict) else {})
    if not isinstance(stages, list):
        raise InvalidSpace(
            f"stages: got {shown(stages)}, must be a list of {len(backbone.stages)} objects"
        )
    shared = _choices("choices", keys.get("choices", {}))
    choices = tuple(
        _stage_choices(f"stage {i}", stage, shared, own)
        for i, (stage, own) in enumerate(zip_longest(stages, backbone.stages[: len(stages)]), 1)
    )
    return Space(name, backbone, choices, _se_ratio(se_ratio))


def _backbone_from_yaml(data: object, se_ratio: Mapping[str, Any]) -> Architecture:
    """Return the backbone; a stage without ``se_ratio`` gets that of its operator."""
    if isinstance(data, str):
        if data not in PUBLISHED:
            raise InvalidSpace(
                f"backbone: got {shown(data)}, must be one of {', '.join(PUBLISHED)}"
            )
        return published(data).architecture
    keys = _mapping("backbone", data, BACKBONE_KEYS, required=("stem_channels", "stages"))
    stages = keys["stages"]
    if isinstance(stages, list) and all(isinstance(stage, dict) for stage in stages):
        keys["stages"] = [
            {"se_ratio": se_ratio.get(str(stage.get("operator")), 0.0), **stage} for stage in stages
        ]
    try:
        return Architecture.from_json(keys)
    except InvalidArchitecture as error:
        raise InvalidSpace(f"backbone: {error}") from None


def _stage_choices(
    where: str,
    data: object,
    shared: Mapping[str, tuple[Any, ...]],
    backbone_stage: Stage | None,
) -> StageChoices:
    choices = {**shared, **_choices(where, data)}
    missing = [name for name in ALWAYS if name not in choices]
    if missing:
        raise InvalidSpace(f"{where}: got no {', '.join(missing)}, must be here or under choices")
    if backbone_stage and "channels" in choices:
        choices["channels"] = _channels(where, choices["channels"], backbone_stage.channels)
    return StageChoices(**choices)


_FORMS: Mapping[str, tuple[tuple[type, ...], str]] = {
    "operator": ((str,), "[mbconv]"),
    "activation": ((str,), "[silu, relu]"),
    "se_ratio": ((int, float), "[0, 0.25]"),
    "channels": ((int, str), "[24, 32] or [x0.75, x1, x1.25]"),
}
_FACTOR = re.compile(r"x(\d+|\d*\.\d+)")


def _choices(where: str, data: object) -> dict[str, tuple[Any, ...]]:
    choices = _mapping(where, data, CHOICES)
    for name, options in choices.items():
        kinds, example = _FORMS.get(name, ((int,), "[3, 5]"))
        is_list = isinstance(options, list) and (options or name in ALWAYS)
        if not is_list or not all(type(option) in kinds for option in options):
            raise InvalidSpace(
                f"{where}: {name}: got {shown(options)}, must be a list such as {example}"
            )
    return {name: tuple(options) for name, options in choices.items()}


def _channels(where: str, options: tuple[int | str, ...], backbone: int) -> tuple[int, ...]:
    """Return the channels, with factors such as ``x0.75`` applied to the backbone's channels."""
    channels: list[int] = []
    for option in options:
        if isinstance(option, int):
            channels.append(option)
            continue
        match = _FACTOR.fullmatch(option[: bounds.MOST_NAME])
        if match is None or not 0 < float(match[1]) <= bounds.MOST_COEFFICIENT:
            raise InvalidSpace(
                f"{where}: channels: got {shown(option)}, must be a number such as 32 or a factor "
                f"such as x0.75, up to x{bounds.MOST_COEFFICIENT:g}"
            )
        factor = float(match[1])
        width = backbone if factor == 1 else to_nearest_8(factor * backbone)
        if width not in channels:
            channels.append(width)
    return tuple(channels)


def _se_ratio(data: object) -> dict[str, float]:
    if not isinstance(data, dict):
        raise InvalidSpace(
            f"se_ratio: got {shown(data)}, must be an object such as {{mbconv: 0.25}}; "
            "a choice such as [0, 0.25] goes under choices"
        )
    for operator, ratio in data.items():
        if not isinstance(operator, str) or len(operator) > bounds.MOST_NAME:
            raise InvalidSpace(f"se_ratio: got {shown(operator)}, must be an operator's name")
        if type(ratio) not in (int, float) or not 0 <= ratio <= 1:
            raise InvalidSpace(
                f"se_ratio: {operator}: got {shown(ratio)}, must be a number from 0 to 1"
            )
    return {operator: float(ratio) for operator, ratio in data.items()}


def _mapping(
    where: str, data: object, known: tuple[str, ...], required: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return ``data`` if it is an object with known keys and all the required ones."""
    if not isinstance(data, dict):
        raise InvalidSpace(f"{where}: got {shown(data)}, must be an object of {', '.join(known)}")
    unknown = [key for key in data if key not in known]
    if unknown:
        raise InvalidSpace(f"{where}: got key {shown(unknown[0])}, may be {', '.join(known)}")
    missing = [key for key in required if key not in data]
    if missing:
        raise InvalidSpace(f"{where}: got no {missing[0]}, must have {', '.join(required)}")
    return data
