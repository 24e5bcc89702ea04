"""``--start-from``: architectures that a search begins with."""

from __future__ import annotations

from collections.abc import Sequence

from nas.architectures import find_architecture
from nas.errors import UserError
from search_space.architecture import Architecture


def find_starts(names: Sequence[str]) -> list[Architecture]:
    """Files and published names as architectures, each once, in their order.

    One outside the space is evaluated like any other; the strategies do not learn from it.

    Raises:
        UserError: neither a file nor a published name.
    """
    starts: dict[str, Architecture] = {}
    for name in names:
        try:
            architecture = find_architecture(name).architecture
        except UserError as error:
            raise UserError(str(error).replace("ARCH:", "--start-from:", 1)) from error
        starts.setdefault(architecture.architecture_id, architecture)
    return list(starts.values())
