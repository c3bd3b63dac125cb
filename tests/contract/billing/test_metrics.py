"""What Prometheus reads of billing."""

from pathlib import Path

import aiohttp

from billing.app import running
from billing.config import Config
from gesso.billing.v1 import billing_pb2 as pb
from servicekit.settings import load
from testkit.database import Database
from testkit.eventually import eventually
from testkit.identities import SHARED_ENVIRONMENT, TOKENS, caller_token, link_as
from testkit.ports import free_port

from .client import Billing, admission


async def test_calls_pool_open_holds_and_refused_requests_show(database: Database, tmp_path: Path) -> None:
    port = free_port()
    environment = {
        **SHARED_ENVIRONMENT,
        "GESSO_BILLING_LISTEN": f"unix:{tmp_path}/billing.sock",
        "GESSO_BILLING_DATABASE_URL": database.url("billing"),
        "GESSO_BILLING_TOKEN": TOKENS["billing"],
        "GESSO_BILLING_METRICS_LISTEN": f"127.0.0.1:{port}",
    }
    settings = load(Config, environment)
    async with running(settings) as address, link_as("operator", address) as link:
        billing = Billing(link, address)
        account = await billing.account(plan="free", grant_micros=100)
        await billing.admit(admission(account.id, 1))
    async with (
        running(settings) as address,
        link_as("operator", address) as link,
    ):  # which counts open holds at its start
        taking = pb.TakeLimitsRequest.Taking(caller_token=caller_token(account.id), dialect="bigapi")
        await Billing(link, address).take(*[taking] * 111)  # more than an hour has, whenever it ends
        text = await eventually(lambda: _metrics(port, "gesso_holds_open 1.0"))
    assert 'gesso_calls_total{method="/gesso.billing.v1.Limits/TakeLimits",reason="OK"} 1.0' in text
    assert 'gesso_pool_connections{state="open"}' in text
    assert 'gesso_limits_refused_total{dialect="bigapi"}' in text


async def _metrics(port: int, line: str) -> str:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as answer:
        text = await answer.text()
    assert line in text.splitlines()
    return text
