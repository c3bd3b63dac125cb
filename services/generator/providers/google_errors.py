"""Google's refusals and errors: a refusal is a success with a reason, an error a google.rpc.Status with details.

Source: google-genai 3.3.0 (BlockedReason, FinishReason) and google.rpc, as of 2026-11-20. Messages are never read: a key that is
not valid is told by the reason of an ErrorInfo, a quota that lasts a day by the id of its QuotaFailure.
"""

from collections.abc import Mapping, Sequence

import msgspec

from generator.providers.base import Bought
from generator.providers.complaints import DENIED, FAILED, RATE_LIMITED, REFUSED, Complaint, Stage
from gesso.errors.v1 import reason_pb2 as pb

_REFUSALS = frozenset(
    {
        "SAFETY",
        "PROHIBITED_CONTENT",
        "BLOCKLIST",
        "SPII",
        "RECITATION",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
    }
)
_BY_STATUS: Mapping[str, pb.Reason.ValueType] = {
    "RESOURCE_EXHAUSTED": RATE_LIMITED,
    "PERMISSION_DENIED": DENIED,
    "UNAUTHENTICATED": DENIED,
    "FAILED_PRECONDITION": DENIED,  # as a project without billing, or a region that is not served
}
_BY_REASON: Mapping[str, pb.Reason.ValueType] = {"API_KEY_INVALID": DENIED, "API_KEY_EXPIRED": DENIED}
_LASTING_QUOTA = "PerDay"
_LONGEST_DELAY_SECONDS = 3600.0


class _FieldViolation(msgspec.Struct, frozen=True):
    field: str = ""


class _QuotaViolation(msgspec.Struct, frozen=True, rename="camel"):
    quota_id: str = ""


class _Detail(msgspec.Struct, frozen=True, rename="camel"):
    reason: str = ""
    retry_delay: str = ""
    field_violations: Sequence[_FieldViolation] = ()
    violations: Sequence[_QuotaViolation] = ()


class _Error(msgspec.Struct, frozen=True):
    status: str = ""
    details: Sequence[_Detail] = ()


class _Body(msgspec.Struct, frozen=True):
    error: _Error


def blocked(reason: str) -> Complaint:
    """The complaint of a prompt that was not let through."""
    return Complaint(REFUSED, stage=Stage.INPUT, bought=Bought.NO, code=reason)


def finished(reason: str) -> Complaint:
    """The complaint of an answer without a picture: refused, or simply none, which another try may bring."""
    return Complaint(REFUSED if reason in _REFUSALS else FAILED, stage=Stage.OUTPUT, code=reason or "empty")


def read_complaint(status: int, body: bytes) -> Complaint:
    """Read an error's body; an empty complaint for anything else."""
    try:
        error = msgspec.json.decode(body, type=_Body).error
    except msgspec.MsgspecError:
        return Complaint()
    reasons = [_BY_REASON[detail.reason] for detail in error.details if detail.reason in _BY_REASON]
    quotas = [quota.quota_id for detail in error.details for quota in detail.violations]
    fields = [violation.field for detail in error.details for violation in detail.field_violations]
    delays = [_seconds(detail.retry_delay) for detail in error.details if detail.retry_delay]
    if any(_LASTING_QUOTA in quota for quota in quotas):
        return Complaint(DENIED, code=error.status)
    return Complaint(
        reasons[0] if reasons else _BY_STATUS.get(error.status),
        field=next(filter(None, fields), ""),
        code=error.status,
        retry_after_seconds=next(iter(delays), None),
    )


def _seconds(duration: str) -> float | None:
    """A google.protobuf.Duration as JSON writes it: `21s`, `0.5s`."""
    try:
        seconds = float(duration.removesuffix("s"))
    except ValueError:
        return None
    return min(max(seconds, 0.0), _LONGEST_DELAY_SECONDS)
