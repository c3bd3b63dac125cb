"""On the way back: a fault becomes an error in the words of its dialect, with the headers that every dialect owes. Pure."""

import math

from gateway.dialects.base import Dialect, Problem
from gateway.faults import STATUSES
from gateway.wire import Reply
from servicekit.faults import Fault

_CHALLENGE = 'Bearer realm="gesso"'


def worded(fault: Fault, dialect: Dialect, *, request_id: str, purchase_began: bool) -> Reply:
    """The error reply of a fault.

    401 bears `WWW-Authenticate`, 405 `Allow`, what time mends `Retry-After`; a 5xx after a purchase began tells SDKs not to
    repeat it on their own. Source: contract.md, "Calls, jobs and retries".
    """
    reply = dialect.word(Problem(fault, STATUSES[fault.reason], request_id))
    extra = dict(reply.headers)
    if fault.retry_after_seconds is not None:
        extra["Retry-After"] = str(max(1, math.ceil(fault.retry_after_seconds)))
    if reply.status == 401:
        extra["WWW-Authenticate"] = _CHALLENGE
    if reply.status == 405:
        extra["Allow"] = fault.details.get("allow", "")
    if purchase_began and reply.status >= 500:
        extra["X-Should-Retry"] = "false"
    return Reply(reply.status, reply.body, extra, reply.content_type)
