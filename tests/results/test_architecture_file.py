"""An architecture file is read back unchanged, and a wrong one is refused in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from results.architecture_file import ArchitectureFile, ArchitectureFileError, read, write
from search_space.architecture import Architecture
from search_space.published import EFFICIENTNETV2_S

_FILE = ArchitectureFile(
    name="candidate-3",
    architecture=EFFICIENTNETV2_S,
    train_size=300,
    eval_size=384,
    parameters=21_458_488,
    multiply_adds=8_400_000_000,
    measurements={"device": "cpu", "step_time_s": 0.5},
    provenance={"run": "a", "candidate": 3},
)


def test_a_file_is_read_back_unchanged(tmp_path: Path) -> None:
    assert read(write(tmp_path / "best.json", _FILE)) == _FILE
    bare = ArchitectureFile("x", EFFICIENTNETV2_S, 32, 32)
    assert read(write(tmp_path / "bare.json", bare)) == bare


def test_a_file_parses_as_an_architecture(tmp_path: Path) -> None:
    data = json.loads(write(tmp_path / "best.json", _FILE).read_text())
    assert Architecture.from_json(data) == EFFICIENTNETV2_S
    assert data["schema_version"] == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (json.dumps(_FILE.to_json())[:500], "torn"),
        ("", "torn"),
        ("\udcff", "torn"),
        ("[" * 100_000, "nested deeper than 30"),
        ("[1, 2]", "no architecture"),
        ('{"stages": []}', "image_size"),
        (json.dumps({**_FILE.to_json(), "schema_version": 2}), "schema_version: got 2"),
        (json.dumps({**_FILE.to_json(), "parameters": "many"}), "parameters: got 'many'"),
        (json.dumps({**_FILE.to_json(), "stem_channels": -1}), "stem_channels: got -1"),
        (json.dumps({**_FILE.to_json(), "name": None}), "name: got None"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "arch.json"
    path.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(ArchitectureFileError, match=message) as error:
        read(path)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


def test_a_missing_file_and_a_directory_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchitectureFileError, match="No such file"):
        read(tmp_path / "none.json")
    with pytest.raises(ArchitectureFileError, match="directory"):
        read(tmp_path)
