"""The account in this API's words: its profile, its preferences, and what it has used.

Figures are of the whole account, whatever API bought it. Source: imagegen-v2.md, "User Profile"; contract.md, "imagegen", Account.
"""

import asyncio
import datetime
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from gateway.desk import Desk, Step
from gateway.dialects.imagegen import preferences
from gateway.dialects.imagegen.figures import in_credits, megabytes, moment
from gateway.dialects.imagegen.preferences import Preferences, PreferencesChange
from gateway.dialects.imagegen.shapes import Cost
from gateway.money import usd
from gateway.queries import choice
from gateway.visitor import Visitor
from gateway.wire import Reply, json_reply
from gesso.billing.v1.billing_pb2 import Account
from gesso.gallery.v1.gallery_pb2 import Storage
from gesso.generator.v1.generator_pb2 import GetUsageRequest, GetUsageResponse, Sums
from servicekit.ids import with_prefix
from servicekit.timestamps import to_datetime, to_timestamp

PERIODS: Mapping[str, tuple[Step.ValueType, datetime.timedelta, int]] = {
    "24h": (GetUsageRequest.STEP_HOUR, datetime.timedelta(hours=1), 24),
    "7d": (GetUsageRequest.STEP_DAY, datetime.timedelta(days=1), 7),
    "30d": (GetUsageRequest.STEP_DAY, datetime.timedelta(days=1), 30),
    "90d": (GetUsageRequest.STEP_DAY, datetime.timedelta(days=1), 90),
}
"""Step and number of the rows of each period; the last one is the hour or day that goes on."""
DEFAULT_PERIOD = "30d"


def _said(text: str) -> Meta:
    return Meta(description=text)


_Credits = Annotated[int | float, _said("Available now, over all APIs, at 0.02 US dollars each.")]
_Used = Annotated[int | float, _said("What is kept, in megabytes.")]
_Limit = Annotated[int | None, _said("What the plan includes, null for no bound.")]


class Subscription(msgspec.Struct, frozen=True):
    """The account's standing with its plan."""

    plan: str
    status: Literal["active", "inactive"]
    renews_at: str | None


class UsageToday(msgspec.Struct, frozen=True, kw_only=True):
    """What was used, by UTC day and month."""

    images_generated_today: int
    images_generated_month: int
    credits_remaining: _Credits
    storage_used_mb: _Used
    storage_limit_mb: _Limit


class User(msgspec.Struct, frozen=True, kw_only=True):
    """The account."""

    id: str
    email: Annotated[str | None, _said("Null where none is known.")]
    username: str
    created_at: str
    subscription: Subscription
    usage: UsageToday
    preferences: Preferences


class Profile(msgspec.Struct, frozen=True):
    """The caller's profile."""

    user: User


class ShownPreferences(msgspec.Struct, frozen=True):
    """What the account prefers."""

    preferences: Preferences


class Used(msgspec.Struct, frozen=True):
    """What was used in an hour or a day."""

    start: Annotated[str, _said("The beginning of the UTC hour or day.")]
    generations: int
    images: int
    cost: Cost


class UsedModel(msgspec.Struct, frozen=True):
    """What was drawn with a model."""

    model: str
    images: int
    cost: Cost


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What was used in a period."""

    period: Literal["24h", "7d", "30d", "90d"]
    since: str
    until: str
    generations: int
    images: int
    cost: Cost
    credits_remaining: _Credits
    storage_used_mb: _Used
    storage_limit_mb: _Limit
    history: Annotated[
        list[Used], _said("A row for each UTC hour (24h) or day, oldest first, also where nothing was used.")
    ]
    models: Annotated[list[UsedModel], _said("Most used first.")]


class ShownUsage(msgspec.Struct, frozen=True):
    """What the account has used."""

    usage: Usage


async def profile(desk: Desk, visitor: Visitor) -> Reply:
    """GET /api/v2/user/profile."""
    return await _profile(desk, await desk.account())


async def change_profile(desk: Desk, visitor: Visitor, change: PreferencesChange) -> Reply:
    """PATCH /api/v2/user/profile. Raises InvalidField."""
    return await _profile(desk, await _changed(desk, change))


async def show_preferences(desk: Desk, visitor: Visitor) -> Reply:
    """GET /api/v2/user/preferences: as the account stands, not as its key was last looked up."""
    account = await desk.account()
    return json_reply(ShownPreferences(preferences.shown(account.preferences)))


async def change_preferences(desk: Desk, visitor: Visitor, change: PreferencesChange) -> Reply:
    """PATCH /api/v2/user/preferences. Raises InvalidField."""
    account = await _changed(desk, change)
    return json_reply(ShownPreferences(preferences.shown(account.preferences)))


async def _changed(desk: Desk, change: PreferencesChange) -> Account:
    return await desk.set_preferences(preferences.wanted(change, await desk.models()))


async def _profile(desk: Desk, account: Account) -> Reply:
    today = datetime.datetime.now(datetime.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    used, storage = await asyncio.gather(
        desk.usage(since=today.replace(day=1), step=GetUsageRequest.STEP_DAY), desk.storage()
    )
    subscription = account.subscription
    user = User(
        id=with_prefix("user", account.id),
        email=account.email or None,
        username=account.name,
        created_at=moment(account.created_at),
        subscription=Subscription(
            plan=subscription.plan or account.plan,
            status="active" if subscription.active else "inactive",
            renews_at=moment(subscription.renews_at) if subscription.HasField("renews_at") else None,
        ),
        usage=UsageToday(
            images_generated_today=sum(one.sums.images for one in used.buckets if one.start == to_timestamp(today)),
            images_generated_month=used.total.images,
            credits_remaining=in_credits(account.balance.available_micros),
            storage_used_mb=megabytes(storage.byte_count),
            storage_limit_mb=account.storage_mb or None,
        ),
        preferences=preferences.shown(account.preferences),
    )
    return json_reply(Profile(user))


async def usage(desk: Desk, visitor: Visitor) -> Reply:
    """GET /api/v2/user/usage. Raises InvalidField."""
    period: Any = choice(visitor.query, "period", tuple(PERIODS), default=DEFAULT_PERIOD)
    step, length, rows = PERIODS[period]
    now = datetime.datetime.now(datetime.UTC)
    since = begin(now, step) - length * (rows - 1)
    used, account, storage = await asyncio.gather(desk.usage(since=since, step=step), desk.account(), desk.storage())
    starts = [since + length * row for row in range(rows)]
    return json_reply(ShownUsage(_usage(period, used, starts, now, account, storage)))


def begin(now: datetime.datetime, step: Step.ValueType) -> datetime.datetime:
    """When the UTC hour or day began that goes on."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    return hour if step == GetUsageRequest.STEP_HOUR else hour.replace(hour=0)


def _usage(
    period: Any,
    used: GetUsageResponse,
    starts: list[datetime.datetime],
    now: datetime.datetime,
    account: Account,
    storage: Storage,
) -> Usage:
    return Usage(
        period=period,
        since=moment(to_timestamp(starts[0])),
        until=moment(to_timestamp(now)),
        generations=used.total.jobs,
        images=used.total.images,
        cost=_cost(used.total),
        credits_remaining=in_credits(account.balance.available_micros),
        storage_used_mb=megabytes(storage.byte_count),
        storage_limit_mb=account.storage_mb or None,
        history=list(_history(used, starts)),
        models=[UsedModel(one.model, one.sums.images, _cost(one.sums)) for one in used.models],
    )


def _history(used: GetUsageResponse, starts: list[datetime.datetime]) -> Iterator[Used]:
    by_start = {to_datetime(bucket.start): bucket.sums for bucket in used.buckets}
    for start in starts:
        sums = by_start.get(start, Sums())
        yield Used(moment(to_timestamp(start)), sums.jobs, sums.images, _cost(sums))


def _cost(sums: Sums) -> Cost:
    return Cost(in_credits(sums.charge_micros), usd(sums.charge_micros))
