"""The paths that belong to no dialect: their routes as data, the count of who asks without a key, the operator's door, and the
addresses that vendors call.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from aiohttp import web

from gateway import admin, hooks
from gateway.about import About
from gateway.admin import Admin
from gateway.bodies import Bodies
from gateway.clients.limits import Limits
from gateway.hooks import Hooks
from gateway.wire import Ask, Reply
from gesso.errors.v1 import reason_pb2 as pb
from servicekit import callbacks
from servicekit.faults import Fault

METHODS = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class PlainRoute:
    """A path that anybody may read; a named segment may only end it. `counts` against the limit of the client's address."""

    path: str
    name: str
    answer: Callable[[Ask], Awaitable[Reply]]
    about: About
    counts: bool = True

    @property
    def stem(self) -> str:
        """What comes before the named segment; the whole path where there is none."""
        return self.path.partition("{")[0]


class Plain:
    """Answers those paths."""

    def __init__(
        self, routes: Sequence[PlainRoute], limits: Limits, door: Admin, called: Hooks, bodies: Bodies
    ) -> None:
        self._exact = {route.path: route for route in routes if route.stem == route.path}
        self._stems = tuple((route.stem, route) for route in routes if route.stem != route.path)
        self._limits = limits
        self._door = door
        self._called = called
        self._bodies = bodies

    def label(self, path: str) -> str | None:
        """The path's name in logs and metrics; None where it is a dialect's."""
        for prefix in (admin.PREFIX, callbacks.PREFIX):
            if path.startswith(prefix):
                return prefix
        route = self._route(path)
        return None if route is None else route.path

    def _route(self, path: str) -> PlainRoute | None:
        exact = self._exact.get(path)
        if exact is not None:
            return exact
        return next((route for stem, route in self._stems if path.startswith(stem) and path != stem), None)

    def methods(self, path: str) -> tuple[str, ...]:
        """The methods that a readable path takes; none where there is no such path."""
        return METHODS if self._route(path) is not None else ()

    async def answer(self, ask: Ask, address: str, request: web.BaseRequest) -> Reply:
        """The reply; the operator's door words its own errors. Raises Fault."""
        if ask.path.startswith(callbacks.PREFIX):
            _check_method(ask, hooks.METHODS)
            return await self._called.answer(ask, address, request)
        route = self._route(ask.path)
        if route is None:
            return await self._open_door(ask.path, request)
        _check_method(ask, METHODS)
        if route.counts:
            await self._limits.take_address(address)
        return await route.answer(ask)

    async def _open_door(self, path: str, request: web.BaseRequest) -> Reply:
        try:
            _check_method(Ask(request.method, path, {}, {}, request.headers), ("POST",))
            self._door.admit(request.headers)
            order = await self._bodies.json(request, lambda body: admin.order(path, body))
            return await self._door.call(order)
        except Fault as fault:
            return admin.worded(fault)


def _check_method(ask: Ask, allowed: Sequence[str]) -> None:
    if ask.method not in allowed:
        allow = ", ".join(allowed)
        raise Fault(pb.REASON_METHOD_NOT_ALLOWED, f"{ask.path} takes {allow}.", details={"allow": allow})
