"""The data of a run or a training that is resumed, which may have been moved since it began."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from nas.data.formats.hub import PREFIX
from nas.data.given import import_data
from nas.data.load import absolute_data
from nas.data.split import SearchData
from nas.errors import UserError


def load_recorded(
    directory: Path,
    recorded: str,
    given: str | None,
    fingerprint: str,
    load: Callable[[str], SearchData],
) -> tuple[str, SearchData]:
    """Load the data that ``directory`` was begun with; return where it is now, and the data.

    ``recorded`` is where it was, ``given`` the value of ``--data``, if there is one. It may be
    another place: pixels and labels are compared, by their ``fingerprint``. ``load`` loads the data
    of a ``--data``.

    Raises:
        UserError: the data is missing, cannot be read, or is other data.
    """
    if given is None and _is_missing(recorded):
        raise UserError(
            f"--resume: {directory}: its data {recorded!r} is missing, must be there, or --data "
            "must name where it is now"
        )
    import_data(given)
    spec = recorded if given is None else absolute_data(given)
    data = load(spec)
    if data.fingerprint() == fingerprint:
        return spec, data
    if spec == recorded:
        raise UserError(
            f"--resume: {directory}: the images or labels of its data {recorded!r} have changed "
            "since it began; if they are elsewhere now, --data names where"
        )
    raise UserError(
        f"--data: got {given!r}, but {directory} was begun with {recorded!r}, must be the same "
        "images and labels"
    )


def _is_missing(recorded: str) -> bool:
    """Return whether a recorded path is not there, or an empty folder such as a mount point."""
    is_hub = recorded.startswith(PREFIX)
    path = Path(recorded.removeprefix(PREFIX).partition(",")[0] if is_hub else recorded)
    if not path.is_absolute():  # digits, shapes, or a data set of the Hub
        return False
    try:
        return not path.exists() or (path.is_dir() and next(path.iterdir(), None) is None)
    except OSError:  # such as no permission to look
        return True
