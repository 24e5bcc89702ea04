"""Importing what the user names in a command, and the option --import."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nas.errors import UserError
from nas.imports import import_modules, import_named
from search_space.named import lookup


@pytest.fixture(autouse=True)
def _modules_kept() -> Iterator[None]:
    modules, path = set(sys.modules), list(sys.path)
    yield
    for name in set(sys.modules) - modules:
        del sys.modules[name]
    sys.path[:] = path


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "__init__.py").write_text("")
    (tmp_path / "mine" / "blocks.py").write_text("def block(): return 7\n")
    (tmp_path / "json.py").write_text("raise SystemExit('a file of the user hid a module')\n")
    (tmp_path / "broken.py").write_text("import nothing_of_that_name\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_module_in_the_working_directory_is_found(here: Path) -> None:
    import_modules(("mine.blocks",))
    assert lookup("mine.blocks:block")() == 7
    assert sys.path[-1] == str(here)  # where no file hides a module of others


def test_a_name_imports_its_module(here: Path) -> None:
    import_named("mine.blocks:block", "--metric")
    assert lookup("mine.blocks:block")() == 7


def test_a_name_of_ours_imports_nothing(here: Path) -> None:
    before = set(sys.modules)
    import_named("accuracy", "--metric")
    assert set(sys.modules) == before


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("missing:f", "got 'missing:f', no such module is installed, in PYTHONPATH, or in this"),
        ("mine.missing:f", "no such module is installed"),
        ("mine.blocks:nothing", "the module mine.blocks has no nothing"),
        ("broken:f", r"cannot be imported \(ModuleNotFoundError: No module named 'nothing_of_"),
    ],
)
def test_what_cannot_be_imported_is_one_line(here: Path, given: str, problem: str) -> None:
    with pytest.raises(UserError, match=f"--metric: .*{problem}") as raised:
        import_named(given, "--metric")
    assert "\n" not in str(raised.value)


def test_only_a_module_can_be_imported(here: Path) -> None:
    with pytest.raises(UserError, match=r"--import: got .mine/blocks\.py., must be a module"):
        import_modules(("mine/blocks.py",))
