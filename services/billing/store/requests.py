"""Requests: what each request_id has made, so that a repeat finds the first."""

import datetime
from dataclasses import dataclass

from asyncpg import Connection

from servicekit.faults import Conflict

_NOTE = """
INSERT INTO requests (request_id, fingerprint, subject_id, created_at, salt) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (request_id) DO NOTHING
"""
_FIRST = "SELECT fingerprint, subject_id, created_at, salt FROM requests WHERE request_id = $1"
_FORGET_SALTS = "UPDATE requests SET salt = NULL WHERE salt IS NOT NULL AND created_at < $1"


@dataclass(frozen=True, slots=True)
class Noted:
    """What a request_id came with the first time, and what it made; `salt` is what a secret was derived with, for a while."""

    fingerprint: bytes
    subject_id: str
    created_at: datetime.datetime
    salt: bytes | None = None


async def note(connection: Connection, request_id: str, noted: Noted) -> Noted | None:
    """Note what this request makes; None, or what the same request_id noted before.

    A request under way elsewhere is waited for.
    """
    tag = await connection.execute(_NOTE, request_id, noted.fingerprint, noted.subject_id, noted.created_at, noted.salt)
    return None if tag == "INSERT 0 1" else Noted(*await connection.fetchrow(_FIRST, request_id))


async def claim(
    connection: Connection, request_id: str, fingerprint: bytes, subject_id: str, now: datetime.datetime
) -> str | None:
    """Note what this request makes; None, or the subject that the same request made before.

    Raises Conflict where it came before with other contents.
    """
    first = await note(connection, request_id, Noted(fingerprint, subject_id, now))
    if first is None:
        return None
    if first.fingerprint != fingerprint:
        raise Conflict("request", request_id, "used", "The request_id was used with other contents.")
    return first.subject_id


async def forget_salts(connection: Connection, before: datetime.datetime) -> None:
    """Let what was noted before a time be answered without its secret from now on."""
    await connection.execute(_FORGET_SALTS, before)
