"""Preferences, prompt policy and address over gRPC, and what of them the other services are told."""

import pytest

from gesso.billing.v1 import billing_pb2 as pb
from servicekit.faults import Fault
from servicekit.tokens import open_token
from testkit.identities import CALLER_TOKEN_KEY, caller_token, link_as

from .client import Billing, Replica, request_id


async def claims_of(billing: Billing, key: pb.ApiKey) -> pb.CallerClaims:
    return open_token((await billing.caller(key)).token, CALLER_TOKEN_KEY)


async def test_a_new_account_has_the_platforms_preferences(billing: Billing) -> None:
    account = await billing.account()
    key = await billing.key(account.id)
    caller, claims = await billing.caller(key), await claims_of(billing, key)
    assert account.preferences == caller.preferences == pb.Preferences()
    assert (claims.relaxes_safety, dict(claims.safety)) == (False, {})


async def test_a_preference_is_seen_by_the_next_request_on_any_replica(replica: Replica) -> None:
    async with replica() as one, replica() as other:
        account = await one.account()
        key = await one.key(account.id)
        wanted = pb.Preferences(default_size="512x512", auto_save_gallery=False)
        assert (await one.set_preferences(account.id, wanted)).preferences == wanted
        assert (await other.caller(key)).preferences == wanted

        both = await other.set_preferences(account.id, pb.Preferences(default_model="flux-pro"))
        assert both.preferences == pb.Preferences(
            default_model="flux-pro", default_size="512x512", auto_save_gallery=False
        )


@pytest.mark.parametrize(("nsfw_filter", "relaxes"), [(False, True), (True, False)])
async def test_the_filter_turned_off_is_said_in_the_callers_token(
    billing: Billing, nsfw_filter: bool, relaxes: bool
) -> None:
    account = await billing.account()
    key = await billing.key(account.id)
    await billing.set_preferences(account.id, pb.Preferences(nsfw_filter=nsfw_filter))
    assert (await claims_of(billing, key)).relaxes_safety is relaxes


async def test_a_wrong_preference_changes_nothing(billing: Billing) -> None:
    account = await billing.account()
    with pytest.raises(Fault) as refused:
        await billing.set_preferences(account.id, pb.Preferences(nsfw_filter=False, default_size="1000x1001"))
    assert refused.value.details == {"field": "preferences.default_size"}
    shown = await billing.link.call(billing.accounts.GetAccount, pb.GetAccountRequest(account_id=account.id))
    assert shown.preferences == pb.Preferences()


async def test_the_edge_sets_what_its_caller_prefers_and_the_audit_says_so(billing: Billing) -> None:
    account = await billing.account()
    async with link_as("gateway", billing.address) as edge:
        request = pb.SetPreferencesRequest(account_id=account.id, preferences=pb.Preferences(nsfw_filter=True))
        for _ in range(2):
            await edge.call(
                Billing(edge, billing.address).accounts.SetPreferences, request, caller_token=caller_token(account.id)
            )
    audit = pb.ListAuditEntriesRequest(account_id=account.id)
    entries = (await billing.link.call(billing.audit.ListAuditEntries, audit)).entries
    assert [(e.actor, e.action) for e in entries if "preferences" in e.action] == [
        ("gateway", "account.preferences_changed")
    ]


async def test_the_operators_policy_for_an_account_is_said_in_the_callers_token(billing: Billing) -> None:
    account = await billing.account()
    key = await billing.key(account.id)
    policy = {"violence": "off", "persons": "flag"}
    changed = await billing.update(pb.UpdateAccountRequest(account_id=account.id, set_safety=policy))
    assert dict(changed.safety) == policy
    assert dict((await claims_of(billing, key)).safety) == policy

    await billing.update(pb.UpdateAccountRequest(account_id=account.id, set_safety={"violence": ""}))
    assert dict((await claims_of(billing, key)).safety) == {"persons": "flag"}


async def test_an_account_has_the_address_that_it_was_made_with_until_that_is_changed(billing: Billing) -> None:
    request = pb.CreateAccountRequest(request_id=request_id(), name="Ada", plan="pro", email="ada@example.com")
    account = await billing.link.call(billing.accounts.CreateAccount, request)
    assert account.email == "ada@example.com"
    request.email = "grace@example.com"
    with pytest.raises(Fault, match="request_id"):
        await billing.link.call(billing.accounts.CreateAccount, request)
    assert (await billing.update(pb.UpdateAccountRequest(account_id=account.id, email=""))).email == ""


@pytest.mark.parametrize(("plan", "storage_mb"), [("free", 512), ("pro", 10_240), ("enterprise", 0)])
async def test_an_account_shows_the_storage_of_its_plan(billing: Billing, plan: str, storage_mb: int) -> None:
    account = await billing.account(plan=plan)
    assert account.storage_mb == storage_mb
    listed = await billing.link.call(billing.accounts.ListAccounts, pb.ListAccountsRequest())
    assert [each.storage_mb for each in listed.accounts] == [storage_mb]
