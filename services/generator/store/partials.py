"""The statements of unfinished pictures: written down, shown, read, and forgotten a while after their task has ended."""

from collections.abc import Sequence

from gesso.generator.v1 import generator_pb2 as pb
from servicekit.database import Database

_NOTE = "INSERT INTO partials (job_id, idx, picture) VALUES ($1, $2, $3) RETURNING id"


async def note(database: Database, job_id: str, index: int, picture: pb.Picture) -> int:
    """Write down that the bytes of a picture are about to be put; returns its number."""
    number: int = await database.fetchval(_NOTE, job_id, index, picture.SerializeToString())
    return number


_SHOW = """
WITH running AS (
    UPDATE tasks SET revision = revision + 1
    WHERE job_id = $1 AND idx = $2 AND lease_token = $3 AND ended_at IS NULL
    RETURNING job_id
)
UPDATE partials SET shown = true FROM running WHERE partials.id = $4 RETURNING partials.id
"""


async def show(database: Database, job_id: str, index: int, lease_token: int, number: int) -> bool:
    """Let readers of the job see a picture. False where its task has ended, or is another's now."""
    return await database.fetchval(_SHOW, job_id, index, lease_token, number) is not None


_OF_JOBS = "SELECT job_id, idx, picture FROM partials WHERE job_id = ANY($1::text[]) AND shown ORDER BY id"


async def of_jobs(database: Database, job_ids: Sequence[str]) -> dict[tuple[str, int], tuple[pb.Picture, ...]]:
    """Read what jobs show, by job and task."""
    found: dict[tuple[str, int], tuple[pb.Picture, ...]] = {}
    for row in await database.fetch(_OF_JOBS, list(job_ids)):
        task = (row["job_id"], row["idx"])
        found[task] = (*found.get(task, ()), pb.Picture.FromString(row["picture"]))
    return found


_OUTLIVED = """
SELECT partials.id, partials.picture FROM partials JOIN tasks USING (job_id, idx)
WHERE tasks.ended_at < now() - make_interval(secs => $1) ORDER BY partials.id LIMIT $2
"""


async def outlived(database: Database, seconds: float, limit: int) -> dict[int, pb.Picture]:
    """Read what is left of tasks that ended so long ago, by number."""
    rows = await database.fetch(_OUTLIVED, seconds, limit)
    return {row["id"]: pb.Picture.FromString(row["picture"]) for row in rows}


async def forget(database: Database, numbers: Sequence[int]) -> None:
    """Drop those whose bytes are erased."""
    await database.execute("DELETE FROM partials WHERE id = ANY($1::bigint[])", list(numbers))
