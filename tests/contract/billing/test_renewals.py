"""Plans of the operator's own: subscriptions renew by the month and bring their credits once, however many replicas look."""

from importlib import resources
from pathlib import Path

import asyncpg
import pytest

from gesso.billing.v1 import billing_pb2 as pb
from servicekit.faults import Fault
from testkit.eventually import eventually

from .client import Billing, Replica


@pytest.fixture
def monthly_credits(plans_file: Path) -> int:
    """Let the plan pro bring some credits a month; returns how many micros."""
    head, name, tail = _built_in().partition("[plans.pro]")
    plans_file.write_text(head + name + tail.replace("monthly_micros = 0", "monthly_micros = 500", 1), encoding="utf-8")
    return 500


async def test_a_due_subscription_is_renewed_and_its_credits_granted_once(
    monthly_credits: int, billing: Billing, replica: Replica, tables: asyncpg.Connection
) -> None:
    account = await billing.account(plan="pro", grant_micros=100)
    await tables.execute(
        "UPDATE accounts SET renews_at = renews_at - interval '1 month 1 hour' WHERE id = $1", account.id
    )

    async with replica() as one, replica():

        async def renewed() -> pb.Account:
            found = await one.link.call(one.accounts.GetAccount, pb.GetAccountRequest(account_id=account.id))
            assert found.balance.posted_micros == 100 + monthly_credits
            return found

        found = await eventually(renewed)
        assert found.subscription.renews_at.seconds > account.subscription.renews_at.seconds - 86_400
        assert await one.breaches() == []


async def test_billing_does_not_start_with_plans_that_its_accounts_lack(
    billing: Billing, replica: Replica, plans_file: Path
) -> None:
    await billing.account(plan="pro")
    _without_pro(plans_file)
    with pytest.raises(Fault, match="No plan is named 'pro'"):
        async with replica():
            pass


def _without_pro(file: Path) -> None:
    file.write_text(_built_in().replace("[plans.pro]", "[plans.gold]"), encoding="utf-8")


def _built_in() -> str:
    return resources.files("billing").joinpath("plans.toml").read_text(encoding="utf-8")
