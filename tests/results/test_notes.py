"""Notes are kept whole, by number, whatever else writes at the same time."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from results.notes import FILE, InvalidNote, Note, Notes, read_notes, write_note


def test_a_note_is_written_replaced_and_removed(tmp_path: Path) -> None:
    assert read_notes(tmp_path) == Notes()
    write_note(tmp_path, None, Note("a run", ("keep",)))
    write_note(tmp_path, 7, Note("first"))
    write_note(tmp_path, 7, Note("second", ("to train", "slow")))
    assert read_notes(tmp_path) == Notes(
        Note("a run", ("keep",)), {7: Note("second", ("to train", "slow"))}
    )
    write_note(tmp_path, 7, Note())
    assert read_notes(tmp_path).candidates == {}
    assert [file.name for file in tmp_path.iterdir()] == [FILE]


def test_tags_are_cleaned_and_each_stands_once() -> None:
    note = Note.of({"text": " two\nlines ", "tags": [" a,b ", "", "c\n d", "a b"]})
    assert note == Note("two\nlines", ("a b", "c d"))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "must be an object with text and tags"),
        ({"text": "a", "html": "b"}, "must be an object with text and tags"),
        ({"text": 3}, "text: must be a text of up to 4,000 characters"),
        ({"text": "a" * 4001}, "text: must be a text of up to 4,000 characters"),
        ({"tags": "a"}, "tags: must be a list of texts"),
        ({"tags": [1]}, "tags: must be a list of texts"),
        ({"tags": ["a" * 41]}, "tags: must be 20 or fewer, of up to 40 characters"),
        ({"tags": [str(i) for i in range(21)]}, "tags: must be 20 or fewer"),
    ],
)
def test_what_is_no_note_is_refused(data: object, message: str) -> None:
    with pytest.raises(InvalidNote, match=message):
        Note.of(data)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"run": {}, "candidates": {"a": {}}}', "{}"])
def test_a_damaged_file_is_not_written_over(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content)
    with pytest.raises(InvalidNote, match="damaged"):
        write_note(tmp_path, 1, Note("a"))
    assert (tmp_path / FILE).read_text() == content


def test_no_note_is_lost_among_writers_at_once(tmp_path: Path) -> None:
    threads = [
        threading.Thread(target=write_note, args=(tmp_path, number, Note(str(number))))
        for number in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read_notes(tmp_path).candidates == {n: Note(str(n)) for n in range(20)}
    assert json.loads((tmp_path / FILE).read_text())["schema_version"] == 1
