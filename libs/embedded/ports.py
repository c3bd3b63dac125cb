"""The platform's TCP ports follow from the edge's: files on the next one, each service's metrics on those after it."""

import contextlib
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass

DEFAULT_HOST = "127.0.0.1"
_HIGHEST_PORT = 65535
_QUIET = range(12_000, 32_000)  # below the ephemeral ports of Linux (32768), macOS and IANA (49152)


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the platform listens: edge and files on the chosen host, metrics on the local one only."""

    edge: int
    files: int
    metrics: tuple[int, ...]


def url_of(host: str, port: int) -> str:
    """Return the URL by which this machine reaches a server that listens on `host`, which may stand for all of its own."""
    reached = {"0.0.0.0": DEFAULT_HOST, "::": "::1", "": DEFAULT_HOST}.get(host, host)  # noqa: S104
    return f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"


def is_free(host: str, port: int) -> bool:
    """Say whether a server could listen there now; port 0 and ports beyond the range never count as free."""
    if not 0 < port <= _HIGHEST_PORT:
        return False
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener, contextlib.suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        return True
    return False


def check_host(host: str) -> None:
    """Raise OSError where no server of this machine can listen on `host`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.bind((host, 0))


def any_port(host: str) -> int:
    """Return a port that is free at the moment, from a range that the kernel gives no outgoing connection.

    A port that `bind(0)` names lies among those of outgoing connections, and one of them may take it before its server starts.
    """
    while True:
        port = secrets.choice(_QUIET)
        if is_free(host, port):
            return port


def allot(
    edge: int,
    count: int,
    free: Callable[[int], bool],
    draw: Callable[[], int],
) -> Ports:
    """Allot ports for an edge and `count` metrics servers.

    Clients rely on the edge's port and on the files' beside it, so these are never moved, except that edge 0 asks for
    any pair that is free. A metrics port that is taken gives way to any other.
    """
    while edge == 0:
        drawn = draw()
        edge = drawn if free(drawn + 1) else 0
    taken = {edge, edge + 1}
    metrics = []
    for wanted in range(edge + 2, edge + 2 + count):
        port = wanted
        while port in taken or not free(port):
            port = draw()
        taken.add(port)
        metrics.append(port)
    return Ports(edge, edge + 1, tuple(metrics))
