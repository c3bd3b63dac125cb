"""Budgets over gRPC: checked in the hold's own transaction, what is held counts as spent, alerts go to the outbox."""

import json

import asyncpg
import pytest

from gesso.billing.v1 import billing_pb2 as pb
from gesso.webhooks.v1.webhooks_pb2 import Event
from servicekit.faults import Fault

from .client import Billing, admission, reasons, request_id, settlement


async def budgets(billing: Billing, account_id: str) -> list[pb.Budget]:
    response = await billing.link.call(billing.budgets.GetBudgets, pb.GetBudgetsRequest(account_id=account_id))
    return list(response.budgets)


async def alerts(tables: asyncpg.Connection) -> list[dict[str, object]]:
    events = [Event.FromString(row["payload"]) for row in await tables.fetch("SELECT payload FROM outbox ORDER BY id")]
    assert {event.type for event in events} <= {"budget.alert"}
    return [json.loads(event.data_json) for event in events]


async def test_a_hold_beyond_the_budget_is_refused_with_its_figures(billing: Billing) -> None:
    account = await billing.account(grant_micros=10_000)
    await billing.budget(account.id, 1_000)

    placed, refused = await billing.admit(admission(account.id, 600), admission(account.id, 401))

    assert placed == 9_400
    assert isinstance(refused, Fault)
    assert (refused.reason_name, refused.details) == (
        "BUDGET_EXCEEDED",
        {"scope": "account", "period": "day", "limit_micros": "1000", "spent_micros": "600"},
    )
    assert reasons(await billing.admit(admission(account.id, 400))) == ["OK"]


async def test_what_is_released_may_be_spent_again_and_what_is_captured_not(billing: Billing) -> None:
    account = await billing.account(grant_micros=10_000)
    await billing.budget(account.id, 1_000)
    hold = admission(account.id, 1_000)
    await billing.admit(hold)
    await billing.settle(settlement(hold, 300))

    (budget,) = await budgets(billing, account.id)
    assert (budget.spent_micros, budget.held_micros) == (300, 0)
    assert reasons(await billing.admit(admission(account.id, 701), admission(account.id, 700))) == [
        "BUDGET_EXCEEDED",
        "OK",
    ]
    assert await billing.breaches() == []


async def test_a_keys_budget_bounds_that_key_alone(billing: Billing) -> None:
    account = await billing.account(grant_micros=10_000)
    bounded, free = await billing.key(account.id), await billing.key(account.id)
    await billing.budget(account.id, 100, api_key_id=bounded.id)

    results = await billing.admit(
        admission(account.id, 101, api_key_id=bounded.id),
        admission(account.id, 101, api_key_id=free.id),
        admission(account.id, 100, api_key_id=bounded.id),
    )

    assert reasons(results) == ["BUDGET_EXCEEDED", "OK", "OK"]
    assert isinstance(results[0], Fault)
    assert results[0].details["scope"] == "api_key"
    assert await billing.breaches() == []


async def test_a_budget_set_in_mid_period_counts_what_was_spent_before(billing: Billing) -> None:
    account = await billing.account(grant_micros=10_000)
    open_hold, ended = admission(account.id, 200), admission(account.id, 300)
    await billing.admit(open_hold, ended)
    await billing.settle(settlement(ended, 250))

    budget = await billing.budget(account.id, 1_000)

    assert (budget.spent_micros, budget.held_micros) == (250, 200)
    assert reasons(await billing.admit(admission(account.id, 551), admission(account.id, 550))) == [
        "BUDGET_EXCEEDED",
        "OK",
    ]


async def test_a_refund_may_be_spent_again(billing: Billing) -> None:
    account = await billing.account(grant_micros=10_000)
    await billing.budget(account.id, 1_000)
    hold = admission(account.id, 1_000)
    await billing.admit(hold)
    await billing.settle(settlement(hold, 1_000))
    refund = pb.RefundRequest(
        request_id=request_id(), account_id=account.id, hold_id=hold.hold_id, amount_micros=400, cause="ours"
    )
    await billing.link.call(billing.ledger.Refund, refund)

    assert reasons(await billing.admit(admission(account.id, 401), admission(account.id, 400))) == [
        "BUDGET_EXCEEDED",
        "OK",
    ]
    assert await billing.breaches() == []


async def test_a_budget_of_0_is_removed(billing: Billing) -> None:
    account = await billing.account(grant_micros=10_000)
    await billing.budget(account.id, 1)
    await billing.budget(account.id, 0)

    assert await budgets(billing, account.id) == []
    assert reasons(await billing.admit(admission(account.id, 10_000))) == ["OK"]


async def test_each_alert_is_raised_once_in_a_period(billing: Billing, tables: asyncpg.Connection) -> None:
    account = await billing.account(grant_micros=10_000)
    await billing.budget(account.id, 1_000, alerts=(50, 80))

    await billing.admit(admission(account.id, 499))
    assert await alerts(tables) == []
    await billing.admit(admission(account.id, 1), admission(account.id, 100))
    await billing.admit(admission(account.id, 400))

    assert await alerts(tables) == [
        {"scope": "account", "period": "day", "limit_usd": 0.001, "spent_usd": 0.0005, "percent": 50},
        {"scope": "account", "period": "day", "limit_usd": 0.001, "spent_usd": 0.001, "percent": 80},
    ]


@pytest.mark.parametrize(("limit_micros", "percents"), [(-1, ()), (10, (0,)), (10, (101,))])
async def test_a_budget_that_makes_no_sense_is_refused(
    billing: Billing, limit_micros: int, percents: tuple[int, ...]
) -> None:
    account = await billing.account()
    with pytest.raises(Fault) as refused:
        await billing.budget(account.id, limit_micros, alerts=percents)
    assert refused.value.reason_name == "INVALID_FIELD"


async def test_another_accounts_key_has_no_budget_here(billing: Billing) -> None:
    account, other = await billing.account(), await billing.account()
    key = await billing.key(other.id)
    with pytest.raises(Fault, match="No api key"):
        await billing.budget(account.id, 10, api_key_id=key.id)


async def test_a_hold_of_a_replica_whose_clock_is_ahead_counts_in_a_budget_that_is_set_after_it(
    billing: Billing, tables: asyncpg.Connection
) -> None:
    account = await billing.account(grant_micros=10_000)
    hold = admission(account.id, 600)
    await billing.admit(hold)
    await tables.execute("UPDATE holds SET created_at = created_at + interval '1 day' WHERE id = $1", hold.hold_id)
    await billing.budget(account.id, 1_000)
    assert reasons(await billing.admit(admission(account.id, 401))) == ["BUDGET_EXCEEDED"]
    await billing.settle(settlement(hold, 500))
    (budget,) = await budgets(billing, account.id)
    assert (budget.spent_micros, budget.held_micros) == (500, 0)
    assert await billing.breaches() == []


async def test_a_budget_that_is_set_on_what_was_spent_alerts_at_once_and_setting_it_again_does_not(
    billing: Billing, tables: asyncpg.Connection
) -> None:
    account = await billing.account(grant_micros=10_000)
    hold = admission(account.id, 900)
    await billing.admit(hold)
    await billing.budget(account.id, 1_000, alerts=(50, 95))
    await billing.settle(settlement(hold, 0))
    await billing.budget(account.id, 1_000, alerts=(50, 60))
    await billing.admit(admission(account.id, 500))
    assert [alert["percent"] for alert in await alerts(tables)] == [50]

    await billing.budget(account.id, 800, alerts=(50, 60))
    assert [(alert["percent"], alert["limit_usd"]) for alert in await alerts(tables)][1:] == [
        (50, 0.0008),
        (60, 0.0008),
    ]


async def test_a_month_and_a_day_both_bound_an_account(billing: Billing, tables: asyncpg.Connection) -> None:
    account = await billing.account(grant_micros=10_000)
    for period, limit_micros in ((pb.PERIOD_DAY, 300), (pb.PERIOD_MONTH, 500)):
        await billing.link.call(
            billing.budgets.SetBudget,
            pb.SetBudgetRequest(
                account_id=account.id, period=period, limit_micros=limit_micros, alert_at_percent=[100]
            ),
        )
    (by_day,) = [r for r in await billing.admit(admission(account.id, 301)) if isinstance(r, Fault)]
    assert by_day.details["period"] == "day"

    assert reasons(await billing.admit(admission(account.id, 300))) == ["OK"]
    await billing.budget(account.id, 10_000)
    (by_month,) = [r for r in await billing.admit(admission(account.id, 201)) if isinstance(r, Fault)]
    assert by_month.details["period"] == "month"
    assert [(alert["period"], alert["percent"]) for alert in await alerts(tables)] == [("day", 100)]


async def test_what_costs_nothing_runs_at_a_zero_balance_and_beyond_every_budget(billing: Billing) -> None:
    account = await billing.account(grant_micros=1_000)
    await billing.budget(account.id, 1_000)
    spent = admission(account.id, 1_000)
    await billing.admit(spent)
    await billing.settle(settlement(spent, 1_000))
    await billing.budget(account.id, 400)

    free = admission(account.id, 0)
    assert await billing.admit(free) == [0]
    assert reasons(await billing.admit(admission(account.id, 1))) == ["INSUFFICIENT_FUNDS"]
    assert await billing.settle(settlement(free, 0)) == [0]
    assert (await billing.hold(account.id, free.hold_id)).state == pb.Hold.STATE_RELEASED
    assert await billing.breaches() == []
