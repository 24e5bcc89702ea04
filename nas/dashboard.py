"""Where ``nas dashboard`` is served and looked at."""

from __future__ import annotations

import os
import socket
import sys
import webbrowser

from nas.errors import UserError
from results.dashboard.server import listen


def socket_at(host: str, port: int) -> socket.socket:
    """Where the page is served; UserError if it is taken or nowhere."""
    try:
        return listen(host, port)
    except socket.gaierror as error:
        raise UserError(f"--host: got {host!r}, must be an address of this machine") from error
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(
            f"--port: got {port}, must be a free port at {host} ({reason}); 0 finds one"
        ) from error


def open_browser(address: str, is_asked_for: bool) -> None:
    """Unless asked for, only from a terminal on a desktop: elsewhere it would open one in text."""
    has_desktop = sys.platform == "darwin" or any(
        name in os.environ for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    if is_asked_for or (has_desktop and sys.stdout.isatty()):
        webbrowser.open(address)
