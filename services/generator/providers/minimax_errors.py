"""MiniMax's codes, which stand in `base_resp` of an answer whatever its status is.

Source: platform.minimax.io and its clients, as of 2026-11-20; the vendor says nothing of what it charges for a failure.
"""

from collections.abc import Mapping
from dataclasses import replace

import msgspec

from generator.providers.base import Bought
from generator.providers.complaints import DENIED, FAILED, INVALID, RATE_LIMITED, REFUSED, Complaint, Stage

DONE = 0
_BY_CODE: Mapping[int, Complaint] = {
    1000: Complaint(FAILED, bought=Bought.UNKNOWN),
    1001: Complaint(FAILED, bought=Bought.UNKNOWN),  # it timed out within
    1002: Complaint(RATE_LIMITED),
    1004: Complaint(DENIED),
    1008: Complaint(DENIED),  # the balance is used up
    1013: Complaint(FAILED),
    1026: Complaint(REFUSED, stage=Stage.INPUT),
    1027: Complaint(REFUSED, stage=Stage.OUTPUT, bought=Bought.YES),
    1039: Complaint(RATE_LIMITED),
    2013: Complaint(INVALID),
    2049: Complaint(DENIED),
}


class _Status(msgspec.Struct, frozen=True):
    status_code: int = DONE


class _Body(msgspec.Struct, frozen=True):
    base_resp: _Status


def read_code(code: int) -> Complaint:
    """The complaint of a code; one that is not known is a failure of which nobody can tell what it cost."""
    return replace(_BY_CODE.get(code, Complaint(FAILED, bought=Bought.UNKNOWN)), code=str(code))


def read_complaint(status: int, body: bytes) -> Complaint:
    """Read the body of an answer that is no success; an empty complaint for one without a known code."""
    try:
        code = msgspec.json.decode(body, type=_Body).base_resp.status_code
    except msgspec.MsgspecError:
        return Complaint()
    return read_code(code) if code in _BY_CODE else Complaint()
