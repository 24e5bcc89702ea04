"""Pixel values of images in every mode: the right levels, whatever their bits and alpha."""

from __future__ import annotations

import io
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nas.data.decode import (
    Decoding,
    Unusable,
    decode,
    fitted,
    parse_background,
    value_range,
)
from nas.data.load import load_search_data
from nas.data.options import DataOptions

RAMP = np.linspace(0, 1, 16)[None].repeat(16, 0)  # black to white


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def pixels(image: Image.Image, kind: str, decoding: Decoding | None = None) -> Any:
    content = encoded(image, kind)
    decoded = decode(lambda: content, 16, decoding or Decoding())
    assert decoded is not None
    return decoded.astype(int)


@pytest.mark.parametrize(
    ("low", "high", "is_integer", "expected"),
    [
        (0, 1, True, (0, 1)),
        (0, 200, True, (0, 255)),
        (3, 255, True, (0, 255)),
        (0, 1000, True, (0, 1023)),
        (0, 4095, True, (0, 4095)),  # an X-ray of 12 bits
        (0, 4096, True, (0, 16383)),
        (0, 60_000, True, (0, 65_535)),
        (0, 100_000, True, (0, 100_000)),
        (-1000, 3000, True, (-1000, 3000)),  # Hounsfield units
        (0.0, 0.9, False, (0, 1)),
        (0.0, 250.5, False, (0, 255)),
        (-1.0, 1.0, False, (-1, 1)),
        (5.0, 5000.0, False, (5, 5000)),
        (-3, -3, True, (-3, -2)),
    ],
)
def test_value_ranges(
    low: float, high: float, is_integer: bool, expected: tuple[float, float]
) -> None:
    assert value_range(low, high, is_integer) == expected


@pytest.mark.parametrize(
    ("values", "kind", "low_high"),
    [
        ((RAMP * 65_535).astype(np.uint16), "PNG", (0, 65_535)),
        ((RAMP * 255).astype(np.uint16), "PNG", (0, 255)),
        ((RAMP * 4095).astype(np.uint16), "TIFF", (0, 4095)),
        ((RAMP * 10**6).astype(np.int32), "TIFF", (0, 10**6)),
        (RAMP.astype(np.float32), "TIFF", (0, 1)),
        ((RAMP * 255).astype(np.float32), "TIFF", (0, 255)),
        ((RAMP * 2 - 1).astype(np.float32), "TIFF", (-1, 1)),
    ],
)
def test_a_ramp_stays_a_ramp(values: Any, kind: str, low_high: tuple[float, float]) -> None:
    decoded = pixels(Image.fromarray(values), kind, Decoding(low_high))
    assert np.abs(decoded - np.rint(255 * RAMP)).max() <= 1


def test_values_outside_the_range_are_clipped() -> None:
    image = Image.fromarray(np.full((16, 16), 5000, np.uint16))
    assert (pixels(image, "PNG", Decoding((0, 4095))) == 255).all()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_a_shape_in_the_alpha_channel_is_seen(mode: str) -> None:
    """An opaque half beside a transparent one, whose hidden colour is the same."""
    image = Image.new("RGBA", (16, 16), (30, 30, 30, 0))
    image.paste((30, 30, 30, 255), (0, 0, 8, 16))
    image = image.quantize(4).convert("PA") if mode == "PA" else image.convert(mode)
    decoded = pixels(image, "TIFF" if mode == "PA" else "PNG")
    assert np.abs(decoded[:, :, :7] - 30).max() <= 1
    assert (decoded[:, :, 9:] == 128).all()
    white = pixels(image.convert("RGBA"), "PNG", Decoding(background=(255, 255, 255)))
    assert (white[:, :, 9:] == 255).all()


def test_half_transparent_is_blended() -> None:
    image = Image.new("RGBA", (16, 16), (0, 0, 0, 128))
    assert np.abs(pixels(image, "PNG", Decoding(background=(200, 200, 200))) - 100).max() <= 1


def test_a_palette_with_a_transparent_colour() -> None:
    image = Image.new("P", (16, 16), 1)
    image.putpalette([0, 0, 0, 200, 0, 0])
    image.paste(0, (0, 0, 8, 16))
    content = encoded(image, "PNG", transparency=0)
    decoded = decode(lambda: content, 16, Decoding())
    assert decoded is not None
    assert (decoded[:, :, :7] == 128).all()
    assert (decoded[0, :, 9:] == 200).all()


def test_an_image_of_nan_is_told_as_that() -> None:
    content = encoded(Image.fromarray(np.full((16, 16), np.nan, np.float32)), "TIFF")
    with pytest.raises(Unusable, match="holds NaN or infinite values"):
        decode(lambda: content, 16, Decoding((0, 1)))


def test_a_wide_image_in_a_set_without_a_range_is_told() -> None:
    content = encoded(Image.fromarray(np.zeros((16, 16), np.uint16)), "PNG")
    with pytest.raises(Unusable, match="more than 8 bits a channel, unlike the sample"):
        decode(lambda: content, 16, Decoding())


def test_a_large_scan_is_reduced_or_told_as_too_large() -> None:
    """200 megapixels: a JPEG is decoded at an eighth, a PNG cannot be."""
    scan = Image.new("L", (20_000, 10_000), 77)
    jpeg = encoded(scan, "JPEG")
    decoded = decode(lambda: jpeg, 16, Decoding())
    assert decoded is not None
    assert (decoded == 77).all()
    png = encoded(scan, "PNG")
    with pytest.raises(Unusable, match="20000 x 10000 pixels, over 134,217,728"):
        decode(lambda: png, 16, Decoding())


def test_a_header_that_claims_gigabytes_is_too_large() -> None:
    png = bytearray(encoded(Image.new("L", (8, 8)), "PNG"))
    png[16:24] = (10**5).to_bytes(4, "big") * 2
    png[29:33] = zlib.crc32(png[12:29]).to_bytes(4, "big")
    with pytest.raises(Unusable, match="100000 x 100000 pixels"):
        decode(lambda: bytes(png), 16, Decoding())


@pytest.mark.parametrize(
    "content", [b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", b"<html>", b"", b"%PDF-1.4"]
)
def test_other_formats_are_not_opened(content: bytes) -> None:
    assert decode(lambda: content, 16, Decoding()) is None


@pytest.mark.parametrize(
    ("text", "colour"),
    [("grey", (128, 128, 128)), ("white", (255, 255, 255)), ("#10ff00", (16, 255, 0))],
)
def test_backgrounds(text: str, colour: tuple[int, int, int]) -> None:
    assert parse_background(text) == colour


@pytest.mark.parametrize("text", ["", "nocolour", "#12", "12"])
def test_other_backgrounds_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be grey, white, black"):
        parse_background(text)


def _folder(root: Path, images: dict[str, list[Image.Image]], kind: str) -> Path:
    for name, group in images.items():
        (root / name).mkdir(parents=True)
        for i, image in enumerate(group):
            image.save(root / name / f"{i}.{kind}")
    return root


def test_the_range_belongs_to_the_set_and_is_said(tmp_path: Path) -> None:
    """The darkest image alone would fit into one bit."""
    tops = (1, 300, 4000, 800, 2000, 4095)
    images = [Image.fromarray((RAMP * top).astype(np.uint16)) for top in tops]
    root = _folder(tmp_path / "x", {"a": images, "b": images}, "png")
    data = load_search_data(str(root), 16, DataOptions("0.5"))
    assert data.notes == ("values from 0 to 4,095 become 0 to 255",)
    brightest = sorted(int(image.max()) for part in (data.training, data.minival)
                       for image in part.pixels)  # fmt: skip
    expected = sorted(round(255 * top / 4095) for top in (*tops, *tops))
    assert np.abs(np.array(brightest) - expected).max() <= 1


def test_the_background_is_an_option_and_another_set(tmp_path: Path) -> None:
    images = [Image.new("RGBA", (16, 16), (9, 9, 9, 0))] * 5
    root = _folder(tmp_path / "x", {"a": images, "b": images}, "png")
    grey, white = (
        load_search_data(str(root), 16, DataOptions(background=b)) for b in ("grey", "white")
    )
    assert (grey.training.pixels == 128).all()
    assert (white.training.pixels == 255).all()
    assert "10 of 10 images (100 %) are of a single colour once decoded" in grey.warnings[0]


def test_the_published_crop_is_of_the_shorter_side_below_320_px() -> None:
    """google/automl, preprocess_for_eval: int(size / (size + 32) * shorter side), centred."""
    image = Image.new("RGB", (101, 60))
    image.paste((0, 0, 255), (35, 15, 65, 45))  # 30 = int(32 / 64 * 60); (101 - 30) // 2 = 35
    assert np.asarray(fitted(image, 32, "published"))[..., 2].min() == 255
    image.putpixel((35, 15), (0, 0, 0))
    image.putpixel((64, 44), (0, 0, 0))
    blue = np.asarray(fitted(image, 32, "published"))[..., 2]
    assert blue[0, 0] < 255 > blue[-1, -1]
    assert np.asarray(fitted(image, 32, "square"))[..., 2].min() == 0


def test_the_published_crop_squeezes_the_whole_image_from_320_px() -> None:
    image = Image.new("RGB", (400, 200))
    image.paste((255, 0, 0), (0, 0, 100, 200))  # the left quarter, outside the middle square
    red = np.asarray(fitted(image, 320, "published"))[..., 0]
    assert (red[:, 0] == 255).all()
    assert red[0].mean() == pytest.approx(255 / 4, abs=1)
    assert np.asarray(fitted(image, 320, "square"))[:, 1:, 0].max() == 0
    assert np.asarray(fitted(image, 319, "published"))[..., 0].max() == 0
