"""The statements of what requests have made, so that a repeat within a day finds what the first was answered."""

from dataclasses import dataclass

from asyncpg import Connection

_FORGET = "DELETE FROM creations WHERE created_at <= now() - interval '24 hours'"
_NOTE = """
INSERT INTO creations (request_id, fingerprint, answer) VALUES ($1, $2, $3) ON CONFLICT (request_id) DO NOTHING
"""
_FIRST = "SELECT fingerprint, answer FROM creations WHERE request_id = $1"


@dataclass(frozen=True, slots=True)
class Creation:
    """The digest of what a request came with, and the message that it was answered by."""

    fingerprint: bytes
    answer: bytes


async def first(connection: Connection, request_id: str, fingerprint: bytes) -> Creation | None:
    """Begin a creation; what the same request made before, or None, after which `answered` is called in the same transaction.

    A request under way elsewhere is waited for.
    """
    await connection.execute(_FORGET)
    if await connection.execute(_NOTE, request_id, fingerprint, b"") == "INSERT 0 1":
        return None
    row = await connection.fetchrow(_FIRST, request_id)
    return Creation(row["fingerprint"], row["answer"])


async def answered(connection: Connection, request_id: str, answer: bytes) -> None:
    """Write what the request was answered by."""
    await connection.execute("UPDATE creations SET answer = $2 WHERE request_id = $1", request_id, answer)
