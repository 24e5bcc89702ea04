"""How an image becomes pixels: in JSON, in words, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from nas.preprocessing import (
    Preprocessing,
    checked_background,
    checked_interpolation,
    checked_values,
)
from nas.weights import public_name

COLOUR = Preprocessing(32, 3, (125.5, 123.0, 113.25), (63.0, 62.0, 66.5), (255, 255, 255))
GREY = Preprocessing(8, 1, (77.5,), (91.25,), values=(0.0, 4095.0), interpolation="bilinear")


def test_in_json_types() -> None:
    assert json.loads(json.dumps(COLOUR.to_json())) == {
        "orientation": "exif",
        "crop": "middle square",
        "size": 32,
        "channels": 3,
        "mean": [125.5, 123.0, 113.25],
        "std": [63.0, 62.0, 66.5],
        "background": [255, 255, 255],
        "values": None,
        "interpolation": "bicubic",
        "is_in_graph": False,
    }


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (checked_background, [1, 2]),
        (checked_background, [1, 2, 256]),
        (checked_background, None),
        (checked_interpolation, "nearest"),
        (checked_interpolation, ["bicubic"]),
        (checked_values, [1]),
        (checked_values, ["a", "b"]),
    ],
)
def test_what_a_file_may_not_hold(check: Callable[[Any], object], value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        check(value)


def test_every_step_is_told() -> None:
    text = " ".join(COLOUR.sentences())
    for word in ("EXIF", "#ffffff", "RGB", "middle square", "32 x 32", "bicubic", "(125.5, 123,"):
        assert word in text
    text = " ".join(GREY.sentences())
    for word in ("#808080", "grey", "0 becomes 0 and 4,095 255", "bilinear", "std (91.25)"):
        assert word in text
    assert "The network itself then does" in " ".join(replace(GREY, is_in_graph=True).sentences())


@pytest.mark.parametrize(
    ("data", "public"),
    [
        ("/home/me/photos", "photos"),
        ("/home/me/a.npz", "a.npz"),
        ("digits", "digits"),
        ("shapes:classes=3", "shapes:classes=3"),
        ("hub:me/photos,test=val", "hub:me/photos,test=val"),
        ("hub:/home/me/saved,test=val", "hub:saved,test=val"),
    ],
)
def test_data_is_named_without_the_machines_folders(data: str, public: str) -> None:
    assert public_name(data) == public
