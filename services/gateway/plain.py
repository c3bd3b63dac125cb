"""The paths that belong to no dialect: whether the edge and the platform live, and the operator's door."""

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from gateway import admin
from gateway.admin import Admin
from gateway.bodies import Bodies
from gateway.clients.health import Health
from gateway.wire import Reply, json_reply
from gesso.errors.v1 import reason_pb2 as pb
from servicekit.faults import Fault


class Plain:
    """Answers those paths."""

    def __init__(self, health: Health, door: Admin, bodies: Bodies) -> None:
        self._health = health
        self._bodies = bodies
        self._door = door
        self._pages: Mapping[str, Callable[[], Awaitable[Reply]]] = {
            "/healthz": self._healthz,
            "/readyz": self._readyz,
            "/status": self._status,
        }

    def label(self, path: str) -> str | None:
        """The path's name in logs and metrics; None where it is a dialect's."""
        if path.startswith(admin.PREFIX):
            return admin.PREFIX
        return path if path in self._pages else None

    async def answer(self, path: str, request: web.BaseRequest) -> Reply:
        """The reply, errors included."""
        page = self._pages.get(path)
        try:
            _check_method(request, path, ("POST",) if page is None else ("GET", "HEAD"))
            if page is not None:
                return await page()
            self._door.admit(request.headers)
            order = await self._bodies.json(request, lambda body: admin.order(path, body))
            return await self._door.call(order)
        except Fault as fault:
            return admin.worded(fault)

    async def _healthz(self) -> Reply:
        return json_reply({"status": "ok"})

    async def _readyz(self) -> Reply:
        components = await self._health.components()
        ready = all(components.values())
        return json_reply(
            {"status": "ready" if ready else "not ready", "components": _words(components)}, 200 if ready else 503
        )

    async def _status(self) -> Reply:
        components = {"gateway": True, **await self._health.components()}
        return json_reply(
            {"status": "up" if all(components.values()) else "degraded", "components": _words(components)}
        )


def _check_method(request: web.BaseRequest, path: str, allowed: tuple[str, ...]) -> None:
    if request.method not in allowed:
        allow = ", ".join(allowed)
        raise Fault(pb.REASON_METHOD_NOT_ALLOWED, f"{path} takes {allow}.", details={"allow": allow})


def _words(components: Mapping[str, bool]) -> dict[str, str]:
    return {name: "up" if serves else "down" for name, serves in components.items()}
