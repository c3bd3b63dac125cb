"""The durable steps: each gathers what many jobs do at the same moment into one statement and one commit."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from generator.store import jobs, tasks
from generator.store.jobs import Acceptance, Ending, Inserted, Insertion, Refusal
from generator.store.tasks import Beginning, Conclusion, Submission
from gesso.errors.v1 import reason_pb2 as reasons
from servicekit.coalescer import Coalescer
from servicekit.database import Database
from servicekit.faults import Fault

Item = TypeVar("Item")
Result = TypeVar("Result")

_PASSING = frozenset({reasons.REASON_UNAVAILABLE, reasons.REASON_OVERLOADED, reasons.REASON_TIMEOUT})
_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 1.0
UNHURRIED_SECONDS = 0.02
"""Rest between two flushes of what nobody waits for: the ledger's end of a job, and the job's own."""


class LeaseLost(Exception):
    """Another replica has the task, or it was cancelled: this one must stop and write nothing more."""


class Steps:
    """One coalescer for each statement, each with one flush under way, so that batches grow while a commit is awaited."""

    def __init__(self, database: Database) -> None:
        self.insert: Coalescer[Insertion, Inserted] = Coalescer(lambda items: jobs.insert(database, items))
        self.accept: Coalescer[Acceptance, bool] = Coalescer(lambda items: jobs.accept(database, items))
        self.refuse: Coalescer[Refusal, bool] = Coalescer(lambda items: jobs.refuse(database, items))
        self.begin: Coalescer[Beginning, bool] = Coalescer(lambda items: tasks.begin(database, items))
        self.submit: Coalescer[Submission, bool] = Coalescer(lambda items: tasks.submit(database, items))
        self.conclude: Coalescer[Conclusion, bool] = Coalescer(lambda items: tasks.conclude(database, items))
        self.finish: Coalescer[Ending, bool] = Coalescer(
            lambda items: jobs.finish(database, items), rest_seconds=UNHURRIED_SECONDS
        )


async def persist(attempt: Callable[[], Awaitable[Result]]) -> Result:
    """Do it, and do it again while a peer or the database is away; only for what can be repeated."""
    pause = _FIRST_PAUSE_SECONDS
    while True:
        try:
            return await attempt()
        except Fault as fault:
            if not passes(fault):
                raise
        await asyncio.sleep(pause * (0.5 + random.random()))  # noqa: S311 - spreads retries, guards nothing
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)


async def until_done(step: Coalescer[Item, Result], item: Item) -> Result:
    """Take a step, and take it again while the database is away; every step can be repeated."""
    return await persist(lambda: step.submit(item))


def passes(fault: Fault) -> bool:
    """Whether time mends it: a peer or the database could not be reached, or did not answer."""
    return fault.reason in _PASSING
