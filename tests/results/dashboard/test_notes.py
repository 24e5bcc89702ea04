"""Notes on the page: all may read them, and who has the server's token writes them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from nas.run_directory import dashboard_source
from results.dashboard.board import Board
from results.dashboard.server import app
from results.notes import FILE, Note, read_notes, write_note
from tests.results.dashboard.conftest import Visit


@pytest.fixture
def copied(made: Path, tmp_path: Path) -> Path:
    """Return a copy of the made run, to write notes into."""
    return Path(shutil.copytree(made, tmp_path / "copied"))


@pytest.fixture
def board(copied: Path) -> Board:
    found = Board([dashboard_source(copied)], [])
    found.sources[0].poll()
    found.close()  # no thread reads; requests do not wait
    return found


@pytest.fixture
def client(board: Board) -> TestClient:
    return TestClient(app(board, "127.0.0.1"), base_url="http://127.0.0.1")


def test_with_the_token_notes_are_kept(client: TestClient, board: Board, copied: Path) -> None:
    headers = {"X-Token": board.token}
    before = board.sources[0].version
    note = {"text": "the run", "tags": []}
    assert client.put("/api/runs/0/notes", json=note, headers=headers).json() == note
    note = {"text": "<b>slow</b>", "tags": ["to train"]}
    answer = client.put("/api/runs/0/candidates/3/notes", json=note, headers=headers)
    assert (answer.status_code, answer.json()) == (200, note)
    assert read_notes(copied).candidates == {3: Note("<b>slow</b>", ("to train",))}
    board.sources[0].poll()
    assert board.sources[0].version != before  # so that all pages ask anew
    assert client.get("/api/runs/0").json()["notes"]["candidates"] == {"3": note}


@pytest.mark.parametrize(
    ("address", "headers", "content", "status", "problem"),
    [
        ("candidates/3/notes", {}, b"{}", 403, "at the address that nas dashboard printed"),
        ("candidates/3/notes", {"X-Token": "wrong"}, b"{}", 403, "notes are written"),
        ("candidates/3/notes", {"X-Token": "ü".encode()}, b"{}", 403, "notes are written"),
        ("candidates/999/notes", None, b"{}", 404, "no candidate 999"),
        ("candidates/3/notes", None, b"{", 400, "not JSON"),
        ("candidates/3/notes", None, b'{"text": 1}', 400, "text: must be"),
        ("candidates/3/notes", None, b" " * 70_000, 413, "64 KiB or less"),
    ],
)
def test_other_requests_are_refused(
    client: TestClient,
    board: Board,
    copied: Path,
    address: str,
    headers: dict[str, str] | None,
    content: bytes,
    status: int,
    problem: str,
) -> None:
    headers = {"X-Token": board.token} if headers is None else headers
    answer = client.put(f"/api/runs/0/{address}", content=content, headers=headers)
    assert answer.status_code == status
    assert problem in answer.json()["problem"]
    assert not (copied / FILE).exists()


def test_a_damaged_file_is_a_warning(copied: Path) -> None:
    (copied / FILE).write_text("{")
    source = dashboard_source(copied)
    source.poll()
    assert any("damaged" in line for line in source.warnings())
    source.close()


def test_a_note_is_written_on_the_page(
    copied: Path, serve: Callable[..., str], visit: Callable[..., Visit]
) -> None:
    address = serve(copied, token="a-token")
    page = visit().open(f"{address}?token=a-token#selected=0:3")
    page.get_by_label("note on candidate 3").fill("train this one")
    page.get_by_label("tags of candidate 3").fill("to train, fast")
    page.locator("#candidate").get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("saved", exact=True).wait_for()
    assert read_notes(copied).candidates == {3: Note("train this one", ("to train", "fast"))}


def test_without_the_token_notes_are_read_only(
    copied: Path, serve: Callable[..., str], visit: Callable[..., Visit]
) -> None:
    write_note(copied, 3, Note("<b>train</b> this one", ("fast",)))
    page = visit().open(f"{serve(copied)}#selected=0:3")
    assert page.locator("#candidate .note .text").inner_text() == "<b>train</b> this one"
    assert page.locator("#candidate .note .tag").all_inner_texts() == ["fast"]
    assert page.locator(".note form").count() == 0
