"""Ark's errors, classified by their code, of which some stand in a success, and some beside its pictures.

Source: upstreams/10-seedream.md, as of 2026-11-20. Codes have tails, as in `InvalidParameter.size`, which are not looked at.
"""

from collections.abc import Mapping

import msgspec

from generator.providers.base import Bought
from generator.providers.complaints import DENIED, FAILED, INVALID, RATE_LIMITED, REFUSED, Complaint, Stage
from gesso.errors.v1 import reason_pb2 as pb

_BY_CODE: Mapping[str, pb.Reason.ValueType] = {
    "InputTextSensitiveContentDetected": REFUSED,
    "InputImageSensitiveContentDetected": REFUSED,
    "OutputImageSensitiveContentDetected": REFUSED,
    "InvalidParameter": INVALID,
    "MissingParameter": INVALID,
    "AuthenticationError": DENIED,
    "AccessDenied": DENIED,
    "AccountOverdueError": DENIED,
    "QuotaExceeded": DENIED,
    "RateLimitExceeded": RATE_LIMITED,
    "ServerOverloaded": RATE_LIMITED,
    "ModelNotOpen": FAILED,
    "InvalidEndpointOrModel": FAILED,
    "InternalServiceError": FAILED,
}
_OF_OUTPUT = "OutputImage"


class ArkError(msgspec.Struct, frozen=True):
    """The error object."""

    code: str = ""
    param: str | None = None


class _Body(msgspec.Struct, frozen=True):
    error: ArkError


def complaint_of(error: ArkError) -> Complaint:
    """What an error object says; what it names as turned away was not bought, whatever the status."""
    code = error.code.partition(".")[0]
    reason = _BY_CODE.get(code, FAILED)
    stage = Stage.OUTPUT if code.startswith(_OF_OUTPUT) else Stage.INPUT
    bought = None if reason == FAILED else Bought.NO
    return Complaint(_BY_CODE.get(code), field=error.param or "", stage=stage, bought=bought, code=error.code)


def read_complaint(status: int, body: bytes) -> Complaint:
    """Read an error's body; an empty complaint for anything else."""
    try:
        return complaint_of(msgspec.json.decode(body, type=_Body).error)
    except msgspec.MsgspecError:
        return Complaint()
