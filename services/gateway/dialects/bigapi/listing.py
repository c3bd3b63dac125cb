"""The account's jobs of this API in pages, newest first."""

from typing import Annotated

from msgspec import Meta

from gateway.desk import Desk
from gateway.dialects.bigapi.answers import NAME, job_list
from gateway.queries import integer
from gateway.visitor import Visitor
from gateway.wire import Reply
from gesso.generator.v1.generator_pb2 import Job

MAX_JOBS = 100
DEFAULT_JOBS = 20
LIMIT_KIND = Annotated[int, Meta(ge=1, le=MAX_JOBS)]
_JOBS_AT_ONCE = 20
"""A job has up to a hundred tasks with their prompts, and a message its limit."""


async def listed(desk: Desk, visitor: Visitor) -> Reply:
    """A page of jobs. Raises InvalidField for a wrong `limit` or `cursor`."""
    wanted = integer(visitor.query, "limit", default=DEFAULT_JOBS, least=1, most=MAX_JOBS)
    cursor = visitor.query.get("cursor", "")
    jobs: list[Job] = []
    is_last = False
    while len(jobs) < wanted and not is_last:
        page = await desk.jobs(dialect=NAME, limit=min(wanted - len(jobs), _JOBS_AT_ONCE), cursor=cursor)
        jobs += page.jobs
        cursor, is_last = page.next_page_token, not page.next_page_token
    return job_list(jobs, cursor)
