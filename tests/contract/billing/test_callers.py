"""Keys over gRPC: made once shown, authenticated by digest, rotated with overlap, revoked."""

import hashlib
import string

import asyncpg
import pytest

from billing.plans import load
from gesso.billing.v1 import billing_pb2 as pb
from servicekit.faults import Fault
from servicekit.tokens import open_token
from testkit.identities import CALLER_TOKEN_KEY

from .client import Billing, Replica, request_id


def digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


async def verdict(billing: Billing, secret: str) -> str:
    """OK, or the reason for which a key is refused."""
    (found,) = await billing.authenticate(digest(secret))
    return found.reason_name if isinstance(found, Fault) else "OK"


async def listed(billing: Billing, account_id: str) -> list[pb.ApiKey]:
    response = await billing.link.call(billing.api_keys.ListApiKeys, pb.ListApiKeysRequest(account_id=account_id))
    return list(response.api_keys)


async def test_a_new_key_is_long_random_and_shown_masked_afterwards(billing: Billing) -> None:
    account = await billing.account()
    key = await billing.key(account.id)

    tail = key.secret.removeprefix("gesso_")
    assert len(tail) >= 40
    assert set(tail) <= set(string.ascii_letters + string.digits)
    (shown,) = await listed(billing, account.id)
    assert shown.secret == ""
    assert shown.masked == f"gesso_{tail[:3]}...{tail[-3:]}"


async def test_keys_are_numbered_by_account_from_one(billing: Billing) -> None:
    first, second = await billing.account(), await billing.account()
    numbers = [(await billing.key(account)).number for account in (first.id, first.id, second.id)]
    assert numbers == [1, 2, 1]


async def test_a_dialects_own_prefix_begins_the_key(billing: Billing) -> None:
    account = await billing.account()
    key = await billing.key(account.id, prefix="big_live_")
    assert key.secret.startswith("big_live_")
    assert key.masked.startswith("big_live_")


async def test_a_key_tells_who_calls_by_a_token_that_the_other_services_can_open(billing: Billing) -> None:
    account = await billing.account(plan="starter")
    key = await billing.key(account.id)

    (caller,) = await billing.authenticate(digest(key.secret))

    assert isinstance(caller, pb.Caller)
    assert (caller.account_id, caller.api_key_id, caller.plan) == (account.id, key.id, "starter")
    assert caller.subscription.active
    assert caller.subscription.HasField("renews_at")
    claims = open_token(caller.token, CALLER_TOKEN_KEY)
    plan = load().plan("starter")
    assert (claims.account_id, claims.api_key_id, claims.plan) == (account.id, key.id, "starter")
    assert (claims.storage_mb, claims.markup_percent) == (plan.storage_mb, 20)


async def test_an_accounts_own_figures_go_before_its_plans_also_for_what_is_no_request_limit(billing: Billing) -> None:
    account = await billing.account(plan="free")
    key = await billing.key(account.id)
    own = {"storage_mb": 1, "retention_days": 7, "max_concurrency": 0}
    changed = await billing.update(pb.UpdateAccountRequest(account_id=account.id, set_limits=own))
    assert changed.storage_mb == 1

    (caller,) = await billing.authenticate(digest(key.secret))

    assert isinstance(caller, pb.Caller)
    claims = open_token(caller.token, CALLER_TOKEN_KEY)
    assert (claims.storage_mb, claims.retention_days, claims.max_concurrency) == (1, 7, 0)
    assert claims.markup_percent == load().plan("free").markup_percent


async def test_the_free_plan_has_no_subscription(billing: Billing) -> None:
    account = await billing.account(plan="free")
    assert not account.subscription.active
    assert not account.subscription.HasField("renews_at")


async def test_an_ended_subscription_renews_no_more_and_its_callers_are_told(billing: Billing) -> None:
    account = await billing.account(plan="pro")
    key = await billing.key(account.id)
    await billing.update(pb.UpdateAccountRequest(account_id=account.id, subscription_active=False))
    ended = (await billing.caller(key)).subscription
    assert (ended.plan, ended.active, ended.HasField("renews_at")) == ("pro", False, False)

    await billing.update(pb.UpdateAccountRequest(account_id=account.id, subscription_active=True))
    resumed = (await billing.caller(key)).subscription
    assert (resumed.active, resumed.HasField("renews_at")) == (True, True)


async def test_an_unknown_key_is_refused_beside_one_that_is_known(billing: Billing) -> None:
    key = await billing.key((await billing.account()).id)
    unknown, known, short = await billing.authenticate(digest("nobody's"), digest(key.secret), b"short")
    assert isinstance(known, pb.Caller)
    assert [f.reason_name for f in (unknown, short) if isinstance(f, Fault)] == ["CREDENTIAL_INVALID"] * 2


async def test_a_revoked_key_is_refused_at_once_by_every_replica_and_a_repeat_changes_nothing(replica: Replica) -> None:
    async with replica() as one, replica() as other:
        account = await one.account()
        key = await one.key(account.id)
        assert await verdict(other, key.secret) == "OK"
        request = pb.RevokeApiKeyRequest(account_id=account.id, api_key_id=key.id)
        revoked = await one.link.call(one.api_keys.RevokeApiKey, request)
        again = await one.link.call(one.api_keys.RevokeApiKey, pb.RevokeApiKeyRequest(api_key_id=key.id))
        assert again.revoked_at == revoked.revoked_at
        assert await verdict(other, key.secret) == "KEY_REVOKED"


async def test_a_key_is_revoked_by_the_digest_of_a_secret_also_of_one_that_was_rotated_away(billing: Billing) -> None:
    account = await billing.account()
    key = await billing.key(account.id)
    rotated = pb.RotateApiKeyRequest(request_id="away", account_id=account.id, api_key_id=key.id, overlap_seconds=0)
    new = await billing.link.call(billing.api_keys.RotateApiKey, rotated)
    digest = hashlib.sha256(key.secret.encode()).digest()
    revoked = await billing.link.call(billing.api_keys.RevokeApiKey, pb.RevokeApiKeyRequest(key_digest=digest))
    assert (revoked.id, revoked.HasField("revoked_at")) == (key.id, True)
    assert await verdict(billing, new.secret) == "KEY_REVOKED"
    for nobodys in (pb.RevokeApiKeyRequest(key_digest=hashlib.sha256(b"?").digest()), pb.RevokeApiKeyRequest()):
        with pytest.raises(Fault) as refused:
            await billing.link.call(billing.api_keys.RevokeApiKey, nobodys)
        assert refused.value.reason_name == "NOT_FOUND"


async def test_another_accounts_key_is_not_found(billing: Billing) -> None:
    key = await billing.key((await billing.account()).id)
    stranger = await billing.account()
    with pytest.raises(Fault, match="No api key"):
        await billing.link.call(
            billing.api_keys.RevokeApiKey, pb.RevokeApiKeyRequest(account_id=stranger.id, api_key_id=key.id)
        )


async def test_both_secrets_work_while_a_rotation_overlaps(billing: Billing) -> None:
    account = await billing.account()
    key = await billing.key(account.id)
    request = pb.RotateApiKeyRequest(
        request_id=request_id(), account_id=account.id, api_key_id=key.id, overlap_seconds=3600
    )

    rotated = await billing.link.call(billing.api_keys.RotateApiKey, request)

    assert (rotated.id, rotated.number) == (key.id, key.number)
    assert rotated.masked != key.masked
    assert [await verdict(billing, secret) for secret in (key.secret, rotated.secret)] == ["OK", "OK"]


async def test_a_rotation_without_overlap_ends_the_old_secret(billing: Billing) -> None:
    account = await billing.account()
    key = await billing.key(account.id)
    request = pb.RotateApiKeyRequest(request_id=request_id(), account_id=account.id, api_key_id=key.id)

    rotated = await billing.link.call(billing.api_keys.RotateApiKey, request)

    assert [await verdict(billing, s) for s in (key.secret, rotated.secret)] == ["KEY_REVOKED", "OK"]


async def test_a_given_secret_makes_one_key_of_its_account_and_none_of_another(billing: Billing) -> None:
    account, other = await billing.account(), await billing.account()
    first = await billing.key(account.id, secret="gesso_demo_key_000000000000")
    again = await billing.key(account.id, secret="gesso_demo_key_000000000000")

    assert first.id == again.id
    assert await verdict(billing, "gesso_demo_key_000000000000") == "OK"
    with pytest.raises(Fault) as refused:
        await billing.key(other.id, secret="gesso_demo_key_000000000000")
    assert refused.value.reason_name == "CONFLICT"


@pytest.mark.parametrize(
    ("state", "reason"),
    [(pb.ACCOUNT_STATE_SUSPENDED, "ACCOUNT_SUSPENDED"), (pb.ACCOUNT_STATE_CLOSED, "ACCOUNT_CLOSED")],
)
async def test_the_key_of_an_account_that_is_not_active_is_refused(
    billing: Billing, state: pb.AccountState.ValueType, reason: str
) -> None:
    account = await billing.account()
    key = await billing.key(account.id)
    await billing.update(pb.UpdateAccountRequest(account_id=account.id, state=state))
    assert await verdict(billing, key.secret) == reason


async def test_requests_are_counted_on_the_key_at_once(billing: Billing) -> None:
    account = await billing.account()
    key = await billing.key(account.id)
    await billing.authenticate(digest(key.secret), requests=7)
    await billing.authenticate(digest(key.secret))
    (shown,) = await listed(billing, account.id)
    assert shown.request_count == 8
    assert shown.HasField("last_used_at")


async def test_the_secret_is_stored_nowhere(billing: Billing, tables: asyncpg.Connection) -> None:
    account = await billing.account()
    key = await billing.key(account.id)
    for table in ("api_keys", "key_digests", "requests", "audit_entries"):
        rows = await tables.fetch(f"SELECT t::text AS line FROM {table} AS t")  # noqa: S608
        assert rows
        assert not [row for row in rows if key.secret in row["line"]]
