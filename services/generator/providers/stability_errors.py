"""Stability AI's errors, classified by their name; complaints.py has the statuses.

Source: platform.stability.ai (REST v2beta), as of 2026-11-20: `{"id", "name", "errors": ["prompt: cannot be blank"]}`.
"""

import re
from collections.abc import Mapping, Sequence

import msgspec

from generator.providers.complaints import REFUSED, Complaint
from gesso.errors.v1 import reason_pb2 as pb

_BY_NAME: Mapping[str, pb.Reason.ValueType] = {"content_moderation": REFUSED}
_FIELD = re.compile(r"([a-z][a-z_]{0,39}): ")


class _Body(msgspec.Struct, frozen=True):
    name: str = ""
    errors: Sequence[str] = ()


def read_complaint(status: int, body: bytes) -> Complaint:
    """Read an error's body; an empty complaint for anything else. Of its sentences only the field that they begin with is kept."""
    try:
        read = msgspec.json.decode(body, type=_Body)
    except msgspec.MsgspecError:
        return Complaint()
    fields = [found[1] for sentence in read.errors if (found := _FIELD.match(sentence))]
    return Complaint(_BY_NAME.get(read.name), field=next(iter(fields), ""), code=read.name)
