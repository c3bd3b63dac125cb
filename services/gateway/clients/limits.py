"""Request limits: billing counts, in gathered calls; what it refused is refused here without asking for a while.

Source: design.md, "limits": a known 429 is refused by the gateway itself until its reset. It asks again after 1 s at the latest, so
that a limit that an operator lifts is lifted.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.clients.memory import Memory
from gesso.billing.v1.billing_pb2 import Caller, TakeLimitsRequest, TakeLimitsResponse, WindowState
from gesso.billing.v1.billing_pb2_grpc import LimitsStub
from gesso.errors.v1 import reason_pb2 as pb
from servicekit.batches import Batches
from servicekit.coalescer import Coalescer
from servicekit.faults import Fault, from_proto
from servicekit.link import Link

REFUSAL_KEPT_SECONDS = 1.0
KEYLESS = "keyless"
"""The limit of routes without a key, in billing's table of limits by address."""
_COUNTING_SECONDS = 1.0

Taking = TakeLimitsRequest.Taking
Result = TakeLimitsResponse.TakeLimitsResult


class UsedUp(Fault):
    """RATE_LIMITED, with the windows as they stand."""

    def __init__(self, fault: Fault, windows: Sequence[WindowState], retry_after_seconds: float) -> None:
        super().__init__(
            fault.reason, fault.message, details=fault.details, retry_after_seconds=max(retry_after_seconds, 0.0)
        )
        self.windows = windows


@dataclass(frozen=True, slots=True)
class _Refusal:
    fault: Fault
    windows: Sequence[WindowState]
    reset_at: float


class Limits:
    """Counts requests over the link to billing."""

    def __init__(self, link: Link, clock: Callable[[], float] = time.time) -> None:
        stub = LimitsStub(link.channel)
        self._calls = Batches(link, stub.TakeLimits, stub.TakeLimitsBatches)
        self._clock = clock
        self._takings: Coalescer[Taking, Result] = Coalescer(self._flush)
        self._refused: Memory[tuple[str, str], _Refusal] = Memory(clock)

    async def take(self, caller: Caller, dialect: str, *, is_call: bool = False) -> Sequence[WindowState]:
        """Count one request of a caller; the windows after it. Raises UsedUp.

        `is_call` counts it for the account's statistics too, whether or not anything limits it.
        """
        if not is_call and dialect not in caller.limited_dialects:
            return ()
        taking = Taking(caller_token=caller.token, dialect=dialect, is_call=is_call)
        return await self._count((caller.account_id, dialect), taking)

    async def take_address(
        self, address: str, limit: str = KEYLESS, caller: Caller | None = None
    ) -> Sequence[WindowState]:
        """Count one request of an address; the windows after it. Raises UsedUp.

        The own figures of the caller's account, where it has some for the dialect `limit`, go before the address's.
        Where billing cannot count, it is let in: what needs no key is cheap, and is read most while something is away.
        """
        try:
            async with asyncio.timeout(_COUNTING_SECONDS):
                account_id, token = (caller.account_id, caller.token) if caller else ("", b"")
                taking = Taking(address=address, dialect=limit, figures_of=token)
                return await self._count((f"address:{address} {account_id}", limit), taking)
        except TimeoutError:
            return ()
        except Fault as fault:
            if fault.reason == pb.REASON_RATE_LIMITED:
                raise
            return ()

    async def _count(self, subject: tuple[str, str], taking: Taking) -> Sequence[WindowState]:
        known = self._refused.get(subject)
        if known is not None:
            raise UsedUp(known.fault, known.windows, known.reset_at - self._clock())
        result = await self._takings.submit(taking)
        if not result.HasField("fault"):
            return result.windows
        now = self._clock()
        refusal = _Refusal(from_proto(result.fault), result.windows, _reset_at(result, now))
        self._refused.put(subject, refusal, until=min(refusal.reset_at, now + REFUSAL_KEPT_SECONDS))
        raise UsedUp(refusal.fault, refusal.windows, refusal.reset_at - now)

    async def _flush(self, takings: list[Taking]) -> Sequence[Result]:
        return (await self._calls.call(TakeLimitsRequest(takings=takings))).results


def _reset_at(result: Result, now: float) -> float:
    """When the windows that are used up end; what the fault itself says where none is listed as used up."""
    used_up = [window.reset_at for window in result.windows if window.remaining == 0]
    if result.fault.HasField("retry_after_seconds"):
        return now + result.fault.retry_after_seconds
    return max(used_up, default=now + 1.0)
