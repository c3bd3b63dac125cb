"""Replicate's errors: of its API by their status, of predictions by loose words, since the vendor has no codes for them.

Source: the vendor's specification (1.0.0-a1); the words of refusals are from community use, and unverified.
"""

import re

import msgspec

from generator.providers.base import Bought, UpstreamFault
from generator.providers.complaints import REFUSED, Complaint, Stage, fault_of

_REFUSAL = re.compile(r"\bE005\b|nsfw|sensitive|safety|moderat|content polic", re.IGNORECASE)
_OF_OUTPUT = re.compile(r"nsfw", re.IGNORECASE)


class _InvalidField(msgspec.Struct, frozen=True):
    field: str = ""


class _Body(msgspec.Struct, frozen=True):
    title: str = ""
    invalid_fields: list[_InvalidField] = []


def read_complaint(status: int, body: bytes) -> Complaint:
    """Read an error's body (RFC 7807's kind); an empty complaint for anything else."""
    try:
        read = msgspec.json.decode(body, type=_Body)
    except msgspec.MsgspecError:
        return Complaint()
    field = read.invalid_fields[0].field if read.invalid_fields else ""
    return Complaint(field=field.removeprefix("input."), code=read.title)


def prediction_fault(provider: str, error: str, bought: Bought) -> UpstreamFault:
    """The fault of a prediction that ended with an error."""
    if not _REFUSAL.search(error):
        return fault_of(provider, Complaint(), bought=bought)
    stage = Stage.OUTPUT if _OF_OUTPUT.search(error) else Stage.INPUT
    return fault_of(provider, Complaint(REFUSED, stage=stage), bought=bought)
