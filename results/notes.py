"""Notes and tags that people give a run and its candidates, in the run's ``notes.json``."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from results.atomic import write_text
from search_space.bounds import OutOfBounds, read_json

FILE = "notes.json"
SCHEMA_VERSION = 1
MOST_CHARACTERS, MOST_TAGS, MOST_TAG_CHARACTERS = 4000, 20, 40


class InvalidNote(ValueError):
    """A note is not one, or the file of notes is damaged; the message is one line."""


@dataclass(frozen=True)
class Note:
    """A text of several lines, and tags, each once, in their order. Both may be empty."""

    text: str = ""
    tags: tuple[str, ...] = ()

    @classmethod
    def of(cls, data: Any) -> Note:
        """Return the note in JSON types, without spaces around its text and tags.

        Raises:
            InvalidNote: it is none, or longer than a note may be.
        """
        if not isinstance(data, Mapping) or set(data) - {"text", "tags"}:
            raise InvalidNote("note: must be an object with text and tags")
        text, tags = data.get("text", ""), data.get("tags", [])
        if not isinstance(text, str) or len(text) > MOST_CHARACTERS:
            raise InvalidNote(f"text: must be a text of up to {MOST_CHARACTERS:,} characters")
        if not isinstance(tags, list | tuple) or not all(isinstance(tag, str) for tag in tags):
            raise InvalidNote("tags: must be a list of texts")
        cleaned = tuple(dict.fromkeys(tag for tag in map(_cleaned, tags) if tag))
        if len(cleaned) > MOST_TAGS or any(len(tag) > MOST_TAG_CHARACTERS for tag in cleaned):
            raise InvalidNote(
                f"tags: must be {MOST_TAGS} or fewer, of up to {MOST_TAG_CHARACTERS} characters"
            )
        return cls(text.strip(), cleaned)

    def to_json(self) -> dict[str, Any]:
        """Return the note in JSON types."""
        return {"text": self.text, "tags": list(self.tags)}


@dataclass(frozen=True)
class Notes:
    """All notes of a run: on the run itself, and on candidates by their number."""

    run: Note = Note()
    candidates: Mapping[int, Note] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the notes in JSON types, without empty ones."""
        kept = {str(n): note.to_json() for n, note in sorted(self.candidates.items())}
        return {"run": self.run.to_json(), "candidates": kept}

    def with_note(self, number: int | None, note: Note) -> Notes:
        """Return the notes with this one on a candidate, or on the run if there is no number."""
        if number is None:
            return replace(self, run=note)
        others = {n: other for n, other in self.candidates.items() if n != number}
        return replace(self, candidates=others if note == Note() else {**others, number: note})


def read_notes(directory: Path) -> Notes:
    """Return the notes of a run; none if there is no file.

    Raises:
        InvalidNote: the file is damaged.
        OSError: it cannot be read.
    """
    path = directory / FILE
    try:
        data = read_json(path)
        found = Notes(
            Note.of(data["run"]),
            {int(number): Note.of(note) for number, note in data["candidates"].items()},
        )
    except FileNotFoundError:
        return Notes()
    except (OutOfBounds, ValueError, LookupError, TypeError, AttributeError) as error:
        raise InvalidNote(f"{path}: damaged ({error}); move it away to write notes") from error
    return found


def write_note(directory: Path, number: int | None, note: Note) -> Notes:
    """Put a note on a candidate, or on the run; return all notes. An empty note removes one.

    Two writers at once, also of two processes, both get their notes in.

    Raises:
        InvalidNote: the file is damaged; it stays as it is.
        OSError: the directory is not writable, or its disk full; the file stays as it is.
    """
    with _alone(directory):
        notes = read_notes(directory).with_note(number, note)
        content = {"schema_version": SCHEMA_VERSION, **notes.to_json()}
        write_text(directory / FILE, f"{json.dumps(content, indent=1, ensure_ascii=False)}\n")
    return notes


def _cleaned(tag: str) -> str:
    """Return a tag in one line, without commas, which stand between tags."""
    return " ".join(tag.replace(",", " ").split())


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Keep other writers of notes out, by a lock on the directory itself."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
