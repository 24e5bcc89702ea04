"""A stand-in of the Hugging Face Hub: as much of its API as sending and reading a model takes."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

TOKEN = "hf_" + "aSecretOfTheTests" * 2
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """A running stand-in: the files by ``repository/name``, and what was created."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    created: list[dict[str, object]] = field(default_factory=list)


class Server(ThreadingHTTPServer):
    """The server of a stand-in."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.hub = Hub(f"http://127.0.0.1:{self.server_address[1]}")


class Handler(BaseHTTPRequestHandler):
    """Answers what ``huggingface_hub`` asks for; all but reading needs the token."""

    server: Server

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def do_POST(self) -> None:
        """Answer a request that writes."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._json({"error": f"Invalid token: {self.headers.get('Authorization')}"}, 401)
        elif self.path == "/api/repos/create":
            self.server.hub.created.append(json.loads(body))
            self._json({"url": f"{self.server.hub.address}/{_name(json.loads(body))}"})
        elif self.path == "/api/validate-yaml":
            self._json({"errors": [], "warnings": []})
        elif "/preupload/" in self.path:
            files = [file["path"] for file in json.loads(body)["files"]]
            modes = [{"path": p, "uploadMode": "regular", "shouldIgnore": False} for p in files]
            self._json({"files": modes})
        else:
            self._commit(body)

    def _commit(self, body: bytes) -> None:
        """Keep the files of a commit, which are lines of JSON."""
        hub = self.server.hub
        repository, _, rest = self.path.removeprefix("/api/models/").partition("/commit/")
        assert rest == "main"
        for line in map(json.loads, body.splitlines()):
            if line["key"] == "file":
                content = base64.b64decode(line["value"]["content"])
                hub.files[f"{repository}/{line['value']['path']}"] = content
        url = f"{hub.address}/{repository}/commit/{COMMIT}"
        self._json({"commitUrl": url, "commitOid": COMMIT})

    def do_HEAD(self) -> None:
        """Answer what a file is."""
        self._file()

    def do_GET(self) -> None:
        """Answer with a file."""
        self.wfile.write(self._file())

    def _file(self) -> bytes:
        """Send the headers of a file, and return its content."""
        repository, _, rest = self.path.strip("/").partition("/resolve/")
        files = self.server.hub.files
        content = files.get(f"{repository}/{rest.partition('/')[2]}", b"")
        if content:
            self.send_response(200)
            self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
        else:
            is_known = any(name.startswith(f"{repository}/") for name in files)
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound" if is_known else "RepoNotFound")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        return content

    def _json(self, answer: object, status: int = 200) -> None:
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def stand_in() -> Iterator[Hub]:
    """Run a stand-in on a free port of this machine."""
    with Server() as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.hub
        finally:
            server.shutdown()
            thread.join()


def _name(request: dict[str, str]) -> str:
    owner = request.get("organization")
    return f"{owner}/{request['name']}" if owner else request["name"]
