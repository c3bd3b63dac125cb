"""A vendor's failure becomes a fault by one table of statuses; what the vendor itself says of it goes before the table.

Each provider brings a function that reads its vendor's error body into a `Complaint`; everything else stands here. The vendor's
own message is never passed on: it may quote the key or the prompt.
"""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from generator.providers.base import Bought, UpstreamFault
from gesso.errors.v1 import reason_pb2 as pb

REFUSED = pb.REASON_UPSTREAM_REFUSED
DENIED = pb.REASON_UPSTREAM_DENIED
INVALID = pb.REASON_UPSTREAM_INVALID
FAILED = pb.REASON_UPSTREAM_FAILED
RATE_LIMITED = pb.REASON_UPSTREAM_RATE_LIMITED

BY_STATUS: Mapping[int, pb.Reason.ValueType] = {
    400: INVALID,
    401: DENIED,
    402: DENIED,
    403: DENIED,
    413: INVALID,
    415: INVALID,
    422: INVALID,
    429: RATE_LIMITED,
}
_WORDS: Mapping[pb.Reason.ValueType, str] = {
    REFUSED: "The upstream {} refused the content of the request.",
    DENIED: "The upstream {} refuses the key, or its quota is used up.",
    INVALID: "The upstream {} refuses a parameter of the request.",
    FAILED: "The upstream {} failed to draw.",
    RATE_LIMITED: "The upstream {} takes no more requests at the moment.",
}
_LONGEST_FIELD = 100
# The same request can only succeed elsewhere, or later, if it is not the request that is at fault.
_FINAL = frozenset({REFUSED, INVALID})


class Stage(enum.Enum):
    """What a vendor's moderation refused."""

    INPUT = "input"
    """The prompt or an input picture: nothing was drawn."""
    OUTPUT = "output"
    """The picture that was drawn."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """What a vendor's error says, as far as it says more than its status."""

    reason: pb.Reason.ValueType | None = None
    """Ours, where the body tells; None leaves it to the status."""
    field: str = ""
    """The vendor's name of the parameter at fault."""
    stage: Stage = Stage.INPUT
    bought: Bought | None = None
    """Where the vendor says what the status does not: whether it charges."""
    code: str = ""
    """The vendor's word for the failure, for the log: never its message."""
    retry_after_seconds: float | None = None
    """When the vendor wants to be asked again, where its body says so."""


ReadComplaint = Callable[[int, bytes], Complaint]
"""Reads the status and the body (its first 64 KiB) of an answer that is no success; never raises, whatever the body is."""


def by_status(status: int, body: bytes) -> Complaint:
    """The complaint of a vendor whose bodies tell nothing."""
    return Complaint()


def fault_of(
    provider: str,
    complaint: Complaint,
    *,
    bought: Bought,
    status: int = 500,
    retry_after_seconds: float | None = None,
    own_key: bool = False,
) -> UpstreamFault:
    """The fault that a failure is; `bought` holds where the complaint does not say it.

    A key of the caller's own that is denied has no other route.
    """
    reason = complaint.reason or BY_STATUS.get(status, FAILED)
    again = complaint.retry_after_seconds if retry_after_seconds is None else retry_after_seconds
    details = {"provider": provider}
    if reason == REFUSED:
        details["stage"] = complaint.stage.value
    if reason == INVALID and complaint.field:
        details["field"] = complaint.field[:_LONGEST_FIELD]
    return UpstreamFault(
        reason,
        _WORDS[reason].format(provider),
        bought=complaint.bought or bought,
        retryable=reason not in _FINAL and not (own_key and reason == DENIED),
        details=details,
        retry_after_seconds=again if reason in {RATE_LIMITED, FAILED} else None,
    )


def refused(provider: str, stage: Stage, *, bought: Bought) -> UpstreamFault:
    """The fault of content that the vendor's moderation stopped."""
    return fault_of(provider, Complaint(REFUSED, stage=stage), bought=bought)


def invalid(provider: str, field: str, message: str) -> UpstreamFault:
    """The fault of an order that this provider itself cannot put into its vendor's words; nothing was sent."""
    details = {"provider": provider, "field": field}
    return UpstreamFault(INVALID, message, bought=Bought.NO, retryable=False, details=details)


def nonsense(provider: str) -> UpstreamFault:
    """The fault of a success that carries nothing of use."""
    return UpstreamFault(
        FAILED,
        f"The upstream {provider} sent no usable answer.",
        bought=Bought.YES,
        retryable=True,
        details={"provider": provider},
    )


def bad_image(provider: str, cause: str) -> UpstreamFault:
    """The fault of a picture that was drawn and paid for, and cannot be had."""
    return UpstreamFault(
        pb.REASON_UPSTREAM_BAD_IMAGE,
        f"A picture of the upstream {provider} could not be fetched, or is none.",
        bought=Bought.YES,
        retryable=False,
        details={"provider": provider, "cause": cause},
    )
