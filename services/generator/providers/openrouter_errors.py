"""OpenRouter's errors, by their code, which is a status and may stand in a success too; a moderation's has its reasons.

Source: upstreams/12-openrouter.md, as of 2026-11-20.
"""

import re
from collections.abc import Sequence

import msgspec

from generator.providers.base import Bought
from generator.providers.complaints import BY_STATUS, FAILED, REFUSED, Complaint

# The vendor has no field for the parameter at fault, but names it.
_PARAMETER = re.compile(
    r"\b(output_compression|output_format|input_references|image_config|image_size|aspect_ratio|resolution|background"
    r"|modalities|messages|quality|prompt|model|size|seed|n)\b"
)


class _Metadata(msgspec.Struct, frozen=True):
    reasons: Sequence[str] | None = None
    flagged_input: str | None = None


class RouterError(msgspec.Struct, frozen=True):
    """The error object."""

    code: int | str = 0
    message: str = ""
    metadata: _Metadata | None = None


class _Body(msgspec.Struct, frozen=True):
    error: RouterError


def complaint_of(error: RouterError) -> Complaint:
    """What an error object says; what it names as turned away was not bought, whatever the status."""
    is_moderated = error.metadata is not None and bool(error.metadata.reasons or error.metadata.flagged_input)
    status = int(error.code) if str(error.code).isdecimal() else 0
    reason = REFUSED if is_moderated else BY_STATUS.get(status, FAILED)
    named = _PARAMETER.search(error.message)
    return Complaint(
        reason,
        field=named[1] if named else "",
        bought=None if reason == FAILED else Bought.NO,
        code=str(error.code),
    )


def read_complaint(status: int, body: bytes) -> Complaint:
    """Read an error's body; an empty complaint for anything else."""
    try:
        return complaint_of(msgspec.json.decode(body, type=_Body).error)
    except msgspec.MsgspecError:
        return Complaint()
