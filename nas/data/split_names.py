"""What the names of files and folders say of the split that is in them."""

from __future__ import annotations

import re

_SAID = {
    "train": ("train", "training"),
    "test": ("test", "testing"),
    "val": ("val", "valid", "validation", "eval", "dev"),
}
_SPLITS = {word: split for split, words in _SAID.items() for word in words}
_WORD = f"(?P<word>{'|'.join(sorted(_SPLITS, key=len, reverse=True))})"
# train, Training, train_set, seg_train, train2017, but not the class bullet_train.
_FOLDER = re.compile(
    rf"(?:(?:seg|data|images?)[-_. ]?)?{_WORD}(?:[-_. ]?(?:set|data|images?|split))?[-_. ]?\d*"
)
_IN_PATH = re.compile(rf"(?:^|[-_./ ]){_WORD}(?=[-_./ \d]|$)")


def split_of_folder(name: str) -> str | None:
    """``train``, ``test`` or ``val`` where the whole name says so, in capitals or not."""
    match = _FOLDER.fullmatch(name.lower())
    return _SPLITS[match["word"]] if match else None


def split_in_path(path: str) -> str | None:
    """Likewise where a word of the path does; the first one counts."""
    match = _IN_PATH.search(path.lower())
    return _SPLITS[match["word"]] if match else None
