"""Request limits: billing counts, in gathered calls; what it refused is refused here without asking for a while.

Source: design.md, "limits": a known 429 is refused by the gateway itself until its reset. It asks again after 5 s at the latest, so
that a limit that an operator lifts is lifted.
"""

import asyncio
import time
from collections.abc import Callable, Sequence

from gateway.clients.memory import Memory
from gesso.billing.v1.billing_pb2 import Caller, TakeLimitsRequest, TakeLimitsResponse, WindowState
from gesso.billing.v1.billing_pb2_grpc import LimitsStub
from gesso.errors.v1 import reason_pb2 as pb
from servicekit.batches import Batches
from servicekit.coalescer import Coalescer
from servicekit.faults import Fault, from_proto
from servicekit.link import Link

REFUSAL_KEPT_SECONDS = 5.0
KEYLESS = "keyless"
"""The limit of routes without a key, in billing's table of limits by address."""
_COUNTING_SECONDS = 1.0

Taking = TakeLimitsRequest.Taking
Result = TakeLimitsResponse.TakeLimitsResult


class Limits:
    """Counts requests over the link to billing."""

    def __init__(self, link: Link, clock: Callable[[], float] = time.time) -> None:
        stub = LimitsStub(link.channel)
        self._calls = Batches(link, stub.TakeLimits, stub.TakeLimitsBatches)
        self._clock = clock
        self._takings: Coalescer[Taking, Result] = Coalescer(self._flush)
        self._refused: Memory[tuple[str, str], tuple[Fault, float]] = Memory(clock)

    async def take(self, caller: Caller, dialect: str) -> Sequence[WindowState]:
        """Count one request of a caller; the windows after it. Raises Fault RATE_LIMITED."""
        if dialect not in caller.limited_dialects:
            return ()
        return await self._count((caller.account_id, dialect), Taking(caller_token=caller.token, dialect=dialect))

    async def take_address(self, address: str) -> None:
        """Count one request without a key. Raises Fault RATE_LIMITED.

        Where billing cannot count, it is let in: what needs no key is cheap, and is read most while something is away.
        """
        try:
            async with asyncio.timeout(_COUNTING_SECONDS):
                await self._count((f"address:{address}", KEYLESS), Taking(address=address, dialect=KEYLESS))
        except TimeoutError:
            return
        except Fault as fault:
            if fault.reason == pb.REASON_RATE_LIMITED:
                raise

    async def _count(self, subject: tuple[str, str], taking: Taking) -> Sequence[WindowState]:
        known = self._refused.get(subject)
        if known is not None:
            raise _renewed(known[0], known[1] - self._clock())
        result = await self._takings.submit(taking)
        if not result.HasField("fault"):
            return result.windows
        reset_at = _reset_at(result, self._clock())
        fault = from_proto(result.fault)
        self._refused.put(subject, (fault, reset_at), until=min(reset_at, self._clock() + REFUSAL_KEPT_SECONDS))
        raise _renewed(fault, reset_at - self._clock())

    async def _flush(self, takings: list[Taking]) -> Sequence[Result]:
        return (await self._calls.call(TakeLimitsRequest(takings=takings))).results


def _renewed(fault: Fault, seconds: float) -> Fault:
    return Fault(fault.reason, fault.message, details=fault.details, retry_after_seconds=max(seconds, 0.0))


def _reset_at(result: Result, now: float) -> float:
    """When the windows that are used up end; what the fault itself says where none is listed as used up."""
    used_up = [window.reset_at for window in result.windows if window.remaining == 0]
    if result.fault.HasField("retry_after_seconds"):
        return now + result.fault.retry_after_seconds
    return max(used_up, default=now + 1.0)
