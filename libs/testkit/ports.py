"""TCP ports of 127.0.0.1 that were free a moment ago, for programs that cannot be told to take port 0."""

from embedded.ports import any_port

_given: set[int] = set()


def free_ports(count: int) -> list[int]:
    """Return ``count`` distinct ports that nothing listens on and that this process has not given out before.

    Another program may still take one first: a server that can bind port 0 and report what it got should do that.
    """
    found: list[int] = []
    while len(found) < count:
        port = any_port("127.0.0.1")
        if port not in _given:
            _given.add(port)
            found.append(port)
    return found


def free_port() -> int:
    """Return one such port."""
    return free_ports(1)[0]
