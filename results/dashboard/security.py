"""Security of the server: the page's Content-Security-Policy, and a check of the Host header."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Only the page's own scripts and styles count, and it may send requests to this server only.
_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data: blob:",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
}


def policy(**changes: str) -> str:
    """Return a Content-Security-Policy with changes by name, such as ``script_src="'none'"``."""
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


class HostGuard:
    """Middleware that refuses requests whose Host header is not a name or address of this machine.

    By DNS rebinding, a foreign page can let its own domain name point to this machine and read the
    answers; the Host header then still contains that domain name.
    """

    def __init__(self, app: ASGIApp, names: Iterable[str]) -> None:
        self._app = app
        self._names = {name.lower() for name in names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI request; all answers get the security headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        host = Headers(scope=scope).get("host", "")
        app = self._app if self._is_allowed(host) else _refusal(host)
        await app(scope, receive, send_with_headers)

    def _is_allowed(self, host: str) -> bool:
        name = _without_port(host).lower()
        return name in self._names or _is_ip_address(name)


def host_names(host: str) -> set[str]:
    """Return the names under which a server that listens at ``host`` answers."""
    return {"localhost", host, socket.gethostname(), socket.getfqdn()}


def _refusal(host: str) -> ASGIApp:
    return JSONResponse(
        {"problem": f"Host: got {host!r}, must be a name or an IP address of this machine"}, 400
    )


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _is_ip_address(name: str) -> bool:
    """Return whether it is an IP address, which DNS rebinding cannot use."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
