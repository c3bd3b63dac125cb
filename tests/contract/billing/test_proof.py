"""The edge speaks for the account of its caller alone: whatever request names an account needs that caller's token."""

from typing import Any

import pytest

from billing.access import ACCESS
from gesso.billing.v1 import billing_pb2 as pb
from servicekit.faults import Fault
from servicekit.identity import Access, parse_peers
from servicekit.link import Link
from testkit.identities import SHARED_ENVIRONMENT, TOKENS, caller_token, link_as

from .client import Billing

ACCOUNT, STRANGER = "acct_01hx0000000000000000000000", "acct_01hx0000000000000000000001"


def of_the_edge() -> list[str]:
    """Every method that the edge may call and whose request names an account, as `Service/Method`."""
    access = Access(parse_peers(SHARED_ENVIRONMENT["GESSO_PEERS"]), ACCESS)
    found = []
    for service in pb.DESCRIPTOR.services_by_name.values():
        for method in service.methods:
            try:
                access.check(f"/{service.full_name}/{method.name}", "gateway", TOKENS["gateway"])
            except Fault:
                continue
            if "account_id" in method.input_type.fields_by_name:
                found.append(f"{service.name}/{method.name}")
    return found


async def verdict(link: Link, path: str, token: bytes) -> str:
    """Call a method for the account; OK or the reason of its refusal."""
    service, _, name = path.partition("/")
    described = pb.DESCRIPTOR.services_by_name[service].methods_by_name[name]
    method: Any = link.channel.unary_unary(
        f"/{described.containing_service.full_name}/{name}",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=getattr(pb, described.output_type.name).FromString,
    )
    request = getattr(pb, described.input_type.name)(account_id=ACCOUNT)
    try:
        await link.call(method, request, caller_token=token)
    except Fault as fault:
        return fault.reason_name
    return "OK"


def test_the_edge_may_do_what_its_dialects_need() -> None:
    assert set(of_the_edge()) == {
        "Accounts/GetAccount",
        "Accounts/SetPreferences",
        "ApiKeys/CreateApiKey",
        "ApiKeys/ListApiKeys",
        "ApiKeys/RevokeApiKey",
        "ApiKeys/RotateApiKey",
        "Budgets/GetBudgets",
        "Budgets/SetBudget",
        "Ledger/GetBalance",
        "Limits/GetCalls",
    }


async def test_the_edge_needs_the_token_of_the_very_account(billing: Billing) -> None:
    own, strangers = caller_token(ACCOUNT), caller_token(STRANGER)
    forged = bytes([own[0] ^ 1]) + own[1:]
    async with link_as("gateway", billing.address) as edge:
        for path in of_the_edge():
            refused = [await verdict(edge, path, token) for token in (b"", strangers, forged, own[:20])]
            assert refused == ["FORBIDDEN"] * 4, path
            assert await verdict(edge, path, own) in {"NOT_FOUND", "INVALID_FIELD"}, path


async def test_the_operator_needs_no_token(billing: Billing) -> None:
    for path in of_the_edge():
        assert await verdict(billing.link, path, b"") in {"NOT_FOUND", "INVALID_FIELD"}, path


@pytest.mark.parametrize("service", ["generator", "gallery", "webhooks"])
async def test_the_services_inside_need_no_token(billing: Billing, service: str) -> None:
    async with link_as(service, billing.address) as link:
        assert await verdict(link, "Accounts/GetAccount", b"") == "NOT_FOUND"


async def test_the_edge_ends_no_key_without_naming_its_account(billing: Billing) -> None:
    key = await billing.key((await billing.account()).id)
    request = pb.RevokeApiKeyRequest(api_key_id=key.id)
    async with link_as("gateway", billing.address) as edge:
        with pytest.raises(Fault, match="another account"):
            await edge.call(
                Billing(edge, billing.address).api_keys.RevokeApiKey, request, caller_token=caller_token(ACCOUNT)
            )
