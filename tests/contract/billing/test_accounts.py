"""Accounts over gRPC: made once, changed by rule, each change in an audit that only grows."""

import hashlib
import json

import asyncpg
import pytest

from gesso.billing.v1 import billing_pb2 as pb
from servicekit.faults import Fault
from testkit.database import Database
from testkit.identities import caller_token, link_as

from .client import Billing, admission, request_id, settlement


async def audit(billing: Billing, account_id: str = "", page_size: int = 0) -> list[pb.AuditEntry]:
    entries: list[pb.AuditEntry] = []
    request = pb.ListAuditEntriesRequest(account_id=account_id, page_size=page_size)
    while True:
        page = await billing.link.call(billing.audit.ListAuditEntries, request)
        entries += page.entries
        if not page.next_page_token:
            return entries
        request.page_token = page.next_page_token


async def test_an_account_begins_active_with_its_grant(billing: Billing) -> None:
    account = await billing.account(grant_micros=50_000_000)
    assert account.state == pb.ACCOUNT_STATE_ACTIVE
    assert account.balance.available_micros == 50_000_000
    assert await billing.link.call(billing.accounts.GetAccount, pb.GetAccountRequest(account_id=account.id)) == account


async def test_a_repeated_create_is_the_same_account_and_other_contents_a_conflict(billing: Billing) -> None:
    request = pb.CreateAccountRequest(request_id=request_id(), name="Ada", plan="pro", grant_micros=5)
    first = await billing.link.call(billing.accounts.CreateAccount, request)
    assert await billing.link.call(billing.accounts.CreateAccount, request) == first
    request.name = "Grace"
    with pytest.raises(Fault, match="request_id") as refused:
        await billing.link.call(billing.accounts.CreateAccount, request)
    assert refused.value.reason_name == "CONFLICT"


async def test_a_request_of_a_version_without_addresses_is_still_known(
    billing: Billing, tables: asyncpg.Connection
) -> None:
    contents = json.dumps(["CreateAccount", "Demo", "pro", 5])
    first = await billing.account(name="Demo", grant_micros=5)
    await tables.execute(
        "INSERT INTO requests (request_id, fingerprint, subject_id, created_at) VALUES ('demo', $1, $2, now())",
        hashlib.sha256(contents.encode()).digest(),
        first.id,
    )
    request = pb.CreateAccountRequest(request_id="demo", name="Demo", plan="pro", grant_micros=5)
    assert await billing.link.call(billing.accounts.CreateAccount, request) == first


@pytest.mark.parametrize(
    ("field", "request_"),
    [
        ("request_id", pb.CreateAccountRequest(name="Ada", plan="pro")),
        ("name", pb.CreateAccountRequest(request_id="r", name=" ", plan="pro")),
        ("name", pb.CreateAccountRequest(request_id="r", name="a\x00b", plan="pro")),
        ("plan", pb.CreateAccountRequest(request_id="r", name="Ada", plan="gold")),
        ("grant_micros", pb.CreateAccountRequest(request_id="r", name="Ada", plan="pro", grant_micros=-1)),
        ("email", pb.CreateAccountRequest(request_id="r", name="Ada", plan="pro", email="ada at home")),
    ],
)
async def test_a_wrong_field_is_named(billing: Billing, field: str, request_: pb.CreateAccountRequest) -> None:
    with pytest.raises(Fault) as refused:
        await billing.link.call(billing.accounts.CreateAccount, request_)
    assert refused.value.details == {"field": field}


async def test_a_suspended_or_closed_account_may_be_activated_again(billing: Billing) -> None:
    account = await billing.account()
    suspended, closed, active = pb.ACCOUNT_STATE_SUSPENDED, pb.ACCOUNT_STATE_CLOSED, pb.ACCOUNT_STATE_ACTIVE
    for state in (suspended, active, closed, closed, active, closed, suspended, closed):
        assert (await billing.update(pb.UpdateAccountRequest(account_id=account.id, state=state))).state == state


async def test_an_account_that_stays_closed_stays_as_it_is(billing: Billing) -> None:
    account = await billing.account()
    await billing.update(pb.UpdateAccountRequest(account_id=account.id, state=pb.ACCOUNT_STATE_CLOSED))
    with pytest.raises(Fault) as refused:
        await billing.update(pb.UpdateAccountRequest(account_id=account.id, plan="free"))
    assert refused.value.reason_name == "CONFLICT"
    opened = pb.UpdateAccountRequest(account_id=account.id, plan="free", state=pb.ACCOUNT_STATE_ACTIVE)
    assert (await billing.update(opened)).plan == "free"


async def test_a_plan_brings_its_subscription_and_free_takes_it_away(billing: Billing) -> None:
    account = await billing.account(plan="free")
    assert (await billing.update(pb.UpdateAccountRequest(account_id=account.id, plan="pro"))).subscription.active
    ended = await billing.update(pb.UpdateAccountRequest(account_id=account.id, subscription_active=False))
    assert (ended.plan, ended.subscription.active) == ("pro", False)
    assert not (await billing.update(pb.UpdateAccountRequest(account_id=account.id, plan="free"))).subscription.active
    with pytest.raises(Fault, match="no subscription"):
        await billing.update(pb.UpdateAccountRequest(account_id=account.id, subscription_active=True))


async def test_limit_overrides_are_set_removed_and_checked(billing: Billing) -> None:
    account = await billing.account()
    both = pb.UpdateAccountRequest(account_id=account.id, set_limits={"imagegen.minute": 600, "openai.day": 0})
    assert dict((await billing.update(both)).limits) == {"imagegen.minute": 600, "openai.day": 0}
    left = await billing.update(pb.UpdateAccountRequest(account_id=account.id, remove_limits=["openai.day"]))
    assert dict(left.limits) == {"imagegen.minute": 600}
    for wrong in ({"imagegen.week": 1}, {"morse.minute": 1}, {"imagegen.minute": -1}, {"storage_mb": 2**31}):
        with pytest.raises(Fault):
            await billing.update(pb.UpdateAccountRequest(account_id=account.id, set_limits=wrong))


async def test_accounts_are_listed_oldest_first_page_by_page(billing: Billing) -> None:
    ids = [(await billing.account()).id for _ in range(5)]
    request, listed = pb.ListAccountsRequest(page_size=2), []
    while True:
        page = await billing.link.call(billing.accounts.ListAccounts, request)
        listed += [account.id for account in page.accounts]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert sorted(listed) == sorted(ids)
    assert [i[:15] for i in listed] == [i[:15] for i in ids]


async def test_every_change_is_audited_with_who_and_what(billing: Billing) -> None:
    account = await billing.account(grant_micros=10)
    key = await billing.key(account.id)
    async with link_as("gateway", billing.address) as edge:
        await edge.call(
            Billing(edge, billing.address).api_keys.RevokeApiKey,
            pb.RevokeApiKeyRequest(account_id=account.id, api_key_id=key.id),
            caller_token=caller_token(account.id),
        )
    await billing.update(pb.UpdateAccountRequest(account_id=account.id, state=pb.ACCOUNT_STATE_SUSPENDED))
    await billing.budget(account.id, 100)

    entries = await audit(billing, account.id, page_size=2)

    assert [(entry.actor, entry.action) for entry in reversed(entries)] == [
        ("operator", "account.created"),
        ("operator", "credits.granted"),
        ("operator", "api_key.created"),
        ("gateway", "api_key.revoked"),
        ("operator", "account.suspended"),
        ("operator", "budget.set"),
    ]
    assert json.loads(entries[-2].detail_json) == {"amount_micros": 10, "cause": "account created"}
    assert entries[2].subject_id == key.id
    assert all(entry.request_id for entry in entries[3:])


@pytest.mark.parametrize("statement", ["UPDATE {} SET account_id = ''", "DELETE FROM {}", "TRUNCATE {}"])
@pytest.mark.parametrize("table", ["journal_entries", "audit_entries"])
async def test_journal_and_audit_refuse_every_change(
    billing: Billing, tables: asyncpg.Connection, table: str, statement: str
) -> None:
    await billing.account(grant_micros=10)
    with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
        await tables.execute(statement.format(table))
    assert await tables.fetchval(f"SELECT count(*) FROM {table}") > 0  # noqa: S608


async def test_the_wallet_itself_refuses_to_be_overdrawn(billing: Billing, tables: asyncpg.Connection) -> None:
    account = await billing.account(grant_micros=10)
    for statement in ("held_micros = 11", "held_micros = -1", "posted_micros = -1"):
        with pytest.raises(asyncpg.CheckViolationError):
            await tables.execute(f"UPDATE accounts SET {statement} WHERE id = $1", account.id)  # noqa: S608


@pytest.mark.parametrize(
    ("tampering", "invariant"),
    [
        ("UPDATE accounts SET posted_micros = posted_micros + 1", "posted_is_sum_of_postings"),
        ("UPDATE accounts SET held_micros = held_micros + 1", "held_is_sum_of_open_holds"),
        (
            "UPDATE holds SET captured_micros = captured_micros - 1 WHERE state = 'captured'",
            "one_capture_per_captured_hold",
        ),
        ("UPDATE holds SET refunded_micros = 1 WHERE state = 'captured'", "refunds_are_booked"),
        ("UPDATE budgets SET spent_micros = spent_micros + 1", "budget_counts_its_holds"),
        ("UPDATE accounts SET budgets = 0", "budgets_are_counted"),
        ("DELETE FROM holds WHERE state = 'captured'", "one_capture_per_captured_hold"),
    ],
)
async def test_books_that_somebody_edited_are_found_wrong(
    billing: Billing, database: Database, tampering: str, invariant: str
) -> None:
    account = await billing.account(grant_micros=1_000)
    await billing.budget(account.id, 900)
    first, second = admission(account.id, 100), admission(account.id, 100)
    await billing.admit(first, second)
    await billing.settle(settlement(first, 60))
    assert await billing.breaches() == []

    connection = await asyncpg.connect(database.admin_url, server_settings={"search_path": "billing"})
    await connection.execute(tampering)
    await connection.close()

    assert invariant in {breach.partition(" ")[0] for breach in await billing.breaches()}
