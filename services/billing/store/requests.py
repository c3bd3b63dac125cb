"""Requests: what each request_id has made, so that a repeat finds the first."""

import datetime

from asyncpg import Connection

from servicekit.faults import Conflict

_CLAIM = """
INSERT INTO requests (request_id, fingerprint, subject_id, created_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (request_id) DO NOTHING
"""
_FIRST = "SELECT fingerprint, subject_id FROM requests WHERE request_id = $1"


async def claim(
    connection: Connection, request_id: str, fingerprint: bytes, subject_id: str, now: datetime.datetime
) -> str | None:
    """Note what this request makes; None, or the subject that the same request made before.

    A request under way elsewhere is waited for. Raises Conflict where it came before with other contents.
    """
    if await connection.execute(_CLAIM, request_id, fingerprint, subject_id, now) == "INSERT 0 1":
        return None
    first = await connection.fetchrow(_FIRST, request_id)
    if first["fingerprint"] != fingerprint:
        raise Conflict("request", request_id, "used", "The request_id was used with other contents.")
    return str(first["subject_id"])
