"""OpenAI's errors, classified by their code first; complaints.py has the statuses.

Source: the vendor's ErrorResponse schema and its documented codes, as of 2026-11-20.
"""

from collections.abc import Mapping

import msgspec

from generator.providers.complaints import DENIED, FAILED, RATE_LIMITED, REFUSED, Complaint
from gesso.errors.v1 import reason_pb2 as pb

_BY_CODE: Mapping[str, pb.Reason.ValueType] = {
    "moderation_blocked": REFUSED,
    "content_policy_violation": REFUSED,
    "rate_limit_exceeded": RATE_LIMITED,
    "insufficient_quota": DENIED,
    "billing_hard_limit_reached": DENIED,
    "project_spend_limit_exceeded": DENIED,
    "invalid_api_key": DENIED,
    "model_not_found": FAILED,
}


class _Error(msgspec.Struct, frozen=True):
    type: str | None = None
    param: str | None = None
    code: str | None = None


class _Body(msgspec.Struct, frozen=True):
    error: _Error


def read_complaint(status: int, body: bytes) -> Complaint:
    """Read an error's body; an empty complaint for anything else (a gateway's page)."""
    try:
        error = msgspec.json.decode(body, type=_Body).error
    except msgspec.MsgspecError:
        return Complaint()
    return Complaint(_BY_CODE.get(error.code or ""), field=error.param or "", code=error.code or error.type or "")
