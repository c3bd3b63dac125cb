"""The statements of the operator's pause."""

from dataclasses import dataclass

from servicekit.database import Database


@dataclass(frozen=True, slots=True)
class Maintenance:
    """Whether purchases are paused, and how long callers are told to wait."""

    paused: bool
    retry_after_seconds: int


async def set_maintenance(database: Database, maintenance: Maintenance) -> None:
    """Pause or resume; every replica sees it at its next pulse."""
    await database.execute(
        "UPDATE maintenance SET paused = $1, retry_after_seconds = $2",
        maintenance.paused,
        maintenance.retry_after_seconds,
    )


async def get_maintenance(database: Database) -> Maintenance:
    """Read whether purchases are paused."""
    row = await database.fetchrow("SELECT paused, retry_after_seconds FROM maintenance")
    assert row is not None, "the first migration wrote the row"
    return Maintenance(row["paused"], row["retry_after_seconds"])
