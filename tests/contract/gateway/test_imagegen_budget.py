"""Budgets of an account in the Image Generation API: set, shown, lifted, and refused where they are wrong."""

from typing import Any

import pytest

from gesso.billing.v1 import billing_pb2


@pytest.fixture
def budgeted(edge: Any) -> Any:
    """An edge whose billing remembers budgets; 0.5 USD of each is spent and 0.25 held."""
    standing: dict[int, billing_pb2.Budget] = {}

    def set_budget(request: Any) -> Any:
        budget = billing_pb2.Budget(
            account_id=request.account_id,
            period=request.period,
            limit_micros=request.limit_micros,
            spent_micros=500_000,
            held_micros=250_000,
            alert_at_percent=request.alert_at_percent,
        )
        standing.pop(request.period, None)
        if request.limit_micros:
            standing[request.period] = budget
        return budget

    edge.billing.scripts |= {
        "SetBudget": set_budget,
        "GetBudgets": lambda _: billing_pb2.GetBudgetsResponse(budgets=standing.values()),
    }
    return edge


UNLIMITED = {"limit_usd": None, "spent_usd": None, "remaining_usd": None}


async def _put(edge: Any, body: Any) -> Any:
    headers = {"X-API-Key": edge.key}
    async with edge.session.put(f"{edge.url}/api/v2/user/budget", json=body, headers=headers) as answer:
        return answer.status, await answer.json()


async def test_budgets_are_set_shown_and_lifted(budgeted: Any) -> None:
    status, body = await _put(
        budgeted, {"day": {"limit_usd": 10}, "month": {"limit_usd": 99.5}, "alert_at_percent": [80, 50, 80]}
    )
    wanted = {
        "day": {"limit_usd": 10.0, "spent_usd": 0.75, "remaining_usd": 9.25},
        "month": {"limit_usd": 99.5, "spent_usd": 0.75, "remaining_usd": 98.75},
        "alert_at_percent": [50, 80],
    }
    assert (status, body) == (200, wanted)
    async with budgeted.get("/api/v2/user/budget") as answer:
        assert await answer.json() == wanted
    status, body = await _put(budgeted, {"month": {"limit_usd": None}, "day": {"limit_usd": 0.5}})
    assert body == {
        "day": {"limit_usd": 0.5, "spent_usd": 0.75, "remaining_usd": 0.0},
        "month": UNLIMITED,
        "alert_at_percent": [],
    }
    assert (await _put(budgeted, {}))[1] == {"day": UNLIMITED, "month": UNLIMITED, "alert_at_percent": []}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"day": {"limit_usd": 0}}, "day.limit_usd"),
        ({"day": {"limit_usd": -1}}, "day.limit_usd"),
        ({"month": {"limit_usd": "10"}}, "month.limit_usd"),
        ({"month": 10}, "month"),
        ({"alert_at_percent": [0]}, "alert_at_percent[0]"),
        ({"alert_at_percent": [101]}, "alert_at_percent[0]"),
        ({"alert_at_percent": 80}, "alert_at_percent"),
    ],
)
async def test_a_wrong_budget_is_named(budgeted: Any, body: Any, field: str) -> None:
    status, answered = await _put(budgeted, body)
    assert (status, answered["error"]["details"]) == (400, {"field": field})
