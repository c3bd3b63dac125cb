"""OpenAI's errors, classified by their code first and their status else.

Source: the vendor's ErrorResponse schema and its documented codes, as of 2026-11-20. The vendor's own message is never passed on:
it may quote the key or the prompt.
"""

from collections.abc import Mapping

import msgspec

from generator.providers.base import Bought, UpstreamFault
from gesso.errors.v1 import reason_pb2 as pb

_REFUSED = pb.REASON_UPSTREAM_REFUSED
_DENIED = pb.REASON_UPSTREAM_DENIED
_INVALID = pb.REASON_UPSTREAM_INVALID
_FAILED = pb.REASON_UPSTREAM_FAILED
_RATE_LIMITED = pb.REASON_UPSTREAM_RATE_LIMITED

_BY_CODE: Mapping[str, pb.Reason.ValueType] = {
    "moderation_blocked": _REFUSED,
    "content_policy_violation": _REFUSED,
    "rate_limit_exceeded": _RATE_LIMITED,
    "insufficient_quota": _DENIED,
    "billing_hard_limit_reached": _DENIED,
    "project_spend_limit_exceeded": _DENIED,
    "invalid_api_key": _DENIED,
    "model_not_found": _FAILED,
}
_BY_STATUS: Mapping[int, pb.Reason.ValueType] = {
    400: _INVALID,
    401: _DENIED,
    403: _DENIED,
    413: _INVALID,
    415: _INVALID,
    422: _INVALID,
    429: _RATE_LIMITED,
}
_WORDS: Mapping[pb.Reason.ValueType, str] = {
    _REFUSED: "The upstream openai refused the content of the request.",
    _DENIED: "The upstream openai refuses the key, or its quota is used up.",
    _INVALID: "The upstream openai refuses a parameter of the request.",
    _FAILED: "The upstream openai failed to draw.",
    _RATE_LIMITED: "The upstream openai takes no more requests at the moment.",
}
# The same request can only succeed elsewhere, or later, if it is not the request that is at fault.
_FINAL = frozenset({_REFUSED, _INVALID})


class VendorError(msgspec.Struct, frozen=True):
    """The `error` of the vendor's body."""

    message: str = ""
    type: str | None = None
    param: str | None = None
    code: str | None = None


class _Body(msgspec.Struct, frozen=True):
    error: VendorError


def parse_error(body: bytes) -> VendorError:
    """Read an error's body; an empty error for anything else (a gateway's page)."""
    try:
        return msgspec.json.decode(body, type=_Body).error
    except msgspec.MsgspecError:
        return VendorError()


def fault_of(
    status: int, error: VendorError, bought: Bought, retry_after: float | None, *, own_key: bool = False
) -> UpstreamFault:
    """The fault that an answer with this status and error is. A key of the caller's own that is refused has no other route."""
    reason = _BY_CODE.get(error.code or "") or _BY_STATUS.get(status, _FAILED)
    details = {"provider": "openai"}
    if reason == _REFUSED:
        details["stage"] = "input"
    if reason == _INVALID and error.param:
        details["field"] = error.param[:100]
    return UpstreamFault(
        reason,
        _WORDS[reason],
        bought=bought,
        retryable=reason not in _FINAL and not (own_key and reason == _DENIED),
        details=details,
        retry_after_seconds=retry_after if reason in {_RATE_LIMITED, _FAILED} else None,
    )
