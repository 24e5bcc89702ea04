"""The Content-Security-Policy: what the browser may do with the page."""

from __future__ import annotations

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
