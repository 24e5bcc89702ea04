"""What the browser may do with the page, and from which address it may be asked for."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Only the page's own scripts run, and it talks to nobody else. plotly.js writes styles into the
# page as it goes, which cannot run anything.
_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
}


def policy(**changes: str) -> str:
    """A Content-Security-Policy; changes by name, such as ``script_src="'none'"``."""
    changed = {name.replace("_", "-"): value for name, value in changes.items()}
    return "; ".join(f"{name} {value}" for name, value in {**_POLICY, **changed}.items())


_HEADERS = {
    "Content-Security-Policy": policy(frame_ancestors="'none'"),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class Guard:
    """Answers only those who ask for this machine by a name or number of its own.

    A stranger's page can make its own name point here (DNS rebinding), and would then read the
    answers as its own; the Host header still says that name.
    """

    def __init__(self, app: ASGIApp, names: Iterable[str]) -> None:
        self._app = app
        self._names = {name.lower() for name in names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, as ASGI has it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        host = Headers(scope=scope).get("host", "")
        app = self._app if self._is_own(host) else _refusal(host)
        await app(scope, receive, send_guarded)

    def _is_own(self, host: str) -> bool:
        name = _without_port(host).lower()
        return name in self._names or _is_number(name)


def own_names(host: str) -> set[str]:
    """The names by which this machine may be asked when the server listens at ``host``."""
    return {"localhost", host, socket.gethostname(), socket.getfqdn()}


def _refusal(host: str) -> ASGIApp:
    return JSONResponse({"problem": f"{host}: not a name of this machine, try its address"}, 400)


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _is_number(name: str) -> bool:
    """An address in numbers is nobody's name, so no other page can pass for it."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
