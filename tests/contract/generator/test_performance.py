"""What a model's orders took is told with the model: by all replicas, of the last day, and of what was delivered only."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.unit.generator.jobs import job, task

from generator.measurements import Measurements
from generator.runs import Run
from generator.store import measurements
from generator.store.measurements import Measured
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.database import Database as Tables
from servicekit.database import migrate
from testkit.database import Database
from testkit.eventually import eventually

from .house import Generator, House, ended
from .purchases import Customer, draw, purchase
from .scripted import Scripted, failing


@pytest.fixture
async def tables(database: Database) -> AsyncIterator[Tables]:
    async with Tables.connect(database.url("generator"), schema="generator") as tables:
        await migrate(tables, "generator.migrations")
        yield tables


def run(*, waited_seconds: float, took_seconds: float, model: str = "painter", begun_here: bool = True) -> Run:
    """A run that has just been kept."""
    kept_at = datetime.now(UTC)
    begun_at = kept_at - timedelta(seconds=took_seconds)
    kept = replace(task(pb.Task.STATE_KEPT, delivered=1), ended_at=kept_at)
    whole = replace(job([kept]), created_at=begun_at - timedelta(seconds=waited_seconds))
    whole.purchase.draws[0].model = model
    return Run(whole, kept, lambda _run, _intent: None, begun_at=begun_at if begun_here else None)


def figures(performance: pb.Model.Performance) -> tuple[int, float, float]:
    return performance.samples, performance.average_seconds, performance.queue_seconds


async def test_averages_are_of_what_all_replicas_measured_once_they_have_exchanged(tables: Tables) -> None:
    one, two = Measurements(tables, ["painter"]), Measurements(tables, ["painter"])
    one.delivered(run(waited_seconds=1, took_seconds=10))
    assert figures(one.performance("painter")) == pytest.approx((1, 10, 1))
    assert figures(two.performance("painter")) == (0, 0, 0)
    for _ in range(3):
        two.delivered(run(waited_seconds=5, took_seconds=30))
    await asyncio.gather(one.exchange(), two.exchange())
    await one.exchange()
    assert figures(one.performance("painter")) == pytest.approx((4, 25, 4))
    one.delivered(run(waited_seconds=4, took_seconds=0))
    assert figures(one.performance("painter")) == pytest.approx((5, 20, 4))
    await one.exchange()
    await two.exchange()
    assert figures(two.performance("painter")) == figures(one.performance("painter"))


async def test_an_accounts_own_model_and_an_order_of_another_process_are_not_measured(tables: Tables) -> None:
    found = Measurements(tables, ["painter"])
    found.delivered(run(waited_seconds=1, took_seconds=1, model="custom-fox"))
    found.delivered(run(waited_seconds=1, took_seconds=1, begun_here=False))
    await found.exchange()
    assert figures(found.performance("painter")) == figures(found.performance("custom-fox")) == (0, 0, 0)


async def test_what_was_measured_more_than_a_day_ago_is_forgotten(tables: Tables) -> None:
    now = datetime.now(UTC)
    older, newer = now - timedelta(hours=24, minutes=1), now - timedelta(hours=23)
    known = await measurements.exchange(
        tables, {(older, "painter"): Measured(9, 9, 9), (newer, "painter"): Measured(1, 2, 3)}
    )
    assert known == {"painter": Measured(1, 2, 3)}
    assert await tables.fetchval("SELECT count(*) FROM measurements") == 1


async def test_a_delivered_job_is_told_by_its_model_and_a_failed_one_is_not(
    house: House, customer: Customer, alpha: Scripted
) -> None:
    async def submitted(generator: Generator, prompt: str) -> None:
        job = await generator.submit(customer.token(), purchase(draw(prompt=prompt)))
        await ended(generator, customer.token(), job.id)

    async with house.generator({"alpha": alpha}) as first:
        for prompt in ("a", "b"):
            await submitted(first, prompt)
        alpha.acts.append(failing(reasons.REASON_UPSTREAM_REFUSED, retryable=False))
        await submitted(first, "refused")
        told = (await first.model("painter")).performance
        assert told.samples == 2
        assert 0 < told.average_seconds < 60
        assert 0 < told.queue_seconds < 60
    async with house.generator({"alpha": alpha}) as second:

        async def learned() -> None:
            (painter,) = [model for model in await second.catalogue() if model.id == "painter"]
            assert painter.performance == told

        await eventually(learned)
