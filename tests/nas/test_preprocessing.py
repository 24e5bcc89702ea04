"""How an image becomes pixels: the same value through JSON, and the steps in words."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from nas.preprocessing import Preprocessing, from_json
from nas.weights import public_name

COLOUR = Preprocessing(32, 3, (125.5, 123.0, 113.25), (63.0, 62.0, 66.5), (255, 255, 255))
GREY = Preprocessing(8, 1, (77.5,), (91.25,), values=(0.0, 4095.0), interpolation="bilinear")


@pytest.mark.parametrize("value", [COLOUR, GREY, replace(COLOUR, is_in_graph=True)])
def test_through_json(value: Preprocessing) -> None:
    assert from_json(json.loads(json.dumps(value.to_json()))) == value


@pytest.mark.parametrize(
    "change",
    [
        {"size": 0},
        {"mean": ["a"]},
        {"background": [1, 2]},
        {"background": [1, 2, 256]},
        {"interpolation": "nearest"},
        {"values": [1]},
        {"channels": None},
    ],
)
def test_anything_else_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        from_json({**COLOUR.to_json(), **change})


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
