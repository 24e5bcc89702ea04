"""Names of the form package.module:attribute, looked up among imported modules only."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from search_space.architecture import Architecture, InvalidArchitecture, Stage
from search_space.named import NotImported, is_module_name, is_reference, lookup, lookup_function
from search_space.network import Network
from search_space.operators import OPERATORS, find_operator, mbconv


@pytest.mark.parametrize("text", ["a:b", "package.module:attribute", "a.b:Class.method", "_a1:_b"])
def test_a_reference_is_a_module_and_an_attribute(text: str) -> None:
    assert is_reference(text)


@pytest.mark.parametrize(
    "text", ["", "a", "a:", ":b", "a:b:c", "a.:b", "1a:b", "a b:c", "hard:T=1.2", "./a:b", "ä:b"]
)
def test_anything_else_is_none(text: str) -> None:
    assert not is_reference(text)
    with pytest.raises(ValueError, match=r"must be of the form package\.module:attribute"):
        lookup(text)


def test_a_module_name_has_parts_between_dots() -> None:
    assert is_module_name("a.b")
    assert not is_module_name("a.b:c")
    assert not is_module_name("a-b")


def test_what_is_imported_is_found() -> None:
    assert lookup("search_space.operators:mbconv") is mbconv
    assert lookup("search_space.operators:OPERATORS.get") == OPERATORS.get


def test_nothing_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dangerous.py").write_text("raise SystemExit('it ran')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(NotImported, match=r"whose module is not imported: .*--import dangerous"):
        lookup("dangerous:block")
    assert "dangerous" not in sys.modules


@pytest.mark.parametrize("reference", ["os:abort", "os.path:join", "threading:Thread.start"])
def test_a_file_cannot_name_what_pythons_own_library_does(reference: str) -> None:
    with pytest.raises(ValueError, match="is of Python's own library"):
        lookup(reference)


def test_a_missing_attribute_is_named() -> None:
    with pytest.raises(ValueError, match=r"the module search_space\.operators has no nothing"):
        lookup("search_space.operators:nothing")


def test_a_function_is_wanted() -> None:
    with pytest.raises(ValueError, match="which is no function"):
        lookup_function("search_space.operators:OPERATORS")


def test_a_network_is_built_with_an_operator_by_reference() -> None:
    stage = Stage("search_space.operators:mbconv", 3, 1, 4, 8, 2)
    by_reference = Network(Architecture((stage,), 8), classes=4)
    by_name = Network(Architecture((Stage("mbconv", 3, 1, 4, 8, 2),), 8), classes=4)
    by_reference.load_state_dict(by_name.state_dict())
    images = torch.randn(2, 3, 16, 16)
    assert torch.equal(by_reference.eval()(images), by_name.eval()(images))


def test_an_unknown_operator_says_what_it_may_be() -> None:
    with pytest.raises(ValueError, match=r"operator: got 'plain', must be one of .*--import"):
        find_operator("plain")
    with pytest.raises(NotImported, match=r"operator: got 'not_there:plain', .*--import not_there"):
        find_operator("not_there:plain")


def test_an_operator_that_is_no_name_is_refused() -> None:
    with pytest.raises(InvalidArchitecture, match="operator: got 'a b'"):
        Stage("a b", 3, 1, 1, 8, 1)
