"""How many holds a second billing places and settles, on one hot account and on a thousand, by the ledger and by gRPC.

`python -m benchmarks.holds` prints one JSON object. PostgreSQL is the wheel's, with synchronous commits, and shares this
machine's processors with whoever asks. In-process the ledger is called as its servicer calls it; over gRPC billing is a
process of its own and four links ask it, each in batches of 256, four batches at a time.
"""

import asyncio
import contextlib
import datetime
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import uvloop

from billing import plans
from billing.holds import Admission, Outcome, Settlement
from billing.operations.accounts import Accounts
from billing.operations.ledger import Ledger
from billing.operations.verification import Verification
from embedded import roles
from embedded.postgres import Postgres
from gesso.billing.v1 import billing_pb2 as pb
from gesso.billing.v1.billing_pb2_grpc import AccountsStub, LedgerStub
from servicekit.database import Database, migrate
from servicekit.faults import Unavailable
from servicekit.ids import new_id
from servicekit.link import Link
from servicekit.timestamps import to_timestamp
from testkit.identities import SHARED_ENVIRONMENT, TOKENS, link_as

_BATCH = 256
_SUBMITTERS = 16
_LINKS = 4
_HOLDS = 160 * _BATCH
_ACCOUNTS = {"hot": 1, "thousand": 1_000}

Batches = Sequence[list[Admission]]
Submit = Callable[[list[Any]], Awaitable[list[Outcome]]]


async def measure() -> dict[str, dict[str, float]]:
    """Return holds and settlements per second by layer and number of accounts; asserts that the books are right afterwards."""
    with tempfile.TemporaryDirectory(prefix="gesso-holds-") as folder:
        home = Path(folder)
        home.chmod(0o711)  # noqa: ASYNC240 - the server may have to run as another user than root
        async with Postgres(state=home / "pg", log=home / "postgres.log").running() as server:
            await roles.provide(server)
            url = roles.urls(server)["billing"]
            return {"ledger": await _by_ledger(url), "grpc": await _by_grpc(url, home)}


async def _by_ledger(url: str) -> dict[str, float]:
    async with Database.connect(url, schema="billing", max_connections=6) as database:
        await migrate(database, "billing.migrations")
        accounts, ledger = Accounts(database, plans.load()), Ledger(database)
        rates: dict[str, float] = {}
        for name, count in _ACCOUNTS.items():
            ids = [(await accounts.create(f"bench {i}", "enterprise", 10**12, new_id("req"))).id for i in range(count)]
            rates |= await _rates(name, ids, ledger.admit, ledger.settle)
        assert not (await Verification(database).verify()).breaches
        return rates


async def _by_grpc(url: str, home: Path) -> dict[str, float]:
    async with _billing(url, home) as address, contextlib.AsyncExitStack() as stack:
        links = [await stack.enter_async_context(link_as("operator", address)) for _ in range(_LINKS)]
        admit, settle = _over(links, _admit), _over(links, _settle)
        rates: dict[str, float] = {}
        for name, count in _ACCOUNTS.items():
            rates |= await _rates(name, [await _account(links[0]) for _ in range(count)], admit, settle)
        verified = await links[0].call(
            LedgerStub(links[0].channel).VerifyLedger, pb.VerifyLedgerRequest(), timeout_seconds=60
        )
        assert not verified.breaches
        return rates


async def _rates(name: str, accounts: Sequence[str], admit: Submit, settle: Submit) -> dict[str, float]:
    review_at = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    holds = [
        Admission(new_id("hold"), accounts[i % len(accounts)], "", 1_000, new_id("job"), review_at)
        for i in range(_HOLDS)
    ]
    ends = [Settlement(hold.hold_id, hold.account_id, 900, hold.job_id) for hold in holds]
    return {
        f"{name}_holds_per_second": await _rate(holds, admit),
        f"{name}_settlements_per_second": await _rate(ends, settle),
    }


async def _rate(items: Sequence[Any], submit: Submit) -> float:
    batches = iter([list(items[start : start + _BATCH]) for start in range(0, len(items), _BATCH)])

    async def submitter() -> None:
        for batch in batches:
            outcomes = await submit(batch)
            assert all(isinstance(outcome, int) for outcome in outcomes), outcomes

    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(_SUBMITTERS):
            group.create_task(submitter())
    return round(len(items) / (time.perf_counter() - started))


def _over(links: Sequence[Link], call: Callable[[Link, list[Any]], Awaitable[list[Outcome]]]) -> Submit:
    """Take the links in turn."""
    turn = iter(range(1 << 62))

    async def submit(items: list[Any]) -> list[Outcome]:
        return await call(links[next(turn) % len(links)], items)

    return submit


async def _admit(link: Link, items: list[Admission]) -> list[Outcome]:
    admissions = [
        pb.AdmitRequest.Admission(
            hold_id=item.hold_id,
            account_id=item.account_id,
            amount_micros=item.amount_micros,
            job_id=item.job_id,
            review_at=to_timestamp(item.review_at),
        )
        for item in items
    ]
    response = await link.call(LedgerStub(link.channel).Admit, pb.AdmitRequest(admissions=admissions))
    assert not any(result.HasField("fault") for result in response.results)
    return [result.available_micros for result in response.results]


async def _settle(link: Link, items: list[Settlement]) -> list[Outcome]:
    settlements = [
        pb.SettleRequest.Settlement(
            hold_id=item.hold_id, account_id=item.account_id, capture_micros=item.capture_micros, job_id=item.job_id
        )
        for item in items
    ]
    response = await link.call(LedgerStub(link.channel).Settle, pb.SettleRequest(settlements=settlements))
    assert not any(result.HasField("fault") for result in response.results)
    return [result.available_micros for result in response.results]


async def _account(link: Link) -> str:
    request = pb.CreateAccountRequest(request_id=new_id("req"), name="bench", plan="enterprise", grant_micros=10**12)
    return (await link.call(AccountsStub(link.channel).CreateAccount, request)).id


@contextlib.asynccontextmanager
async def _billing(url: str, home: Path) -> AsyncIterator[str]:
    """Run billing as a process of its own; yields its address."""
    address = f"unix:{home}/billing.sock"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "billing", env={**os.environ, **_environment(url, address)}
    )
    try:
        await _answers(address)
        yield address
    finally:
        process.terminate()
        await process.wait()


def _environment(url: str, address: str) -> Mapping[str, str]:
    return {
        **SHARED_ENVIRONMENT,
        "GESSO_BILLING_LISTEN": address,
        "GESSO_BILLING_DATABASE_URL": url,
        "GESSO_BILLING_TOKEN": TOKENS["billing"],
        "GESSO_LOG_LEVEL": "warning",
    }


async def _answers(address: str) -> None:
    async with asyncio.timeout(30), link_as("operator", address) as link:
        while True:
            with contextlib.suppress(Unavailable):
                await link.call(AccountsStub(link.channel).ListAccounts, pb.ListAccountsRequest())
                return
            await asyncio.sleep(0.05)


if __name__ == "__main__":
    print(json.dumps(uvloop.run(measure()), indent=2))
