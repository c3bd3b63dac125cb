"""On the way back: a fault becomes an error in the words of its dialect, with the headers that every dialect owes. Pure."""

import math

from gateway.dialects.base import Dialect, Problem
from gateway.faults import STATUSES
from gateway.wire import Reply
from servicekit.faults import Fault

_CHALLENGE = 'Bearer realm="gesso"'


def worded(fault: Fault, dialect: Dialect, *, request_id: str, public_url: str, purchase_began: bool) -> Reply:
    """The error reply of a fault. A 5xx after a purchase began tells SDKs not to repeat it on their own.

    Source: contract.md, "Calls, jobs and retries".
    """
    status = dialect.statuses.get(fault.reason, STATUSES[fault.reason])
    reply = dialect.word(Problem(fault, status, request_id, public_url))
    stop = {"X-Should-Retry": "false"} if purchase_began and reply.status >= 500 else {}
    return reply.bearing(owed(fault, reply.status) | stop)


def owed(fault: Fault, status: int) -> dict[str, str]:
    """The headers of an error: 401 bears `WWW-Authenticate`, 405 `Allow`, and what time mends `Retry-After`."""
    headers = {}
    if fault.retry_after_seconds is not None:
        headers["Retry-After"] = str(max(1, math.ceil(fault.retry_after_seconds)))
    if status == 401:
        headers["WWW-Authenticate"] = _CHALLENGE
    if status == 405:
        headers["Allow"] = fault.details.get("allow", "")
    return headers
