"""Events, deliveries and attempts as values."""

import datetime
from dataclasses import dataclass

from gesso.webhooks.v1 import webhooks_pb2 as pb

_DELIVERED, _FAILED = pb.Delivery.STATE_DELIVERED, pb.Delivery.STATE_FAILED


@dataclass(frozen=True, slots=True)
class Event:
    """What happened; `data` is the body's `data` as UTF-8 JSON."""

    id: str
    account_id: str
    type: str
    occurred_at: datetime.datetime
    data: bytes
    direct_url: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One POST and what it brought; status 0 where no answer came."""

    number: int
    started_at: datetime.datetime
    duration_ms: int
    status_code: int
    error: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """The sending of one event to one address."""

    id: str
    account_id: str
    event_id: str
    event_type: str
    endpoint_id: str
    url: str
    state: pb.Delivery.State.ValueType
    created_at: datetime.datetime
    attempt_count: int
    next_attempt_at: datetime.datetime | None
    attempts: tuple[Attempt, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether no attempt will follow."""
        return self.state in (_DELIVERED, _FAILED)
