"""Magnific's errors: the field of the first invalid parameter; all else its status tells.

Source: upstreams/14-magnific.md, as of 2026-11-20; the shape under `problem` is taken to be that of the bare one.
"""

import msgspec

from generator.providers.complaints import Complaint


class _Parameter(msgspec.Struct, frozen=True):
    field: str = ""
    name: str = ""


class _Problem(msgspec.Struct, frozen=True):
    invalid_params: list[_Parameter] = []


class _Body(msgspec.Struct, frozen=True):
    invalid_params: list[_Parameter] = []
    problem: _Problem = _Problem()


def read_complaint(status: int, body: bytes) -> Complaint:
    """Read an error's body; an empty complaint for anything else."""
    try:
        read = msgspec.json.decode(body, type=_Body)
    except msgspec.MsgspecError:
        return Complaint()
    found = [*read.invalid_params, *read.problem.invalid_params]
    # `body.image` is what some of their services call it.
    return Complaint(field=(found[0].field or found[0].name).removeprefix("body.") if found else "")
