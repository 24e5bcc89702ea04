"""Whether a Ray cluster answers at an address; a script, which runs in a process of its own.

Ray's client of a cluster ends its process if something else than a cluster answers, and it reads
``RAY_AUTH_MODE`` once. The script tries with that mode, and prints one line of JSON: the host:port,
or an error's kind and text. It imports nothing of ours, so that it runs wherever Ray is installed.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from importlib import import_module

# Kinds of errors.
NO_CLUSTER, NOT_RAY, REFUSED, NO_TOKEN = "no cluster", "not Ray", "refused", "no token"
OTHER_VERSION, NO_CLIENT, OTHER = "other version", "no client", "other"

CLIENT = "ray://"

_ANSWER_S = 2  # in which a cluster that runs answers


class Failed(Exception):
    """The cluster cannot be joined: the kind of error, and what is known besides."""

    def __init__(self, kind: str, detail: str = "") -> None:
        super().__init__(kind, detail)
        self.kind, self.detail = kind, detail


def find(address: str) -> str:
    """Return the address at which a cluster answers; with ``auto``, this machine's.

    Raises:
        Failed: none answers, or it does not let us in.
    """
    return _find_client(address) if address.startswith(CLIENT) else _find_cluster(address)


def _find_cluster(address: str) -> str:
    # Otherwise Ray waits for a minute. It reads these when it is imported.
    for name in ("connect", "reconnect"):
        os.environ[f"RAY_gcs_rpc_server_{name}_timeout_s"] = str(_ANSWER_S)
    from ray._common.usage.usage_lib import get_cluster_metadata
    from ray._private.services import canonicalize_bootstrap_address_or_die
    from ray._private.utils import check_version_info

    _check_token()
    logging.disable(logging.WARNING)  # "multiple active instances": Ray takes the latest, as we do
    try:
        found = canonicalize_bootstrap_address_or_die(address)
    except ConnectionError as error:
        raise Failed(NO_CLUSTER, str(error)) from error
    try:
        client = import_module("ray._raylet").GcsClient(address=found)
        metadata = get_cluster_metadata(client)
    except Exception as error:
        text = str(error)
        is_refused = "InvalidAuthToken" in text or "authentication token" in text
        raise Failed(REFUSED if is_refused else NOT_RAY, text) from error
    if metadata:
        try:
            check_version_info(metadata, "this machine")
        except RuntimeError as error:
            cluster = f"Ray {metadata['ray_version']} and Python {metadata['python_version']}"
            raise Failed(OTHER_VERSION, cluster) from error
    return str(found)


def _find_client(address: str) -> str:
    """Ask Ray Client's server for a key. Its versions are compared later, when Ray connects."""
    try:
        grpc = import_module("grpc")
        messages = import_module("ray.core.generated.ray_client_pb2")
        services = import_module("ray.core.generated.ray_client_pb2_grpc")
    except ImportError as error:
        raise Failed(NO_CLIENT) from error
    _check_token()
    channel = grpc.insecure_channel(address.removeprefix(CLIENT))
    server = services.RayletDriverStub(channel)
    metadata = [("client_id", "nas"), *_token()]
    try:
        server.KVExists(messages.KVExistsRequest(key=b"nas"), metadata=metadata, timeout=_ANSWER_S)
    except grpc.RpcError as error:
        is_refused = error.code() == grpc.StatusCode.UNAUTHENTICATED
        raise Failed(REFUSED if is_refused else NOT_RAY, error.details() or "") from error
    return address


def _check_token() -> None:
    """Check that there is a token if one is to be sent; without one, Ray ends the process."""
    loader = getattr(import_module("ray._raylet"), "AuthenticationTokenLoader", None)
    if loader is None or os.environ.get("RAY_AUTH_MODE") != "token":
        return
    try:
        has_token = loader.instance().has_token(ignore_auth_mode=True)
    except Exception as error:  # a file of RAY_AUTH_TOKEN_PATH that is not there
        raise Failed(NO_TOKEN, str(error)) from error
    if not has_token:
        raise Failed(NO_TOKEN)


def _token() -> list[tuple[str, str]]:
    """Return this machine's token as gRPC sends it, nothing if it is not to be sent."""
    try:
        from ray._private.authentication.grpc_authentication_client_interceptor import (
            _get_authentication_metadata_tuple,
        )
    except ImportError:  # a Ray that knows no tokens
        return []
    return list(_get_authentication_metadata_tuple())


def main() -> None:
    """Print what was found as JSON."""
    try:
        answer = {"address": find(sys.argv[1])}
    except Failed as error:
        answer = {"error": error.kind, "detail": error.detail}
    except Exception as error:
        answer = {"error": OTHER, "detail": f"{type(error).__name__}: {error}"}
    sys.stdout.write(f"{json.dumps(answer)}\n")
    sys.stdout.flush()
    os._exit(0)  # at once: Ray's threads may be waiting for an answer


if __name__ == "__main__":
    main()
