"""By which reasons an action can fail, and what a dialect answers then: statuses, codes and bodies from the dialect itself."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from gateway.dialects.base import (
    Act,
    Action,
    Buy,
    CancelJob,
    Dialect,
    FollowJob,
    Problem,
    Route,
    Show,
    ShowJob,
    Unserved,
)
from gateway.faults import STATUSES
from gateway.manual.reasons import EXPLAINED
from gesso.errors.v1 import reason_pb2 as pb
from gesso.errors.v1.reason_pb2 import Reason

Reasons = tuple[Reason.ValueType, ...]

_CALLING: Reasons = (
    pb.REASON_CREDENTIAL_MISSING,
    pb.REASON_CREDENTIAL_INVALID,
    pb.REASON_KEY_REVOKED,
    pb.REASON_ACCOUNT_SUSPENDED,
    pb.REASON_ACCOUNT_CLOSED,
    pb.REASON_FORBIDDEN,
    pb.REASON_RATE_LIMITED,
    pb.REASON_UNAVAILABLE,
    pb.REASON_OVERLOADED,
    pb.REASON_TIMEOUT,
    pb.REASON_INTERNAL,
)
_BODY: Reasons = (pb.REASON_INVALID_FIELD, pb.REASON_PAYLOAD_TOO_LARGE, pb.REASON_UNSUPPORTED_MEDIA_TYPE)
_REPEATING: Reasons = (pb.REASON_IDEMPOTENCY_MISMATCH, pb.REASON_IDEMPOTENCY_RUNNING)
_BUYING: Reasons = (
    pb.REASON_CONTENT_REFUSED,
    pb.REASON_UNKNOWN_MODEL,
    pb.REASON_UNPRICED,
    pb.REASON_INSUFFICIENT_FUNDS,
    pb.REASON_BUDGET_EXCEEDED,
    pb.REASON_STORAGE_EXCEEDED,
    pb.REASON_CONCURRENCY_EXCEEDED,
    pb.REASON_MODEL_UNAVAILABLE,
    pb.REASON_MAINTENANCE,
)
_DRAWING: Reasons = (
    pb.REASON_UPSTREAM_REFUSED,
    pb.REASON_UPSTREAM_FAILED,
    pb.REASON_UPSTREAM_BAD_IMAGE,
    pb.REASON_UPSTREAM_RATE_LIMITED,
    pb.REASON_UPSTREAM_DENIED,
    pb.REASON_UPSTREAM_INVALID,
    pb.REASON_OUTCOME_UNKNOWN,
    pb.REASON_SECRET_LOST,
    pb.REASON_CANCELLED,
)
_BY_ACTION: Mapping[type[Action], Reasons] = {
    Buy: _BODY + _REPEATING + _BUYING + _DRAWING,
    ShowJob: (pb.REASON_NOT_FOUND, *_BUYING, *_DRAWING),
    CancelJob: (pb.REASON_NOT_FOUND, pb.REASON_CONFLICT),
    FollowJob: (pb.REASON_NOT_FOUND,),
    Show: (),
    Act: _BODY,
    Unserved: (pb.REASON_NOT_IMPLEMENTED,),
}
KEYLESS: Reasons = (pb.REASON_RATE_LIMITED, pb.REASON_INTERNAL)
"""Of the paths that need no key."""


def reasons_of(route: Route) -> Reasons:
    """Every reason for which a route may fail."""
    calling = KEYLESS if route.keyless else _CALLING
    return tuple(dict.fromkeys((*calling, *_BY_ACTION[type(route.action)], *route.about.reasons)))


@dataclass(frozen=True, slots=True)
class Wording:
    """What a dialect answers for a reason: an example."""

    status: int
    code: str
    body: Any


def wording(dialect: Dialect, reason: Reason.ValueType, public_url: str = "") -> Wording:
    """Ask the dialect itself."""
    fault = EXPLAINED[reason].example(reason)
    status = dialect.statuses.get(reason, STATUSES[reason])
    reply = dialect.word(Problem(fault, status, "req_01JZX4", public_url))
    text = b"".join(part for part in reply.body if isinstance(part, bytes))
    return Wording(reply.status, dialect.codes[reason], msgspec.json.decode(text))


def by_status(dialect: Dialect, reasons: Iterable[Reason.ValueType]) -> Mapping[int, Reasons]:
    """The reasons behind each status of a dialect, in the order of the statuses."""
    found: dict[int, Reasons] = {}
    for reason in reasons:
        status = wording(dialect, reason).status
        found[status] = (*found.get(status, ()), reason)
    return dict(sorted(found.items()))
