"""The architecture of an image network, as an immutable value and as JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from search_space import bounds
from search_space.named import FORM, is_reference

SCHEMA_VERSION = 1

ACTIVATIONS = ("silu", "relu", "relu6", "hardswish", "gelu", "mish")
"""The activations that a stage may have; the first is the default, as in the papers."""


class InvalidArchitecture(ValueError):
    """A value is not valid in an architecture; the message names field, value and valid ones."""


_MOST = {
    "kernel": bounds.MOST_KERNEL,
    "stride": bounds.MOST_STRIDE,
    "expansion": bounds.MOST_EXPANSION,
    "channels": bounds.MOST_CHANNELS,
    "layers": bounds.MOST_LAYERS,
}


@dataclass(frozen=True)
class Stage:
    """Consecutive layers of one kind; only the first changes channels and resolution.

    ``operator`` is a name in :data:`search_space.operators.OPERATORS`, or
    ``package.module:attribute`` of the user's own. ``expansion`` multiplies the block's input
    channels. ``se_ratio`` is the width of squeeze-and-excitation as a share of the block's input
    channels, 0 for none (EfficientNetV2, Table 4). ``activation`` is one of :data:`ACTIVATIONS`.
    """

    operator: str
    kernel: int
    stride: int
    expansion: int
    channels: int
    layers: int
    se_ratio: float = 0.0
    activation: str = ACTIVATIONS[0]

    def __post_init__(self) -> None:
        if not _is_name(self.operator):
            raise InvalidArchitecture(
                f"operator: got {bounds.shown(self.operator)}, must be a name such as 'mbconv'"
            )
        for name, most in _MOST.items():
            _check_positive(name, getattr(self, name), most)
        if self.kernel % 2 == 0:
            raise InvalidArchitecture(f"kernel: got {self.kernel}, must be odd")
        if isinstance(self.se_ratio, bool) or not isinstance(self.se_ratio, int | float):
            raise InvalidArchitecture(
                f"se_ratio: got {bounds.shown(self.se_ratio)}, must be a number"
            )
        if not 0 <= self.se_ratio <= 1:
            raise InvalidArchitecture(
                f"se_ratio: got {bounds.shown(self.se_ratio)}, must be from 0 to 1"
            )
        object.__setattr__(self, "se_ratio", float(self.se_ratio))
        if self.activation not in ACTIVATIONS:
            raise InvalidArchitecture(
                f"activation: got {bounds.shown(self.activation)}, "
                f"must be one of {', '.join(ACTIVATIONS)}"
            )

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON types, without the default activation.

        So a network without another one is written as by releases that knew no activations.
        """
        return _without_default_activation(vars(self))


@dataclass(frozen=True)
class Block:
    """One layer: all that an operator needs to build its modules."""

    operator: str
    kernel: int
    stride: int
    in_channels: int
    hidden_channels: int
    out_channels: int
    squeeze_channels: int  # 0: no squeeze-and-excitation
    activation: str = ACTIVATIONS[0]

    @property
    def is_residual(self) -> bool:
        """Whether the block adds its input to its output, which needs both to have one shape."""
        return self.stride == 1 and self.in_channels == self.out_channels


@dataclass(frozen=True)
class Architecture:
    """A network: stem (3x3 convolution), stages, head (1x1 convolution, pooling, classifier).

    It holds what determines the network's weights and computation. Name, image size, dropout and
    number of classes are not part of it. With ``network`` it is a network of the user's own
    instead, without stages, which the function ``package.module:attribute`` of that name makes
    (:func:`own_network`).
    """

    stages: tuple[Stage, ...]
    stem_channels: int
    stem_stride: int = 2
    head_channels: int = 1280
    network: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "stages", tuple(self.stages))
        if self.network is not None:
            self._check_network()
        elif not self.stages:
            raise InvalidArchitecture("stages: got none, must be one or more")
        for stage in self.stages:
            if not isinstance(stage, Stage):
                raise InvalidArchitecture(
                    f"stages: got {bounds.shown(stage)}, must be Stage values"
                )
        _check_positive("stem_channels", self.stem_channels, bounds.MOST_CHANNELS)
        _check_positive("stem_stride", self.stem_stride, bounds.MOST_STRIDE)
        _check_positive("head_channels", self.head_channels, bounds.MOST_CHANNELS)
        self._check_size()

    @property
    def stride(self) -> int:
        """The number of input pixels along a side for each pixel of the last feature map."""
        stride = self.stem_stride
        for stage in self.stages:
            stride *= stage.stride
        return stride

    @property
    def functions(self) -> tuple[str, ...]:
        """The names of the functions that build it: its operators, or the user's own network."""
        if self.network is not None:
            return (self.network,)
        return tuple(dict.fromkeys(stage.operator for stage in self.stages))

    def _check_network(self) -> None:
        if not isinstance(self.network, str) or not is_reference(self.network):
            raise InvalidArchitecture(
                f"network: got {bounds.shown(self.network)}, must be of the form {FORM}"
            )
        if self.stages:
            raise InvalidArchitecture(
                f"stages: got {len(self.stages)} beside a network of your own, must be none"
            )

    def blocks(self) -> Iterator[Block]:
        """Yield the layers in order.

        Networks are built from these alone, so architectures with equal blocks are equal networks.
        """
        in_channels = self.stem_channels
        for stage in self.stages:
            for layer in range(stage.layers):
                yield Block(
                    operator=stage.operator,
                    kernel=stage.kernel,
                    stride=stage.stride if layer == 0 else 1,
                    in_channels=in_channels,
                    hidden_channels=in_channels * stage.expansion,
                    out_channels=stage.channels,
                    squeeze_channels=_squeeze_channels(stage.se_ratio, in_channels),
                    activation=stage.activation,
                )
                in_channels = stage.channels

    def _check_size(self) -> None:
        """Check the network as a whole, whose stages are within their bounds each."""
        for name, count, most in (
            ("stages", len(self.stages), bounds.MOST_STAGES),
            ("layers", sum(stage.layers for stage in self.stages), bounds.MOST_LAYERS),
            ("weights", self._weights(), bounds.MOST_WEIGHTS),
        ):
            if count > most:
                raise InvalidArchitecture(
                    f"{name}: got {count:,} in all, must be {most:,} or fewer"
                )

    def _weights(self) -> int:
        """Return about how many weights the stages have; operators not ours count as MBConv."""
        count, in_channels = 0, self.stem_channels
        for stage in self.stages:
            area = stage.kernel**2
            for channels, layers in ((in_channels, 1), (stage.channels, stage.layers - 1)):
                hidden = channels * stage.expansion
                inner = channels * area if stage.operator == "fused_mbconv" else channels + area
                count += layers * hidden * (inner + stage.channels)
            in_channels = stage.channels
        return count + in_channels * self.head_channels

    @property
    def architecture_id(self) -> str:
        """A hash of the network, as 12 hex digits.

        It covers the blocks rather than the stages. So the id stays the same when a stage is cut in
        two or when an ``se_ratio`` rounds to the same channels, because the network is the same.
        Without another activation than the default it is the id of earlier releases.
        """
        blocks = [
            tuple(_without_default_activation(vars(block)).values()) for block in self.blocks()
        ]
        content = [self.stem_channels, self.stem_stride, blocks, self.head_channels]
        if self.network is not None:
            content.append(self.network)
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]

    def to_json(self) -> dict[str, Any]:
        """Return the architecture as JSON types, for :meth:`from_json`, with a schema version."""
        return {
            "schema_version": SCHEMA_VERSION,
            "stem_channels": self.stem_channels,
            "stem_stride": self.stem_stride,
            "head_channels": self.head_channels,
            "stages": [stage.to_json() for stage in self.stages],
            **({} if self.network is None else {"network": self.network}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Architecture:
        """Read what :meth:`to_json` returned; other keys in ``data`` are ignored.

        Raises:
            InvalidArchitecture: a field is missing or wrong, or the schema is newer.
        """
        if not isinstance(data, Mapping):
            raise InvalidArchitecture(f"architecture: got {bounds.shown(data)}, must be an object")
        version = data.get("schema_version", SCHEMA_VERSION)
        if version != SCHEMA_VERSION:
            raise InvalidArchitecture(
                f"schema_version: got {bounds.shown(version)}, this release reads {SCHEMA_VERSION}"
            )
        stages = data.get("stages")
        if not isinstance(stages, list):
            raise InvalidArchitecture(f"stages: got {bounds.shown(stages)}, must be a list")
        keys = ("stem_stride", "head_channels", "network")
        optional = {k: data[k] for k in keys if k in data}
        return cls(
            stages=tuple(_stage_from_json(stage) for stage in stages),
            stem_channels=data.get("stem_channels", 0),
            **optional,
        )


def own_network(reference: str) -> Architecture:
    """Return the architecture of a network of the user's own.

    ``reference`` names a function that returns a ``torch.nn.Module`` from images (N, C, H, W) to
    logits (N, classes), as ``package.module:attribute``, such as ``torchvision.models:resnet50``.
    It is called with ``num_classes=N``, as torchvision's and timm's are, and for images of other
    than three channels with timm's ``in_chans=C`` too.

    Raises:
        InvalidArchitecture: the reference has another form.
    """
    return Architecture((), stem_channels=1, stem_stride=1, head_channels=1, network=reference)


_STAGE_KEYS = frozenset(field.name for field in fields(Stage))


def _stage_from_json(data: object) -> Stage:
    if not isinstance(data, Mapping):
        raise InvalidArchitecture(f"stages: got {bounds.shown(data)}, must be objects")
    unknown = sorted(str(key) for key in data.keys() - _STAGE_KEYS)
    missing = sorted(_STAGE_KEYS - {"se_ratio", "activation"} - data.keys())
    if unknown or missing:
        raise InvalidArchitecture(
            f"stages: unknown keys {bounds.shown(unknown)}, missing keys {missing}; "
            f"a stage has {sorted(_STAGE_KEYS)}"
        )
    return Stage(**data)


def _without_default_activation(values: Mapping[str, Any]) -> dict[str, Any]:
    is_default = values["activation"] == ACTIVATIONS[0]
    return {name: v for name, v in values.items() if name != "activation" or not is_default}


def _squeeze_channels(se_ratio: float, in_channels: int) -> int:
    """Round down to at least one, which gives the published parameter counts exactly."""
    return max(1, int(se_ratio * in_channels)) if se_ratio > 0 else 0


def _is_name(operator: object) -> bool:
    is_short = isinstance(operator, str) and len(operator) <= bounds.MOST_NAME
    return is_short and (str(operator).isidentifier() or is_reference(str(operator)))


def _check_positive(name: str, value: object, most: int) -> None:
    try:
        bounds.whole(name, value, most)
    except bounds.OutOfBounds as error:
        raise InvalidArchitecture(str(error)) from None
