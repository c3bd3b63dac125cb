"""The audit is read here; it is written in the transaction of each change."""

from collections.abc import Sequence

from billing.store import audit
from billing.store.audit import AuditEntry
from servicekit.database import Database

_PAST_ALL = 2**63 - 1


class Auditing:
    """Lists what was changed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def listed(self, account_id: str, before: int | None, limit: int) -> Sequence[AuditEntry]:
        """Return entries, newest first, older than the one of id `before`; an empty account means all. Raises Unavailable."""
        async with self._database.connection() as connection:
            return await audit.listed(connection, before=before or _PAST_ALL, account_id=account_id, limit=limit)
