"""``--address``: whether a Ray cluster answers there, before anything else is done."""

from __future__ import annotations

import socket

from nas.errors import UserError


def check_address(address: str) -> None:
    """Ray itself would try for minutes where nobody listens.

    Raises:
        UserError: nobody does, or it is no address.
    """
    host, _, port = address.rpartition(":")
    if address == "auto":
        return
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (ValueError, OverflowError, OSError) as error:
        raise UserError(
            f"--address: got {address!r}, must be a running Ray cluster's host:port, or auto "
            f"({error})"
        ) from error
