"""Which services answer, asked by the gRPC health protocol, at most once a second however often the edge is asked."""

import asyncio
import time
from collections.abc import Mapping, Sequence

import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from servicekit.link import Link

_TIMEOUT_SECONDS = 2.0
_KEPT_SECONDS = 1.0


class Health:
    """The health of the services behind these links."""

    def __init__(self, links: Sequence[Link]) -> None:
        self._stubs = {link.component: health_pb2_grpc.HealthStub(link.channel) for link in links}
        self._asking = asyncio.Lock()
        self._known: tuple[Mapping[str, bool], float] = ({}, 0.0)

    async def components(self) -> Mapping[str, bool]:
        """Whether each service answers that it serves."""
        async with self._asking:
            known, asked_at = self._known
            if not known or time.monotonic() - asked_at > _KEPT_SECONDS:
                answers = await asyncio.gather(*(self._serves(stub) for stub in self._stubs.values()))
                known = dict(zip(self._stubs, answers, strict=True))
                self._known = (known, time.monotonic())
            return known

    async def _serves(self, stub: health_pb2_grpc.HealthStub) -> bool:
        try:
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=_TIMEOUT_SECONDS, wait_for_ready=True)
        except grpc.aio.AioRpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)
