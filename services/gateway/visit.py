"""A Visit is one request on its way through the edge: what is known of it so far."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.dialects.base import Dialect
from gateway.visitor import Visitor
from gateway.wire import Ask
from gesso.billing.v1.billing_pb2 import Caller, WindowState
from gesso.generator.v1.generator_pb2 import Job


@dataclass(slots=True)
class Visit:
    """Filled in by the middleware, in their order.

    `key` is the digest of the caller's api key, `windows` are the caller's limits after this request, `creation_id` names what the
    request creates, `purchase_began` turns true when money may be involved, `replayed` where the job stood already. `started_at` is
    by the loop's clock.
    """

    ask: Ask
    request_id: str
    traceparent: str
    address: str
    dialect: Dialect
    started_at: float
    key: bytes = b""
    caller: Caller = field(default_factory=Caller)
    windows: Sequence[WindowState] = ()
    creation_id: str = ""
    job: Job | None = None
    purchase_began: bool = False
    replayed: bool = False

    @property
    def visitor(self) -> Visitor:
        """What dialects may know of it."""
        return Visitor(self.ask, self.caller, self.request_id, self.creation_id)
