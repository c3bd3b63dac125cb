"""A job has a number beside its id: unique on the platform, told at once, and good for its owner only."""

import asyncio
from importlib import resources

import pytest

from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.database import Database as Tables
from servicekit.database import migrate
from servicekit.faults import Fault
from testkit.database import Database

from .house import Generator, House, ended
from .purchases import Customer, draw, purchase
from .scripted import Scripted

FIRST_NUMBER = 10_001
_OLDER_JOB = """
INSERT INTO jobs (id, account_id, api_key_id, dialect, route, fingerprint, purchase, state, hold_micros, retention_days,
    created_at, deadline_at)
SELECT $1, account_id, api_key_id, dialect, route, fingerprint, purchase, 8, hold_micros, retention_days, created_at, deadline_at
FROM jobs
"""
_OLDEST_JOB = """
INSERT INTO jobs (id, account_id, api_key_id, dialect, route, fingerprint, purchase, state, hold_micros, retention_days,
    created_at, deadline_at, finished_at)
VALUES ('job_' || gen_random_uuid(), 'acct_1', 'key_1', 'openai', 'generations', '', '', 5, 0, 0, now(), now(), {finished})
"""
_OLDER_TASK = """
INSERT INTO tasks (job_id, idx, account_id, state, price_micros, price_rule, holds_secret)
SELECT $1, idx, account_id, 6, price_micros, price_rule, false FROM tasks
"""


async def test_every_job_has_a_number_of_its_own_that_its_answer_tells(
    house: House, generator: Generator, customer: Customer
) -> None:
    async with house.generator({"alpha": Scripted("alpha")}) as second:
        each = [purchase(draw(prompt=str(number))) for number in range(10)]
        halves = await asyncio.gather(
            generator.submit_all(customer.token(), *each[:5]), second.submit_all(customer.token(), *each[5:])
        )
    numbers = [result.job.number for half in halves for result in half]
    assert len(set(numbers)) == 10
    assert min(numbers) >= FIRST_NUMBER


async def test_a_job_is_read_by_its_number_as_by_its_id(generator: Generator, customer: Customer) -> None:
    job = await generator.submit(customer.token(), purchase(key="k"))
    told = await ended(generator, customer.token(), job.id)
    assert await generator.numbered(customer.token(), job.number) == told
    (again,) = await generator.submit_all(customer.token(), purchase(key="k"))
    assert (again.replayed, again.job.number) == (True, job.number)
    assert [one.number for one in (await generator.page(customer.token(), size=1)).jobs] == [job.number]


async def test_a_number_of_another_account_or_of_nobody_is_not_found(
    house: House, generator: Generator, customer: Customer
) -> None:
    other = await house.customer()
    job = await generator.submit(other.token(), purchase())
    for number in (job.number, job.number + 1_000, -1):
        for ask in (generator.numbered, generator.cancel_numbered):
            with pytest.raises(Fault) as caught:
                await ask(customer.token(), number)
            assert caught.value.reason == reasons.REASON_NOT_FOUND
            assert caught.value.details["id"] == str(number)


async def test_a_job_is_cancelled_by_its_number(house: House, customer: Customer, alpha: Scripted) -> None:
    alpha.curtain.clear()
    async with house.generator({"alpha": alpha}, GESSO_GENERATOR_TASKS="1") as generator:
        running = await generator.submit(customer.token(), purchase())
        waiting = await generator.submit(customer.token(), purchase(draw(prompt="later")))
        assert (await generator.cancel_numbered(customer.token(), waiting.number)).state == pb.Job.STATE_CANCELLED
        alpha.curtain.set()
        await ended(generator, customer.token(), running.id)


async def test_jobs_are_listed_by_the_operation_of_their_first_draw(generator: Generator, customer: Customer) -> None:
    edit = draw(input_image_ids=["img_01j00000000000000000000000"])
    edit.operation = pb.OPERATION_IMAGE_TO_IMAGE
    drawn = await generator.submit(customer.token(), purchase())
    edited = await generator.submit(customer.token(), purchase(edit, draw(prompt="second")))

    async def listed(*operations: pb.Operation.ValueType) -> list[str]:
        page = await generator.page(customer.token(), size=10, operations=operations)
        return [job.id for job in page.jobs]

    assert await listed(pb.OPERATION_TEXT_TO_IMAGE) == [drawn.id]
    assert await listed(pb.OPERATION_IMAGE_TO_IMAGE, pb.OPERATION_INPAINT) == [edited.id]
    assert await listed(pb.OPERATION_UPSCALE) == []
    assert await listed() == [edited.id, drawn.id]


async def test_a_row_that_the_previous_version_writes_is_numbered_and_listed(
    house: House, generator: Generator, customer: Customer
) -> None:
    job = await generator.submit(customer.token(), purchase())
    await ended(generator, customer.token(), job.id)
    older = job.id[:-1] + ("0" if job.id[-1] != "0" else "1")
    await house.rows(_OLDER_JOB, older)
    await house.rows(_OLDER_TASK, older)
    found = await generator.page(customer.token(), size=10, operations=[pb.OPERATION_TEXT_TO_IMAGE])
    assert {one.id: one.number for one in found.jobs} == {job.id: job.number, older: job.number + 1}


async def test_jobs_of_before_there_were_numbers_are_numbered_by_the_migration(database: Database) -> None:
    files = [file for file in resources.files("generator.migrations").iterdir() if file.name.endswith(".sql")]
    async with Tables.connect(database.url("generator"), schema="generator") as tables:
        await tables.execute(
            "CREATE TABLE schema_migrations (name text PRIMARY KEY, applied_at timestamptz DEFAULT now())"
        )
        for file in sorted(files, key=lambda file: file.name):
            if file.name < "0005":
                await tables.execute(file.read_text())
                await tables.execute("INSERT INTO schema_migrations (name) VALUES ($1)", file.name)
        for finished in ("now()", "NULL"):
            await tables.execute(_OLDEST_JOB.format(finished=finished))
        await migrate(tables, "generator.migrations")
        rows = await tables.fetch("SELECT number FROM jobs ORDER BY finished_at")
    assert [row["number"] for row in rows] == [FIRST_NUMBER, FIRST_NUMBER + 1]
