"""The statement by which one replica tells the others of a vendor's call."""

from servicekit.database import Database

CHANNEL = "generator_callbacks"


async def share(database: Database, call: str) -> None:
    """Tell every replica, this one included; what is not heard is lost, and polls find it."""
    await database.execute("SELECT pg_notify($1, $2)", CHANNEL, call)
