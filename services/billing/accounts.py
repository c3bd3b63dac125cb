"""An account is who pays; these rules say how its state and its subscription may change."""

import dataclasses
import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from billing import preferences, safety
from billing.checks import email
from billing.plans import Plan
from billing.preferences import PLATFORMS_OWN, Preferences
from gesso.errors.v1 import reason_pb2 as pb
from servicekit.faults import Conflict, Fault, InvalidField
from servicekit.ids import new_id


class AccountState(StrEnum):
    """What an account may do; a closed one can be opened again, and be changed in no other way."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Account:
    """One account with its balance, in micros. `email` is empty where none is known."""

    id: str
    name: str
    plan: str
    state: AccountState
    limits: Mapping[str, int]
    subscription_active: bool
    renews_at: datetime.datetime | None
    created_at: datetime.datetime
    email: str = ""
    preferences: Preferences = PLATFORMS_OWN
    safety: Mapping[str, str] = field(default_factory=dict)
    posted_micros: int = 0
    held_micros: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """What an update asks for; None leaves a thing as it is, in `preferences` too. An empty mode in `set_safety` removes it."""

    plan: str | None = None
    state: AccountState | None = None
    set_limits: Mapping[str, int] = field(default_factory=dict)
    remove_limits: tuple[str, ...] = ()
    subscription_active: bool | None = None
    email: str | None = None
    set_safety: Mapping[str, str] = field(default_factory=dict)
    preferences: Preferences = PLATFORMS_OWN


def refusal(state: AccountState) -> Fault:
    """Return why an account that is not active is refused."""
    if state is AccountState.SUSPENDED:
        return Fault(pb.REASON_ACCOUNT_SUSPENDED, "The account is suspended.")
    assert state is AccountState.CLOSED, "an active account is not refused"
    return Fault(pb.REASON_ACCOUNT_CLOSED, "The account is closed.")


def new_account(name: str, plan: Plan, email_address: str, now: datetime.datetime) -> Account:
    """Return an account without money; a plan's subscription is active from the start and renews in a month."""
    renews_at = next_renewal(now) if plan.subscription else None
    account_id = new_id("acct", at_seconds=now.timestamp())
    return Account(
        account_id, name, plan.name, AccountState.ACTIVE, {}, plan.subscription, renews_at, now, email(email_address)
    )


def changed(account: Account, change: Change, plan: Plan, now: datetime.datetime) -> Account:
    """Return the account after a change; `plan` is the one that it then has.

    Raises Conflict for a change of an account that stays closed, InvalidField for a subscription that the plan does not
    have, and for an address, a preference or a policy that makes no sense.
    """
    limits = {**account.limits, **change.set_limits}
    after = dataclasses.replace(
        account,
        state=change.state or account.state,
        limits={name: limit for name, limit in limits.items() if name not in change.remove_limits},
        email=account.email if change.email is None else email(change.email),
        preferences=preferences.merged(account.preferences, change.preferences),
        safety=safety.with_changes(account.safety, change.set_safety),
    )
    active = plan.subscription if plan.name != account.plan else account.subscription_active
    after = _subscribed(after, plan, active if change.subscription_active is None else change.subscription_active, now)
    if account.state is after.state is AccountState.CLOSED and after != account:
        raise Conflict(
            "account", account.id, account.state, "A closed account stays as it is until it is opened again."
        )
    return after


def _subscribed(account: Account, plan: Plan, active: bool, now: datetime.datetime) -> Account:
    if active and not plan.subscription:
        raise InvalidField("subscription_active", f"The plan {plan.name} has no subscription.")
    if active == account.subscription_active and plan.name == account.plan:
        return account
    renews_at = next_renewal(now) if active else None
    return dataclasses.replace(account, plan=plan.name, subscription_active=active, renews_at=renews_at)


def actions(before: Account, after: Account) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield what the audit says of a change: an action's name and its particulars."""
    if after.plan != before.plan:
        yield "account.plan_changed", {"from": before.plan, "to": after.plan}
    if after.state != before.state:
        yield f"account.{_VERBS[after.state]}", {"from": before.state}
    if after.limits != before.limits:
        yield "account.limits_changed", {"from": dict(before.limits), "to": dict(after.limits)}
    if after.subscription_active != before.subscription_active:
        yield "account.subscription_changed", {"active": after.subscription_active}
    if after.email != before.email:
        yield "account.email_changed", {}  # the audit cannot be made to forget a person's address
    if after.preferences != before.preferences:
        yield (
            "account.preferences_changed",
            {"from": before.preferences.present(), "to": after.preferences.present()},
        )
    if after.safety != before.safety:
        yield "account.safety_changed", {"from": dict(before.safety), "to": dict(after.safety)}


_VERBS = {AccountState.ACTIVE: "activated", AccountState.SUSPENDED: "suspended", AccountState.CLOSED: "closed"}


def next_renewal(renews_at: datetime.datetime) -> datetime.datetime:
    """Return the same time a month later, or the last day of a shorter month."""
    year, month = divmod(renews_at.year * 12 + renews_at.month, 12)
    first_of_next = datetime.datetime(year + (month + 1) // 12, (month + 1) % 12 + 1, 1, tzinfo=datetime.UTC)
    last_day = (first_of_next - datetime.timedelta(days=1)).day
    return renews_at.replace(year=year, month=month + 1, day=min(renews_at.day, last_day))
