"""State dicts in the forms that training tools write; no code in a file is run."""

from __future__ import annotations

import argparse
import os
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nas.state_dicts import NotAStateDict, find_state_dict, load_data

LIVE, AVERAGED = torch.ones(2), torch.zeros(2)
NAME = "stem.0.weight"


def _named(tensor: Tensor, prefix: str = "") -> dict[str, Tensor]:
    return {f"{prefix}{NAME}": tensor, f"{prefix}classifier.bias": tensor}


def _lightning() -> dict[str, Any]:
    return {
        "epoch": 3,
        "pytorch-lightning_version": "2.5.0",
        "state_dict": OrderedDict(_named(LIVE, "net.") | {"criterion.weight": AVERAGED}),
        "optimizer_states": [{"state": {}, "param_groups": [{"lr": 0.1}]}],
        "hyper_parameters": {"lr": 0.1},
    }


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (_named(LIVE), "a state dict"),
        (_named(LIVE, "module."), "a state dict without the prefix module."),
        (_named(LIVE, "_orig_mod."), "a state dict without the prefix _orig_mod."),
        (_named(LIVE, "module._orig_mod."), "a state dict without the prefix module._orig_mod."),
        ({"state_dict": _named(LIVE), "epoch": 3}, "its state_dict"),
        ({"model": _named(LIVE), "optimizer": {}, "lr_scheduler": {}}, "its model"),
        ({"model_state_dict": _named(LIVE), "loss": 0.3}, "its model_state_dict"),
        ({"state_dict": {"model": _named(LIVE)}}, "its state_dict > model"),
        ({"model": _named(LIVE), "model_ema": None}, "its model"),
        (
            {"model": {"state_dict": _named(LIVE, "_orig_mod.module.")}},
            "its model > state_dict without the prefix _orig_mod.module.",
        ),
        (
            _lightning(),
            "its state_dict without the prefix net., 1 tensor beside it left out",
        ),
        ({"state_dict": _named(LIVE, "model.")}, "its state_dict without the prefix model."),
        ({"state_dict": _named(LIVE, "network.")}, "its state_dict without the prefix network."),
    ],
)
def test_every_form_gives_the_networks_names(
    tmp_path: Path, content: dict[str, Any], form: str
) -> None:
    torch.save(content, tmp_path / "a.pth")
    found = find_state_dict(load_data(tmp_path / "a.pth"))
    assert list(found.weights) == [NAME, "classifier.bias"]
    assert all(torch.equal(weight, LIVE) for weight in found.weights.values())
    assert found.form == form


@pytest.mark.parametrize(
    ("content", "form"),
    [
        ({"state_dict": _named(LIVE), "state_dict_ema": _named(AVERAGED)}, "its state_dict_ema"),
        (
            # As torchvision's references write it: torch.optim.swa_utils.AveragedModel.
            {
                "model": _named(LIVE),
                "model_ema": {"n_averaged": torch.tensor(7), **_named(AVERAGED, "module.")},
            },
            "its model_ema without the prefix module., 1 tensor beside it left out",
        ),
    ],
)
def test_averaged_weights_come_first(content: dict[str, Any], form: str) -> None:
    found = find_state_dict(content)
    assert torch.equal(found.weights[NAME], AVERAGED)
    assert found.form == form


# torch.compile imports what torch itself has deprecated.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_torch_itself_names_is_undone() -> None:
    network = nn.Sequential(nn.Linear(2, 2))
    partly: Any = nn.Sequential(nn.Linear(2, 2))
    partly[0] = torch.compile(partly[0])
    for wrapped in (
        nn.DataParallel(network),
        torch.compile(network),
        torch.compile(nn.DataParallel(network)),
        torch.optim.swa_utils.AveragedModel(network),
        partly,
    ):
        assert isinstance(wrapped, nn.Module)
        found = find_state_dict(wrapped.state_dict())
        assert list(found.weights) == ["0.weight", "0.bias"]


def test_plain_data_beside_the_weights_is_read(tmp_path: Path) -> None:
    """As timm and many scripts save it."""
    beside = {"args": argparse.Namespace(lr=0.1), "best": np.float64(0.5), "n": np.int64(3)}
    torch.save({"state_dict": _named(LIVE), **beside}, tmp_path / "a.pth")
    assert find_state_dict(load_data(tmp_path / "a.pth")).form == "its state_dict"


class _Code:
    """Creates the file beside it when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self._path),)


def test_no_code_is_run(tmp_path: Path) -> None:
    torch.save({"state_dict": _named(LIVE), "a": _Code(tmp_path / "made")}, tmp_path / "a.pth")
    with pytest.raises(NotAStateDict, match=r"holds more than weights \(posix\.mkdir\), must hold"):
        load_data(tmp_path / "a.pth")
    assert not (tmp_path / "made").exists()


def test_a_pickled_network_is_named(tmp_path: Path) -> None:
    torch.save(nn.Linear(2, 2), tmp_path / "a.pth")
    with pytest.raises(NotAStateDict, match=r"\(torch\.nn\.modules\.linear\.Linear\)"):
        load_data(tmp_path / "a.pth")


_LOOP: dict[str, Any] = {}
_LOOP["model"] = _LOOP


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "got a list, must hold a state dict, tensors by name, alone or as state_dict_ema"),
        ({}, "got a dictionary with no keys, must"),
        ({"epoch": 3, "optimizer": {}}, "got a dictionary with the keys epoch, optimizer, must"),
        (dict.fromkeys("abcdefg", 1), "got a dictionary with the keys a, b, c, d, e and 2 more"),
        ({"state_dict": {"a": 1}}, "with the keys state_dict, and in state_dict the keys a, must"),
        ({0: LIVE}, "got a dictionary with the keys 0, must"),
        (_LOOP, "got a dictionary with the keys model, and in model the keys model, must"),
    ],
)
def test_what_is_none_says_what_it_holds(content: Any, message: str) -> None:
    with pytest.raises(NotAStateDict) as error:
        find_state_dict(content)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
