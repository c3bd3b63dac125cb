"""The audit: who changed what, written in the transaction of the change and never changed."""

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass

from asyncpg import Connection

_APPEND = """
INSERT INTO audit_entries (occurred_at, actor, action, account_id, subject_id, detail, request_id)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_LIST = """
SELECT id, occurred_at, actor, action, account_id, subject_id, detail, request_id FROM audit_entries
WHERE id < $1 ORDER BY id DESC LIMIT $2
"""
_LIST_ACCOUNT = """
SELECT id, occurred_at, actor, action, account_id, subject_id, detail, request_id FROM audit_entries
WHERE account_id = $3 AND id < $1 ORDER BY id DESC LIMIT $2
"""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change. `detail_json` never holds a secret."""

    id: int
    occurred_at: datetime.datetime
    actor: str
    action: str
    account_id: str
    subject_id: str
    detail_json: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Act:
    """Who acts in a transaction, when, and by which request."""

    actor: str
    request_id: str
    at: datetime.datetime


async def append(
    connection: Connection, act: Act, action: str, *, account_id: str, subject_id: str, detail: Mapping[str, object]
) -> None:
    """Record one change."""
    text = json.dumps(detail, ensure_ascii=False, sort_keys=True)
    await connection.execute(_APPEND, act.at, act.actor, action, account_id, subject_id, text, act.request_id)


async def listed(connection: Connection, *, before: int, account_id: str, limit: int) -> list[AuditEntry]:
    """Return entries, newest first, that are older than the one of id `before`; an empty account means all."""
    if account_id:
        rows = await connection.fetch(_LIST_ACCOUNT, before, limit, account_id)
    else:
        rows = await connection.fetch(_LIST, before, limit)
    return [AuditEntry(*row) for row in rows]
