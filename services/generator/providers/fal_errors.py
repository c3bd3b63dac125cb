"""fal's errors, classified by the `type` of their first detail or the `error_type` beside it, never by their text.

Source: docs.fal.ai/errors, as of 2026-11-20. 5xx are not charged; a refusal of what was drawn may be.
"""

import re
from collections.abc import Mapping, Sequence

import msgspec

from generator.providers.base import Bought
from generator.providers.complaints import FAILED, REFUSED, Complaint, Stage
from gesso.errors.v1 import reason_pb2 as pb

_BY_TYPE: Mapping[str, pb.Reason.ValueType] = {
    "content_policy_violation": REFUSED,
    "internal_server_error": FAILED,
    "generation_timeout": FAILED,
    "downstream_service_error": FAILED,
    "downstream_service_unavailable": FAILED,
    "no_media_generated": FAILED,
}
# Where a refusal names one of these, it was what was sent that was refused.
_SENT = frozenset({"prompt", "negative_prompt", "image_url", "image_urls", "mask_url", "loras"})


class _Detail(msgspec.Struct, frozen=True):
    type: str = ""
    loc: Sequence[str | int] = ()


class _Body(msgspec.Struct, frozen=True):
    detail: list[_Detail] | str
    error_type: str | None = None


def read_complaint(status: int, body: bytes) -> Complaint:
    """Read an error's body, also one that was cut off; an empty complaint for anything else."""
    try:
        read = msgspec.json.decode(body, type=_Body)
    except msgspec.MsgspecError:
        read = _beginning(body)
    if isinstance(read.detail, str) or not read.detail:
        return _infrastructure(status, read.error_type or "")
    first = read.detail[0]
    reason = _BY_TYPE.get(first.type)
    names = [name for name in first.loc if isinstance(name, str) and name != "body"]
    stage = Stage.INPUT if _SENT & set(names) else Stage.OUTPUT
    drawn = reason == REFUSED and stage is Stage.OUTPUT
    return Complaint(
        reason,
        field=".".join(names),
        stage=stage,
        bought=Bought.YES if drawn else Bought.NO if reason == FAILED else None,
        code=first.type,
    )


def _infrastructure(status: int, error_type: str) -> Complaint:
    """The complaint of what runs the models (`runner_disconnected`, `startup_timeout`): a 5xx of its is the request's own end."""
    if status >= 500 and error_type:
        return Complaint(FAILED, bought=Bought.NO, code=error_type)
    return Complaint(code=error_type)


def _beginning(body: bytes) -> _Body:
    """The first detail of a body whose end is missing: it repeats the input, pictures and all, behind what it says of it."""
    said, _, _ = body.partition(b'"input"')
    kind, place = _TYPE.search(said), _PLACE.search(said)
    if kind is None:
        return _Body([])
    try:
        loc = msgspec.json.decode(place[1], type=list[str | int]) if place else []
    except msgspec.MsgspecError:
        loc = []
    return _Body([_Detail(kind[1].decode(), loc)])


_TYPE = re.compile(rb'"type"\s*:\s*"([a-z_.]+)"')
_PLACE = re.compile(rb'"loc"\s*:\s*(\[[^\]]*\])')
