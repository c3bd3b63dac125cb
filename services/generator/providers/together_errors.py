"""Together's errors, by their code and their status; a refusal has no code, and is known by a word of its message.

Source: upstreams/13-together.md, as of 2026-11-20; the shape of refusals is unverified.
"""

import re
from collections.abc import Mapping

import msgspec

from generator.providers.complaints import DENIED, FAILED, REFUSED, Complaint
from gesso.errors.v1 import reason_pb2 as pb

_BY_CODE: Mapping[str, pb.Reason.ValueType] = {
    "invalid_api_key": DENIED,
    "insufficient_quota": DENIED,
    "model_not_found": FAILED,
    "model_not_available": FAILED,
    "nsfw_content": REFUSED,
}
_REFUSING = frozenset({400, 422})
_NSFW = re.compile(r"\bnsfw\b", re.IGNORECASE)


class _Error(msgspec.Struct, frozen=True):
    message: str = ""
    param: str | None = None
    code: str | None = None


class _Body(msgspec.Struct, frozen=True):
    error: _Error


def read_complaint(status: int, body: bytes) -> Complaint:
    """Read an error's body; an empty complaint for anything else."""
    try:
        error = msgspec.json.decode(body, type=_Body).error
    except msgspec.MsgspecError:
        return Complaint()
    reason = _BY_CODE.get(error.code or "")
    if reason is None and status in _REFUSING and _NSFW.search(error.message):
        reason = REFUSED
    return Complaint(reason, field=error.param or "", code=error.code or "")
