"""The statements of what requests have made, so that a repeat within a day finds what the first was answered."""

from asyncpg import Connection

from gesso.errors.v1 import reason_pb2 as reasons
from servicekit.faults import Fault

_FORGET = "DELETE FROM creations WHERE created_at <= now() - interval '24 hours'"
_NOTE = """
INSERT INTO creations (request_id, fingerprint, answer) VALUES ($1, $2, $3) ON CONFLICT (request_id) DO NOTHING
"""
_FIRST = "SELECT fingerprint, answer FROM creations WHERE request_id = $1"


async def first(connection: Connection, request_id: str, fingerprint: bytes) -> bytes | None:
    """Begin a creation: None, after which `answered` is called in the same transaction, or what the same request was answered by.

    `fingerprint` is a digest of what the request came with; a request under way elsewhere is waited for. Raises Fault
    IDEMPOTENCY_MISMATCH where it came with something else.
    """
    await connection.execute(_FORGET)
    if await connection.execute(_NOTE, request_id, fingerprint, b"") == "INSERT 0 1":
        return None
    row = await connection.fetchrow(_FIRST, request_id)
    if row["fingerprint"] != fingerprint:
        raise Fault(reasons.REASON_IDEMPOTENCY_MISMATCH, "This idempotency key was used with other content.")
    answer: bytes = row["answer"]
    return answer


async def answered(connection: Connection, request_id: str, answer: bytes) -> None:
    """Write what the request was answered by."""
    await connection.execute("UPDATE creations SET answer = $2 WHERE request_id = $1", request_id, answer)
