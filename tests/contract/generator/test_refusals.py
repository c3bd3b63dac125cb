"""A job is refused only while nothing of it can have been ordered by another replica, however its acceptance was heard of."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.unit.generator.jobs import job, task

from generator.records import JobRecord
from generator.store import jobs, leases, reads, tasks
from generator.store.jobs import Acceptance, Insertion, Refusal
from generator.store.tasks import Beginning, Conclusion
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.database import Database as Tables
from servicekit.database import migrate
from testkit.database import Database

OURS, THEIRS = 11, 22
"""The tokens of two replicas' leases."""
REFUSAL = reasons.Fault(reason=reasons.REASON_UNAVAILABLE, message="The acceptance was not heard of.")


@pytest.fixture
async def tables(database: Database) -> AsyncIterator[Tables]:
    async with Tables.connect(database.url("generator"), schema="generator") as tables:
        await migrate(tables, "generator.migrations")
        await leases.register(tables, "them", 60)
        yield tables


async def admitted(tables: Tables, task_count: int) -> JobRecord:
    """A job of so many tasks, ADMITTING and leased to us."""
    fresh = [replace(task(pb.Task.STATE_QUEUED, index), lease_token=OURS) for index in range(task_count)]
    one = job(fresh, state=pb.Job.STATE_ADMITTING)
    one = replace(one, tasks=tuple(replace(task, job_id=one.id) for task in one.tasks))
    await jobs.insert(tables, [Insertion(one, "us", 0)])
    return one


async def refused(tables: Tables, one: JobRecord) -> bool:
    (done,) = await jobs.refuse(tables, [Refusal(one.id, OURS, REFUSAL, settled=False)])
    return done


async def standing(tables: Tables, one: JobRecord) -> JobRecord:
    found = await reads.job(tables, one.id)
    assert found is not None
    return found


def beginning(one: JobRecord, index: int, token: int) -> Beginning:
    return Beginning(one.id, index, token, 1, "alpha", "alpha-1", "replica", datetime.now(UTC), 0)


async def test_a_job_of_which_another_replica_has_ordered_a_part_is_not_refused(tables: Tables) -> None:
    one = await admitted(tables, 3)
    assert await jobs.accept(tables, [Acceptance(one.id, OURS, 0, (1, 2))]) == [True]
    (claimed,) = await leases.claim(tables, "them", THEIRS, 1, {})
    assert await tasks.begin(tables, [beginning(one, claimed.index, THEIRS)]) == [True]
    assert not await refused(tables, one)
    found = await standing(tables, one)
    assert (found.state, found.tasks[claimed.index].state) == (pb.Job.STATE_RUNNING, pb.Task.STATE_SUBMITTING)
    kept = Conclusion(
        one.id,
        claimed.index,
        THEIRS,
        pb.Task.STATE_KEPT,
        "alpha",
        "alpha-1",
        pb.Task(pictures=[pb.Picture(image_id="img_1")]),
        1_000,
        datetime.now(UTC),
    )
    assert await tasks.conclude(tables, [kept]) == [True]


@pytest.mark.parametrize("queued", [(), (1, 2), (0, 1, 2)])
async def test_an_accepted_job_of_which_nothing_was_ordered_is_refused_and_its_queue_is_empty(
    tables: Tables, queued: tuple[int, ...]
) -> None:
    one = await admitted(tables, 3)
    assert await jobs.accept(tables, [Acceptance(one.id, OURS, 0, queued)]) == [True]
    assert await refused(tables, one)
    assert (await standing(tables, one)).state == pb.Job.STATE_REFUSED
    assert await leases.claim(tables, "them", THEIRS, 9, {}) == []


async def test_a_claim_of_a_refused_job_orders_nothing(tables: Tables) -> None:
    one = await admitted(tables, 2)
    await jobs.accept(tables, [Acceptance(one.id, OURS, 0, (1,))])
    await leases.claim(tables, "them", THEIRS, 1, {})
    assert await refused(tables, one)
    assert await tasks.begin(tables, [beginning(one, 1, THEIRS)]) == [False]


async def test_our_own_intent_that_was_given_up_before_its_order_went_out_is_refused_with_its_job(
    tables: Tables,
) -> None:
    one = await admitted(tables, 1)
    assert await tasks.begin(tables, [beginning(one, 0, OURS)]) == [True]
    assert await refused(tables, one)


async def test_a_job_that_another_replica_has_begun_after_it_took_it_over_is_not_refused(tables: Tables) -> None:
    one = await admitted(tables, 1)
    await leases.take_over(tables, "them", THEIRS, 9)
    assert await tasks.begin(tables, [beginning(one, 0, THEIRS)]) == [True]
    assert not await refused(tables, one)


async def test_a_replica_whose_own_time_is_over_takes_nothing_on(tables: Tables) -> None:
    """It may still be at work on what another has queued again."""
    one = await admitted(tables, 2)
    assert await jobs.accept(tables, [Acceptance(one.id, OURS, 0, (1,))]) == [True]
    assert not await leases.is_alive(tables, "us")
    assert await leases.claim(tables, "us", OURS, 9, {}) == []
    assert await leases.take_over(tables, "us", OURS, 9) == []
    assert [task.index for task in await leases.claim(tables, "them", THEIRS, 9, {})] == [1]
    assert await leases.take_over(tables, "them", THEIRS, 9) == [(one.id, 0)]
