"""The statements of what orders took: summed by public model and ten minutes, by all replicas together, kept for 24 hours."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from servicekit.database import Database

KEPT_HOURS = 24


@dataclass(frozen=True, slots=True)
class Measured:
    """Orders that delivered: how many, how long they took in all, and how long they waited before in all."""

    samples: int = 0
    seconds: float = 0.0
    queue_seconds: float = 0.0

    def plus(self, other: "Measured") -> "Measured":
        """Both together."""
        return Measured(
            self.samples + other.samples, self.seconds + other.seconds, self.queue_seconds + other.queue_seconds
        )


Slot = tuple[datetime, str]
"""The beginning of the ten minutes in which orders ended, and their public model."""

# Rows are locked in the order of their key, whichever replicas add at the same moment.
_ADD = """
INSERT INTO measurements (starts_at, model, samples, seconds, queue_seconds)
SELECT * FROM unnest($1::timestamptz[], $2::text[], $3::bigint[], $4::float8[], $5::float8[]) AS given (starts_at, model)
ORDER BY starts_at, model
ON CONFLICT (starts_at, model) DO UPDATE SET samples = measurements.samples + excluded.samples,
    seconds = measurements.seconds + excluded.seconds,
    queue_seconds = measurements.queue_seconds + excluded.queue_seconds
"""
_FORGET = "DELETE FROM measurements WHERE starts_at <= now() - make_interval(hours => $1)"
_SUMS = """
SELECT model, sum(samples)::bigint AS samples, sum(seconds) AS seconds, sum(queue_seconds) AS queue_seconds
FROM measurements WHERE starts_at > now() - make_interval(hours => $1) GROUP BY model
"""


async def exchange(database: Database, fresh: Mapping[Slot, Measured]) -> dict[str, Measured]:
    """Add what was measured here, forget what is old, and return what all replicas measured in the last 24 hours, by model."""
    async with database.transaction(durable=False) as connection:
        if fresh:
            await connection.execute(
                _ADD,
                [starts_at for starts_at, _ in fresh],
                [model for _, model in fresh],
                [measured.samples for measured in fresh.values()],
                [measured.seconds for measured in fresh.values()],
                [measured.queue_seconds for measured in fresh.values()],
            )
        await connection.execute(_FORGET, KEPT_HOURS)
        rows = await connection.fetch(_SUMS, KEPT_HOURS)
    return {row["model"]: Measured(row["samples"], row["seconds"], row["queue_seconds"]) for row in rows}
