"""A replica that is killed once the vendor's id is durable leaves a purchase that another replica collects."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from gesso.generator.v1 import generator_pb2 as pb
from servicekit.faults import Fault
from testkit.eventually import eventually

from .house import Generator, House, ended
from .purchases import PRICE_MICROS, Customer, purchase
from .scripted import Scripted


@contextlib.asynccontextmanager
async def doomed(environment: Mapping[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """A replica in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(Path(__file__).with_name("doomed.py")), env={**os.environ, **environment}
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def serves(generator: Generator) -> None:
    """Fail while the replica cannot be reached."""
    try:
        await generator.settlements()
    except Fault as fault:
        raise AssertionError from fault


@pytest.mark.parametrize("point", ["generator.after_submitted", ""])
async def test_an_accepted_order_is_collected_by_another_replica_and_never_placed_again(
    house: House, customer: Customer, alpha: Scripted, point: str
) -> None:
    environment = house.environment(GESSO_CRASHPOINTS=point)
    async with doomed(environment) as process, house.speaking(environment["GESSO_GENERATOR_LISTEN"]) as first:
        await eventually(lambda: serves(first), timeout_seconds=30)
        with contextlib.suppress(Fault):  # the answer may be lost with the process
            await first.submit(customer.token(), purchase())

        async def accepted() -> str:
            rows = await house.rows("SELECT job_id FROM tasks WHERE state = $1", pb.Task.STATE_SUBMITTED)
            assert rows
            return str(rows[0]["job_id"])

        job_id = await eventually(accepted)
        if not point:
            process.kill()
        assert await asyncio.wait_for(process.wait(), 10) == -signal.SIGKILL
    async with house.generator({"alpha": alpha}) as second:
        job = await ended(second, customer.token(), job_id)
    assert (job.state, job.charge_micros, job.tasks[0].attempt_count) == (pb.Job.STATE_SUCCEEDED, PRICE_MICROS, 2)
    assert (alpha.orders, alpha.collected) == ([], [f"{job_id}/0".encode()])
