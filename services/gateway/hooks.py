"""Vendors' calls: POST at an address that one of them was given goes to the generator as it came.

What bears no genuine token goes nowhere, and counts against the limit of its address; so does what the generator finds to be no
vendor's. Genuine calls count against nothing: vendors send many, from few addresses.
"""

from aiohttp import web

from gateway.bodies import Bodies, Body
from gateway.clients.generator import Generator
from gateway.clients.limits import Limits
from gateway.wire import Ask, Reply
from gesso.errors.v1 import reason_pb2 as pb
from gesso.generator.v1.generator_pb2 import DeliverRequest
from servicekit.callbacks import PREFIX, open_callback
from servicekit.faults import Fault

METHODS = ("POST",)
_MOST_BYTES = 1 << 20
_NOT_THE_VENDOR = frozenset({pb.REASON_NOT_FOUND, pb.REASON_FORBIDDEN})


class Hooks:
    """Hands on calls; `key` is the one under which their addresses are signed, empty where none is."""

    def __init__(self, generator: Generator, limits: Limits, bodies: Bodies, key: bytes) -> None:
        self._generator = generator
        self._limits = limits
        self._bodies = bodies
        self._key = key

    async def answer(self, ask: Ask, address: str, request: web.BaseRequest) -> Reply:
        """The reply to a call. Raises Fault."""
        provider, _, token = ask.path.removeprefix(PREFIX).partition("/")
        if open_callback(provider, token, self._key) is None:
            await self._limits.take_address(address)
            raise Fault(pb.REASON_NOT_FOUND, "No vendor was given this address.")
        if (request.content_length or 0) > _MOST_BYTES:
            raise _too_large()
        body = await self._bodies.json(request, _copied)
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            await self._generator.deliver(DeliverRequest(provider=provider, token=token, headers=headers, body=body))
        except Fault as fault:
            if fault.reason in _NOT_THE_VENDOR:
                await self._limits.take_address(address)
            raise
        return Reply(204)


def _copied(body: Body) -> bytes:
    if len(body) > _MOST_BYTES:
        raise _too_large()
    return bytes(body)


def _too_large() -> Fault:
    return Fault(
        pb.REASON_PAYLOAD_TOO_LARGE,
        f"The body is larger than {_MOST_BYTES} bytes.",
        details={"limit_bytes": str(_MOST_BYTES)},
    )
