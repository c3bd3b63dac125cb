"""TCP ports of 127.0.0.1 that were free a moment ago, for programs that cannot be told to take port 0."""

import socket
from contextlib import ExitStack

_given: set[int] = set()


def free_ports(count: int) -> list[int]:
    """Return ``count`` distinct ports that nothing listens on and that this process has not given out before.

    Another program may still take one first: a server that can bind port 0 and report what it got should do that.
    """
    found: list[int] = []
    with ExitStack() as held:  # every socket stays open until the last is found, or the kernel repeats itself
        while len(found) < count:
            listener = held.enter_context(socket.socket())
            listener.bind(("127.0.0.1", 0))
            port = int(listener.getsockname()[1])
            if port not in _given:
                _given.add(port)
                found.append(port)
    return found


def free_port() -> int:
    """Return one such port."""
    return free_ports(1)[0]
