"""ComfyUI's errors: of a workflow that is not taken, by its nodes' first error, and of one that failed on the way.

Source: upstreams/16-selfhosted.md (server.py and execution.py), as of 2026-11-20. Nothing is charged, whatever fails.
"""

from collections.abc import Mapping

import msgspec

from generator.providers.complaints import FAILED, Complaint

# What the server lacks, as a checkpoint's file, is no fault of the request: another route may have it.
_LACKING = frozenset({"value_not_in_list", "custom_validation_failed"})


class _Extra(msgspec.Struct, frozen=True):
    input_name: str = ""


class _Error(msgspec.Struct, frozen=True):
    type: str = ""
    extra_info: _Extra = _Extra()


class _Node(msgspec.Struct, frozen=True):
    errors: list[_Error] = []


class _Body(msgspec.Struct, frozen=True):
    error: _Error | str = ""
    node_errors: Mapping[str, _Node] | list[object] = {}


def read_complaint(status: int, body: bytes) -> Complaint:
    """Read an error's body; an empty complaint for anything else."""
    try:
        read = msgspec.json.decode(body, type=_Body)
    except msgspec.MsgspecError:
        return Complaint()
    nodes = list(read.node_errors.values()) if isinstance(read.node_errors, Mapping) else []
    found = [error for node in nodes for error in node.errors]
    if not found:
        # No node is named: the workflow itself is wrong, or a node of it is not installed.
        return Complaint(FAILED, code=read.error if isinstance(read.error, str) else read.error.type)
    first = found[0]
    reason = FAILED if first.type in _LACKING else None
    return Complaint(reason, field=first.extra_info.input_name, code=first.type)
