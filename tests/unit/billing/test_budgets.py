"""Budgets count the holds of their own period: days and months begin at UTC midnight."""

import datetime

import pytest

from billing import budgets
from billing.accounts import AccountState, next_renewal
from billing.admission import admit
from billing.budgets import Budget, Period
from billing.holds import Admission, Wallet

NOON = datetime.datetime(2026, 3, 31, 12, tzinfo=datetime.UTC)
TODAY = datetime.datetime(2026, 3, 31, tzinfo=datetime.UTC)
TOMORROW = TODAY + datetime.timedelta(days=1)


def budget(
    period: Period = Period.DAY, *, starts_at: datetime.datetime = TODAY, spent: int = 0, held: int = 0
) -> Budget:
    return Budget("acct", "", period, 100, (50,), starts_at, spent, held)


@pytest.mark.parametrize(("period", "expected"), [(Period.DAY, 31), (Period.MONTH, 1)])
def test_a_period_begins_at_utc_midnight_wherever_the_moment_was_read(period: Period, expected: int) -> None:
    west = NOON.astimezone(datetime.timezone(datetime.timedelta(hours=-12)))
    start = budgets.start_of(period, west)
    assert (start.day, start.hour) == (expected, 0)
    assert start.utcoffset() == datetime.timedelta(0)


def test_a_new_period_begins_with_nothing_spent() -> None:
    rolled = budgets.at(budget(spent=90, held=10), TOMORROW)
    assert (rolled.starts_at, rolled.used_micros) == (TOMORROW, 0)
    assert budgets.at(budget(spent=90), NOON).spent_micros == 90


def test_a_hold_that_outlives_its_period_is_settled_in_that_one() -> None:
    today = budget(starts_at=TOMORROW, spent=5)
    assert budgets.settle(today, NOON, 10, 10) == today
    assert budgets.settle(budget(held=10), NOON, 10, 4).used_micros == 4


def test_a_replica_whose_clock_is_behind_places_holds_in_the_period_that_has_begun() -> None:
    begun = budget(starts_at=TOMORROW, spent=95)
    wallet = Wallet("acct", AccountState.ACTIVE, 1_000, 0, has_budgets=True)
    hold = Admission("hold", "acct", "", 5, "job", TOMORROW)

    admitted = admit([hold], {"acct": wallet}, {}, {"acct": [begun]}, TOMORROW - datetime.timedelta(seconds=1))

    assert admitted.placed[0].placed_at == TOMORROW
    assert admitted.budgets["acct"][0].used_micros == 100


def test_every_budget_that_bounds_a_key_must_cover_the_hold_or_none_is_touched() -> None:
    roomy, tight = budget(Period.MONTH), Budget("acct", "key", Period.DAY, 10, (), TODAY)
    wallet = Wallet("acct", AccountState.ACTIVE, 1_000, 0, has_budgets=True)
    holds = [Admission(f"hold_{i}", "acct", key, 11, "job", NOON) for i, key in enumerate(("key", "other"))]

    admitted = admit(holds, {"acct": wallet}, {}, {"acct": [roomy, tight]}, NOON)

    assert [isinstance(outcome, int) for outcome in admitted.outcomes] == [False, True]
    assert [b.used_micros for b in admitted.budgets["acct"]] == [11, 0]


@pytest.mark.parametrize(
    ("month", "day", "expected"), [(1, 31, (2, 28)), (12, 15, (1, 15)), (11, 30, (12, 30)), (10, 31, (11, 30))]
)
def test_a_subscription_renews_a_month_later_or_at_the_end_of_a_shorter_one(
    month: int, day: int, expected: tuple[int, int]
) -> None:
    renewed = next_renewal(datetime.datetime(2026, month, day, 8, tzinfo=datetime.UTC))
    assert (renewed.month, renewed.day) == expected
    assert renewed.year == 2026 + (month == 12)
