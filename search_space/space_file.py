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
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from search_space import bounds
from search_space.architecture import Architecture, InvalidArchitecture
from search_space.bounds import shown
from search_space.choices import SE_RATIO, InvalidSpace, StageChoices
from search_space.published import PUBLISHED, published
from search_space.space import Space

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
            {name: stage[name] for name in ("layers", *CHOICES) if name not in shared}
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
    return name != "layers" and all(stage[name] == stages[0][name] for stage in stages)


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
        _stage_choices(f"stage {i}", stage, shared) for i, stage in enumerate(stages, 1)
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


def _stage_choices(where: str, data: object, shared: Mapping[str, tuple[Any, ...]]) -> StageChoices:
    choices = {**shared, **_choices(where, data)}
    missing = [name for name in CHOICES if name not in choices]
    if missing:
        raise InvalidSpace(f"{where}: got no {', '.join(missing)}, must be here or under choices")
    return StageChoices(**choices)


def _choices(where: str, data: object) -> dict[str, tuple[Any, ...]]:
    choices = _mapping(where, data, CHOICES)
    for name, options in choices.items():
        kind, example = (str, "[mbconv]") if name == "operator" else (int, "[3, 5]")
        if not isinstance(options, list) or not all(type(option) is kind for option in options):
            raise InvalidSpace(
                f"{where}: {name}: got {shown(options)}, must be a list such as {example}"
            )
    return {name: tuple(options) for name, options in choices.items()}


def _se_ratio(data: object) -> dict[str, float]:
    if not isinstance(data, dict):
        raise InvalidSpace(
            f"se_ratio: got {shown(data)}, must be an object such as {{mbconv: 0.25}}"
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
