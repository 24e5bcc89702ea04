"""predict.py: outside this tool, the accuracy that ``nas evaluate`` measures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from nas.cli.main import nas
from nas.data.decode import Decoding, decode, parse_background
from nas.export import predict
from nas.export.weights_file import with_random_weights
from nas.full_training.checkpoint import Normalization, TrainedNetwork, encoded, write
from results.architecture_file import ArchitectureFile
from search_space.spaces import small
from search_space.task import Task

CLASSES = ("cat", "dog's", 'fish "x"')
SIZE = 12
BACKGROUND = "#ff8000"

# Run where nothing of this tool can be imported; the classes are those of the folders.
OUTSIDE = """
import sys
for room in ("nas", "results", "reward", "scaling", "search_space"):
    sys.modules[room] = None  # importing it raises
import importlib.util, json
from pathlib import Path
spec = importlib.util.spec_from_file_location("unlisted", "predict.py")
predict = importlib.util.module_from_spec(spec)
spec.loader.exec_module(predict)
run, how, names = predict.load(Path(sys.argv[1]))
logits = {path: run(predict.read(Path(path), how))[0].tolist() for path in sys.argv[2:]}
print(json.dumps([logits, names]))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a training, and with JPEGs and PNGs of all kinds to test on."""
    path = tmp_path_factory.mktemp("predict")
    for label, name in enumerate(CLASSES):
        for kind in range(7):
            _save(path / "images" / "test" / name, label, kind)
            _save(path / "images" / "train" / name, label + 10, kind)
    architecture = ArchitectureFile("net", small(SIZE).backbone, SIZE, SIZE, Task(len(CLASSES)))
    trained = TrainedNetwork(
        file=architecture,
        weights=with_random_weights(architecture, 2).weights,
        normalization=Normalization((120.5, 110.25, 101.125), (61.1, 59.3, 66.7)),
        data=str(path / "images"),
        epoch=3,
        accuracy=0.5,
        class_names=CLASSES,
        background=BACKGROUND,
        values=(0.0, 65535.0),
    )
    (path / "trained").mkdir()
    write(path / "trained" / "best.pt", encoded(trained))
    return path


def _save(folder: Path, seed: int, kind: int) -> None:
    """Save an image of a kind: sizes, EXIF orientation, transparency, a palette, grey, 16 bits."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(100 * seed + kind)
    size = ((SIZE, SIZE), (40, 31), (90, 120), (33, 50), (24, 24), (19, 31), (50, 64))[kind]
    colours = generator.integers(0, 256, (4, 4, 4), dtype=np.uint8)
    image = Image.fromarray(colours, "RGBA").resize(size, Image.Resampling.BICUBIC)
    if kind == 1:
        exif = Image.Exif()
        exif[0x0112] = 6  # turn by a quarter
        image.convert("RGB").save(folder / "turned.jpg", exif=exif)
    elif kind == 3:
        image.save(folder / "transparent.png")
    elif kind == 4:
        image.convert("RGB").quantize(8).save(folder / "palette.png", transparency=3)
    elif kind == 5:
        image.convert("L").save(folder / "grey.png")
    elif kind == 6:
        wide = np.asarray(image.convert("L"), np.uint16) * 257
        Image.fromarray(wide).save(folder / "wide.png")
    else:
        image.convert("RGB").save(folder / f"{kind}.jpg", quality=95)


def _nas(*arguments: object) -> str:
    done = CliRunner().invoke(nas, [*map(str, arguments)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def _exported(folder: Path, ending: str) -> Path:
    """Return the folder with an export of this ending, which is made once."""
    out = folder / f"of{ending}"
    if not out.exists():
        _nas("export", folder / "trained", "--to", out / f"model{ending}")
    return out


def _images(folder: Path) -> list[Path]:
    found = sorted((folder / "images" / "test").rglob("*.*"))
    assert len(found) == 7 * len(CLASSES)
    return found


@pytest.mark.parametrize("ending", [".onnx", ".safetensors", ".pth"])
def test_the_accuracy_that_nas_evaluate_measures(folder: Path, ending: str) -> None:
    told = json.loads(_nas("evaluate", folder / "trained", "--data", folder / "images", "--json"))
    out = _exported(folder, ending)
    images = _images(folder)
    found, names = _outside(out, f"model{ending}", images)
    assert tuple(names) == CLASSES
    right = sum(names[np.argmax(found[str(path)])] == path.parent.name for path in images)
    assert (right, len(images)) == (told["accuracy"] * told["images"], told["images"])
    assert len({int(np.argmax(logits)) for logits in found.values()}) > 1


def test_images_of_any_size_into_the_graph(folder: Path) -> None:
    """Logits as without, but for single pixels that are rounded otherwise."""
    out, images = folder / "pixels", _images(folder)
    _nas("export", folder / "trained", "--to", out / "model.onnx", "--with-preprocessing")
    found, _ = _outside(out, "model.onnx", images)
    for path in images:
        expected = torch.tensor(_logits(folder, path))
        error = (torch.tensor(found[str(path)]) - expected).abs().max()
        assert error < 0.02 * expected.abs().max()


def _outside(out: Path, name: str, images: list[Path]) -> tuple[dict[str, list[float]], list[str]]:
    done = subprocess.run(
        [sys.executable, "-c", OUTSIDE, name, *map(str, images)],
        cwd=out,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    logits, names = json.loads(done.stdout)
    return logits, names


def _how(folder: Path) -> dict[str, Any]:
    from nas.export.source import find_source
    from nas.weights import Model

    model = find_source(str(folder / "trained"), None)
    assert isinstance(model, Model)
    assert model.preprocessing is not None
    return model.preprocessing.to_json()


def _logits(folder: Path, image: Path) -> list[float]:
    from nas.full_training.checkpoint import read_network

    with torch.inference_mode():
        network = read_network(folder / "trained").build()
        logits: list[float] = network(torch.from_numpy(predict.read(image, _how(folder))))[
            0
        ].tolist()
    return logits


def test_it_reads_the_very_pixels_that_training_does(folder: Path) -> None:
    how = {**_how(folder), "mean": [0.0] * 3, "std": [1.0] * 3}
    decoding = Decoding((0.0, 65535.0), parse_background(BACKGROUND))
    for path in _images(folder):
        ours = decode(path.read_bytes, SIZE, decoding)
        assert ours is not None
        assert np.array_equal(predict.read(path, how)[0], ours.astype(np.float32)), path.name


def test_it_prints_the_classes_of_each_image(folder: Path) -> None:
    out, image = _exported(folder, ".pth"), _images(folder)[0]
    done = subprocess.run(
        [sys.executable, "predict.py", "model.pth", str(image)],
        cwd=out,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    first, *classes = done.stdout.strip().split("  ")
    assert first == str(image)
    assert {text.rsplit(" ", 2)[0] for text in classes} == set(CLASSES)
    assert sum(float(text.split()[-2]) for text in classes) == pytest.approx(100, abs=0.2)
    bare = subprocess.run([sys.executable, "predict.py"], cwd=out, capture_output=True, text=True)
    assert bare.stderr == "usage: python predict.py model.onnx IMAGE...\n"


def test_no_file_has_a_path_of_this_machine(folder: Path) -> None:
    for ending in (".onnx", ".safetensors", ".pth", ".py"):
        for file in _exported(folder, ending).iterdir():
            content = file.read_bytes()
            assert str(folder.parent).encode() not in content, file
            assert str(Path(predict.__file__).parents[2]).encode() not in content, file


def test_other_files_beside_it_are_kept(folder: Path) -> None:
    out = folder / "mine"
    out.mkdir()
    (out / "predict.py").write_text("mine")
    done = CliRunner().invoke(nas, ["export", str(folder / "trained"), "--to", str(out / "m.pth")])
    assert f"{out}/predict.py exists already, and is another; --force replaces it" in str(
        done.exception
    )
    assert [path.name for path in out.iterdir()] == ["predict.py"]
