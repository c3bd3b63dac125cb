"""A repeated order for a key has the same answer for a day, its secret too, although that is stored nowhere."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest

from billing.app import running
from billing.config import Config
from gesso.billing.v1 import billing_pb2 as pb
from servicekit.faults import Fault
from servicekit.settings import load
from testkit.database import Database
from testkit.eventually import eventually
from testkit.identities import SHARED_ENVIRONMENT, TOKENS, link_as

from .client import Billing, Replica, request_id

Order = Callable[[Billing], Awaitable[pb.ApiKey]]


async def creating(billing: Billing) -> tuple[Order, Order]:
    """An order for a key, and one with other contents under the same request_id."""
    account = await billing.account()
    request = pb.CreateApiKeyRequest(request_id=request_id(), account_id=account.id, name="main", prefix="big_live_")
    other = pb.CreateApiKeyRequest(request_id=request.request_id, account_id=account.id, name="other")
    return (
        lambda at: at.link.call(at.api_keys.CreateApiKey, request),
        lambda at: at.link.call(at.api_keys.CreateApiKey, other),
    )


async def rotating(billing: Billing) -> tuple[Order, Order]:
    """An order for another secret, and one with other contents under the same request_id."""
    account = await billing.account()
    key = await billing.key(account.id, prefix="big_live_")
    request = pb.RotateApiKeyRequest(request_id=request_id(), account_id=account.id, api_key_id=key.id)
    other = pb.RotateApiKeyRequest(
        request_id=request.request_id, account_id=account.id, api_key_id=key.id, overlap_seconds=1
    )
    return (
        lambda at: at.link.call(at.api_keys.RotateApiKey, request),
        lambda at: at.link.call(at.api_keys.RotateApiKey, other),
    )


Ordering = Callable[[Billing], Awaitable[tuple[Order, Order]]]
both = pytest.mark.parametrize("ordering", [creating, rotating])


async def refused(answer: Awaitable[pb.ApiKey]) -> str:
    with pytest.raises(Fault) as fault:
        await answer
    return fault.value.reason_name


@both
async def test_every_replica_answers_a_repeat_as_the_first_time(ordering: Ordering, replica: Replica) -> None:
    async with replica() as one, replica() as other:
        order, _ = await ordering(one)
        first = await order(one)
        again = await order(other)
        assert (first.replayed, again.replayed) == (False, True)
        again.replayed = False
        assert again == first
        assert first.secret.startswith("big_live_")
        assert (await other.caller(again)).api_key_id == first.id


@both
async def test_a_repeat_after_a_later_rotation_still_has_its_own_secret(ordering: Ordering, billing: Billing) -> None:
    order, _ = await ordering(billing)
    first = await order(billing)
    later = pb.RotateApiKeyRequest(request_id=request_id(), account_id=first.account_id, api_key_id=first.id)
    assert (await billing.link.call(billing.api_keys.RotateApiKey, later)).secret != first.secret
    again = await order(billing)
    assert (again.secret, again.masked) == (first.secret, first.masked)


@both
async def test_other_contents_are_told_apart(ordering: Ordering, billing: Billing) -> None:
    order, other = await ordering(billing)
    await order(billing)
    assert await refused(other(billing)) == "IDEMPOTENCY_MISMATCH"


@both
async def test_after_a_day_the_secret_is_shown_no_more(
    ordering: Ordering, billing: Billing, tables: asyncpg.Connection
) -> None:
    order, other = await ordering(billing)
    await order(billing)
    await tables.execute("UPDATE requests SET created_at = created_at - interval '24 hours'")
    assert await refused(order(billing)) == "CONFLICT"
    assert await refused(other(billing)) == "IDEMPOTENCY_MISMATCH"


@both
async def test_the_salt_of_a_secret_is_forgotten_after_a_day(
    ordering: Ordering, billing: Billing, replica: Replica, tables: asyncpg.Connection
) -> None:
    old, _ = await ordering(billing)
    await old(billing)
    await tables.execute("UPDATE requests SET created_at = created_at - interval '24 hours'")
    fresh, _ = await ordering(billing)
    first = await fresh(billing)

    async with replica() as one:  # it forgets as it starts

        async def forgotten() -> None:
            assert not await tables.fetchval(
                "SELECT count(salt) FROM requests WHERE created_at < now() - interval '1 hour'"
            )

        await eventually(forgotten)
        assert (await fresh(one)).secret == first.secret


@both
async def test_the_database_alone_does_not_tell_a_secret(
    ordering: Ordering, billing: Billing, database: Database, tmp_path: Path
) -> None:
    order, _ = await ordering(billing)
    await order(billing)
    environment = {
        **SHARED_ENVIRONMENT,
        "GESSO_CALLER_TOKEN_KEY": "ab" * 32,
        "GESSO_BILLING_LISTEN": f"unix:{tmp_path}/stranger.sock",
        "GESSO_BILLING_DATABASE_URL": database.url("billing"),
        "GESSO_BILLING_TOKEN": TOKENS["billing"],
    }
    async with running(load(Config, environment)) as address, link_as("operator", address) as link:
        assert await refused(order(Billing(link, address))) == "CONFLICT"
