"""How an image becomes the pixels that a network takes, as a value, in JSON, and in words."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from nas.data.decode import GREY, format_value
from search_space import bounds

INTERPOLATIONS = ("bicubic", "bilinear")


@dataclass(frozen=True)
class Preprocessing:
    """How an image becomes the pixels that a network takes.

    The image is turned upright by its EXIF orientation, laid on ``background`` where it is
    transparent, converted to ``channels`` of 8 bits (3: RGB, 1: grey), cut to its middle square and
    resized to ``size`` pixels with antialiasing. It is then normalised channel by channel,
    ``(pixels - mean) / std``, with pixels from 0 to 255.

    ``values`` are the least and greatest value of images with more than 8 bits, which become 0 and
    255, None if there are no such images. With ``is_in_graph``, the network itself cuts, resizes
    and normalises, and takes uint8 pixels of any size.
    """

    size: int
    channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    background: tuple[int, int, int] = GREY
    values: tuple[float, float] | None = None
    interpolation: str = INTERPOLATIONS[0]
    is_in_graph: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return it in JSON types, with the steps that are always so; predict.py reads this."""
        return {"orientation": "exif", "crop": "middle square", **_lists(asdict(self))}

    def sentences(self) -> list[str]:
        """Return the steps in words, in their order."""
        kind = "RGB" if self.channels == 3 else "grey"
        wide = ""
        if self.values is not None:
            low, high = map(format_value, self.values)
            wide = f"; of images with more than 8 bits a channel, {low} becomes 0 and {high} 255"
        colour = "#{:02x}{:02x}{:02x}".format(*self.background)
        here = "The network itself then does" if self.is_in_graph else "Then"
        return [
            "Turn the image upright, by its EXIF orientation.",
            f"Lay transparent images on the colour {colour}.",
            f"Convert it to {kind}, 8 bits a channel{wide}.",
            *([f"{here} what follows:"] if self.is_in_graph else []),
            f"Cut it to its middle square and resize that to {self.size} x {self.size} pixels, "
            f"{self.interpolation} with antialiasing, as Pillow's `ImageOps.fit` does.",
            "Normalise each channel, (pixels - mean) / std, with pixels from 0 to 255: mean "
            f"{_numbers(self.mean)}, std {_numbers(self.std)}.",
        ]


def checked_background(colour: Any) -> tuple[int, int, int]:
    """Return the colour; ValueError or TypeError if it is none."""
    red, green, blue = (bounds.whole("background", x, 255, least=0) for x in colour)
    return red, green, blue


def checked_values(values: Any) -> tuple[float, float] | None:
    """Return the least and greatest value, or None; ValueError or TypeError if they are neither."""
    if values is None:
        return None
    most = bounds.MOST_INTEGER
    low, high = (bounds.real("values", x, most, -most) for x in values)
    return low, high


def checked_interpolation(name: Any) -> str:
    """Return the name of an interpolation; ValueError if it is none."""
    if name not in INTERPOLATIONS:
        raise ValueError(f"interpolation: got {bounds.shown(name)}")
    return str(name)


def _lists(values: dict[str, Any]) -> dict[str, Any]:
    return {key: list(x) if isinstance(x, tuple) else x for key, x in values.items()}


def _numbers(values: tuple[float, ...]) -> str:
    return "(" + ", ".join(f"{x:g}" for x in values) + ")"
