"""Finds the route of a path: whole segments, a literal segment before a named one, the dialect by the longest prefix. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

from gateway.dialects.base import Dialect, Route
from gesso.errors.v1 import reason_pb2 as pb
from servicekit.faults import Fault

_NAMED = "{}"


@dataclass(frozen=True, slots=True)
class Found:
    """What serves a method and path; `params` are the path's named segments, decoded."""

    dialect: Dialect
    route: Route
    params: Mapping[str, str]


@dataclass(slots=True)
class _Node:
    """One segment of the tree of paths; `routes` by method where a path ends here."""

    below: "dict[str, _Node]" = field(default_factory=dict)
    name: str = ""
    routes: dict[str, tuple[Dialect, Route]] = field(default_factory=dict)


class Routes:
    """Every route of every dialect. The first dialect also answers for paths outside all prefixes."""

    def __init__(self, dialects: Sequence[Dialect]) -> None:
        self._root = _Node()
        self._prefixes = sorted(
            ((prefix.rstrip("/"), dialect) for dialect in dialects for prefix in dialect.prefixes),
            key=lambda entry: -len(entry[0]),
        )
        self._default = dialects[0]
        for dialect in dialects:
            for route in dialect.routes:
                self._add(dialect, route)
        self._direct = {
            (method, route.path): Found(dialect, route, {})
            for dialect in dialects
            for route in dialect.routes
            if "{" not in route.path
            for method in _methods(route)
        }

    def _add(self, dialect: Dialect, route: Route) -> None:
        node = self._root
        for segment in route.path.strip("/").split("/"):
            named = segment.startswith("{")
            node = node.below.setdefault(_NAMED if named else segment, _Node())
            node.name = segment[1:-1] if named else ""
        for method in _methods(route):
            assert method not in node.routes, f"two routes for {method} {route.path}"
            node.routes[method] = (dialect, route)

    def find(self, method: str, path: str) -> Found:
        """The route, or raises Fault UNKNOWN_PATH or METHOD_NOT_ALLOWED. `path` is as sent, without its query."""
        direct = self._direct.get((method, path))
        if direct is not None:
            return direct
        routes, params = self._at(path)
        if not routes:
            raise Fault(pb.REASON_UNKNOWN_PATH, f"There is nothing at {method} {path}.")
        if method not in routes:
            allow = ", ".join(routes)
            raise Fault(pb.REASON_METHOD_NOT_ALLOWED, f"{path} takes {allow}, not {method}.", details={"allow": allow})
        dialect, route = routes[method]
        return Found(dialect, route, params)

    def methods(self, path: str) -> tuple[str, ...]:
        """The methods that a path takes; none where there is no such path."""
        return tuple(self._at(path)[0])

    def _at(self, path: str) -> tuple[Mapping[str, tuple[Dialect, Route]], Mapping[str, str]]:
        node, params = self._root, {}
        for segment in path.removeprefix("/").split("/"):
            following = node.below.get(segment) or (node.below.get(_NAMED) if segment else None)
            if following is None:
                return {}, {}
            node = following
            if node.name:
                # U+0000, which PostgreSQL takes in no name, is read as what is no UTF-8 is: then the route finds no such thing.
                params[node.name] = unquote(segment).replace("\x00", "\ufffd")
        return node.routes, params

    def dialect(self, path: str) -> Dialect:
        """Whose words an error at this path wears."""
        for prefix, dialect in self._prefixes:
            if path == prefix or path.startswith(prefix + "/"):
                return dialect
        return self._default


def _methods(route: Route) -> tuple[str, ...]:
    return ("GET", "HEAD") if route.method == "GET" else (route.method,)
