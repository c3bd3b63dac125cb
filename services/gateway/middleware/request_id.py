"""The request's name: the caller's own where it is well formed, else a new one; and the trace that it belongs to. Pure."""

import re
from collections.abc import Mapping

from servicekit.ids import new_id

HEADER = "X-Request-ID"
_WELL_FORMED = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


def request_id(headers: Mapping[str, str]) -> str:
    """The request's id. Source: contract.md, "Calls, jobs and retries"."""
    sent = headers.get(HEADER)
    return sent if sent and _WELL_FORMED.fullmatch(sent) else new_id("req")


def traceparent(headers: Mapping[str, str], *, trusted: bool) -> str:
    """The W3C trace that the request joins; empty where none was sent, it is malformed, or callers are not trusted with it.

    A sampled trace is recorded by every service: only an operator who trusts all callers lets them decide on that.
    """
    sent = headers.get("traceparent") if trusted else None
    return sent if sent and _TRACEPARENT.fullmatch(sent) else ""
