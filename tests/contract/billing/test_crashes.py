"""Killed at each of its crash points, billing answers a repeat of the same call once it is back, and moves money once."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gesso.billing.v1 import billing_pb2 as pb
from servicekit.faults import Fault
from testkit.database import Database
from testkit.eventually import eventually
from testkit.identities import SHARED_ENVIRONMENT, TOKENS, link_as

from .client import Billing, admission, reasons, settlement


@contextlib.asynccontextmanager
async def process(
    database: Database, folder: Path, crash: str = ""
) -> AsyncIterator[tuple[Billing, asyncio.subprocess.Process]]:
    """Billing as a process that is killed at a crash point."""
    address = f"unix:{folder}/billing.sock"
    environment = {
        **os.environ,
        **SHARED_ENVIRONMENT,
        "GESSO_BILLING_LISTEN": address,
        "GESSO_BILLING_DATABASE_URL": database.url("billing"),
        "GESSO_BILLING_TOKEN": TOKENS["billing"],
        "GESSO_CRASHPOINTS": crash,
    }
    child = await asyncio.create_subprocess_exec(sys.executable, "-m", "billing", env=environment)
    try:
        async with link_as("operator", address) as link:
            billing = Billing(link, address)
            await eventually(lambda: _answers(billing), timeout_seconds=30)
            yield billing, child
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.terminate()
        await child.wait()


async def _answers(billing: Billing) -> None:
    try:
        await billing.breaches()
    except Fault as fault:
        raise AssertionError(fault.message) from fault


async def _buy(billing: Billing, hold: pb.AdmitRequest.Admission) -> None:
    await billing.admit(hold)
    await billing.settle(settlement(hold, 150))


@pytest.mark.parametrize(
    "point", ["before_admit_commit", "after_admit_commit", "before_settle_commit", "after_settle_commit"]
)
async def test_a_crash_at_any_point_leaves_one_hold_and_one_capture(
    database: Database, tmp_path: Path, point: str
) -> None:
    async with process(database, tmp_path, f"billing.{point}") as (billing, child):
        account = await billing.account(grant_micros=1_000)
        hold = admission(account.id, 400)
        with pytest.raises(Fault) as cut_off:
            await _buy(billing, hold)
        assert cut_off.value.reason_name == "UNAVAILABLE"
        assert await child.wait() == -signal.SIGKILL
    async with process(database, tmp_path) as (billing, _):
        settled = point == "after_settle_commit"
        assert reasons(await billing.admit(hold)) == ["CONFLICT" if settled else "OK"]
        assert await billing.settle(settlement(hold, 150)) == [850]
        assert (await billing.balance(account.id)).posted_micros == 850
        assert await billing.breaches() == []
