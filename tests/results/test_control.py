"""Requests to a running search are files that any process writes, lists and takes back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from results.control import FOLDER, MOST_WAITING, InvalidRequest, Requests, point_in
from search_space.spaces import small, vertex_efficientnetv2


def test_networks_wait_in_the_order_of_the_requests(tmp_path: Path) -> None:
    requests = Requests(tmp_path)
    assert requests.waiting() == []
    first = requests.ask_for({"stage1.kernel": 5})
    second = requests.ask_for({"stage1.kernel": 3})
    assert Requests(tmp_path).waiting() == [first, second]
    assert first.point == {"stage1.kernel": 5}
    with pytest.raises(InvalidRequest, match="it waits already"):
        requests.ask_for({"stage1.kernel": 3})
    assert requests.withdraw(first.name)
    assert not requests.withdraw(first.name)
    assert requests.waiting() == [second]


def test_a_request_to_stop_stays_until_it_is_forgotten(tmp_path: Path) -> None:
    requests = Requests(tmp_path)
    assert not requests.asks_to_stop()
    requests.ask_to_stop()
    assert Requests(tmp_path).asks_to_stop()
    assert requests.meet_stop()
    assert not requests.meet_stop()  # it was one request
    assert Requests(tmp_path).asks_to_stop()  # until the search has ended
    requests.forget_stop()
    assert not requests.asks_to_stop()


def test_the_folder_is_for_whoever_may_write_to_the_run(tmp_path: Path) -> None:
    tmp_path.chmod(0o770)
    Requests(tmp_path).ask_to_stop()
    assert (tmp_path / FOLDER).stat().st_mode & 0o777 == 0o770


def test_only_a_waiting_network_is_withdrawn(tmp_path: Path) -> None:
    (tmp_path / "record.sqlite").touch()
    requests = Requests(tmp_path)
    requests.ask_to_stop()
    for name in ("../record.sqlite", "stop", "next-.json", ""):
        assert not requests.withdraw(name)
    assert requests.asks_to_stop()
    assert (tmp_path / "record.sqlite").exists()


def test_there_is_an_end_to_what_may_wait(tmp_path: Path) -> None:
    requests = Requests(tmp_path)
    for i in range(MOST_WAITING):
        requests.ask_for({"stage1.kernel": i})
    with pytest.raises(InvalidRequest, match="100 networks are waiting already"):
        requests.ask_for({"stage1.kernel": -1})


@pytest.mark.parametrize("content", ["", "{", "[]", '{"point": 3}', "{}"])
def test_a_file_that_is_no_request_is_passed_over(tmp_path: Path, content: str) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "next-1-a.json").write_text(content)
    assert Requests(tmp_path).waiting() == []


def test_a_network_is_given_by_an_option_of_each_choice() -> None:
    space = small()
    point = space.encode(space.backbone)
    assert point_in(space, {**point, "stage1.kernel": 5}) == {**point, "stage1.kernel": 5}


def test_a_browser_writes_0_for_the_option_0_0() -> None:
    space = vertex_efficientnetv2()
    name, options = next((n, o) for n, o in space.options().items() if n.endswith("se_ratio"))
    assert options[0] == 0.0
    point = {**space.at(0), name: 0}
    found = point_in(space, point)[name]
    assert (found, type(found)) == (0.0, float)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stage1.kernel": 4}, "stage1.kernel: got 4, must be one of 3, 5"),
        ({"stage1.kernel": "3"}, "stage1.kernel: got '3', must be one of 3, 5"),
        ({"stage1.layers": True}, "stage1.layers: got True, must be one of"),
        ({"stage1.kernel": [3]}, r"stage1.kernel: got \[3\], must be one of"),
        ({"stage9.kernel": 3}, "choices: must have an option of each of stage1.operator"),
    ],
)
def test_what_is_no_network_of_the_space_is_refused(change: dict[str, Any], message: str) -> None:
    space = small()
    with pytest.raises(InvalidRequest, match=message):
        point_in(space, {**space.encode(space.backbone), **change})
    others: list[Any] = [{}, [], None, "stage1"]
    for choices in others:
        with pytest.raises(InvalidRequest, match="choices: must have"):
            point_in(space, choices)
