"""Words that several dialects share: the field that a fault means, in front of a message that does not name it. Pure.

Source: contract.md, "Requests and answers": a wrong field is a 400 that names it.
"""

import re
from collections.abc import Mapping

from gesso.errors.v1 import reason_pb2 as pb
from gesso.errors.v1.reason_pb2 import Reason
from servicekit.faults import Fault

_OF_FIELDS = frozenset({pb.REASON_INVALID_FIELD, pb.REASON_INPUT_UNREACHABLE, pb.REASON_INPUT_NOT_AN_IMAGE})
_MEANT: Mapping[Reason.ValueType, str] = {pb.REASON_UNKNOWN_MODEL: "model", pb.REASON_UNPRICED: "model"}
"""The field that a reason means by itself."""


def naming_field(fault: Fault, names: Mapping[str, str]) -> str:
    """The fault's message; `names` are the fields that the dialect calls otherwise than the platform."""
    field = fault.details.get("field", "") if fault.reason in _OF_FIELDS else _MEANT.get(fault.reason, "")
    name = names.get(field, field)
    if not name or re.search(rf"(?<!\w){re.escape(name)}(?!\w)", fault.message):
        return fault.message
    return f"`{name}`: {fault.message}"
