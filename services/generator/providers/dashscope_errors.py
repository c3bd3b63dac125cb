"""DashScope's errors, classified by their code, which may stand in a success too, and in a task that failed.

Source: upstreams/11-qwen-image.md, as of 2026-11-20. Only pictures that are handed out are charged.
"""

import re
from collections.abc import Mapping

import msgspec

from generator.providers.base import Bought
from generator.providers.complaints import DENIED, FAILED, INVALID, RATE_LIMITED, REFUSED, Complaint, Stage
from gesso.errors.v1 import reason_pb2 as pb

_BY_CODE: Mapping[str, pb.Reason.ValueType] = {
    "DataInspectionFailed": REFUSED,
    "IPInfringementSuspect": REFUSED,
    "InvalidParameter": INVALID,
    "InvalidApiKey": DENIED,
    "Arrearage": DENIED,
    "AccessDenied": DENIED,
    "Workspace": DENIED,
    "Throttling": RATE_LIMITED,
    "ModelNotFound": FAILED,
    "InternalError": FAILED,
}
_OF_OUTPUT = re.compile(r"\boutput\b", re.IGNORECASE)
# The vendor has no field for the parameter at fault, but names it.
_PARAMETER = re.compile(r"\b(negative_prompt|prompt_extend|watermark|prompt|size|seed|image|messages|model|n)\b")


class Failure(msgspec.Struct, frozen=True):
    """Code and message, as the vendor has them at the top of a body, in a task's output and in a result."""

    code: str = ""
    message: str = ""


def complaint_of(failure: Failure) -> Complaint:
    """What a failure says; what it names as turned away was not bought, whatever the status."""
    reason = _BY_CODE.get(failure.code.partition(".")[0])
    named = _PARAMETER.search(failure.message)
    return Complaint(
        reason,
        field=named[1] if named else "",
        stage=Stage.OUTPUT if _OF_OUTPUT.search(failure.message) else Stage.INPUT,
        bought=None if reason in (None, FAILED) else Bought.NO,
        code=failure.code,
    )


def read_complaint(status: int, body: bytes) -> Complaint:
    """Read an error's body; an empty complaint for anything else."""
    try:
        return complaint_of(msgspec.json.decode(body, type=Failure))
    except msgspec.MsgspecError:
        return Complaint()
