"""Keys, accounts, limits and maintenance take hold at the edge, and within the seconds that the contract promises."""

import asyncio

from testkit.eventually import eventually
from testkit.platform import MODEL, Account, PlatformUnderTest
from testkit.upstreams.openai import OpenAIUpstream

REVOCATION_SECONDS = 5.0
"""Source: the contract: a revoked key is refused everywhere within 5 s."""


async def statuses(platform: PlatformUnderTest, account: Account) -> int:
    return (await platform.ask("GET", "/v1/models", api_key=account.api_key)).status


async def test_a_revoked_key_is_refused_within_five_seconds(platform: PlatformUnderTest, account: Account) -> None:
    assert await statuses(platform, account) == 200
    listed = await platform.gesso("keys", "list", account.id, "--json")
    revoked = await platform.gesso("keys", "revoke", listed.json[0]["id"], "--json")
    revoked_at = asyncio.get_running_loop().time()
    assert revoked.json["state"] == "revoked"

    async def refused() -> None:
        assert await statuses(platform, account) == 401

    await eventually(refused, timeout_seconds=REVOCATION_SECONDS + 1)
    assert asyncio.get_running_loop().time() - revoked_at < REVOCATION_SECONDS + 1
    answer = await platform.generate(account, {"model": "sketch", "prompt": "A fox"})
    assert (answer.status, answer.error["code"]) == (401, "invalid_api_key")


async def test_a_second_key_of_the_account_goes_on_working(platform: PlatformUnderTest, account: Account) -> None:
    made = await platform.gesso("keys", "create", account.id, "--name", "second", "--json")
    second = Account(account.id, made.json["api_key"])
    assert await statuses(platform, second) == 200
    listed = await platform.gesso("keys", "list", account.id, "--json")
    assert all(second.api_key not in str(key) for key in listed.json), "a key is shown once"
    first = next(key for key in listed.json if key["name"] == "first")
    await platform.gesso("keys", "revoke", first["id"])
    await eventually(lambda: _is(platform, account, 401), timeout_seconds=REVOCATION_SECONDS + 1)
    assert await statuses(platform, second) == 200


async def _is(platform: PlatformUnderTest, account: Account, status: int) -> bool:
    return await statuses(platform, account) == status


async def test_a_suspended_account_is_403_until_it_is_active_again(
    platform: PlatformUnderTest, account: Account, upstream: OpenAIUpstream
) -> None:
    assert await statuses(platform, account) == 200
    await platform.gesso("accounts", "set", account.id, "--state", "suspended")
    await eventually(lambda: _is(platform, account, 403), timeout_seconds=REVOCATION_SECONDS + 1)
    answer = await platform.generate(account, {"model": MODEL, "prompt": "A fox"})
    assert (answer.status, answer.error["code"]) == (403, "account_deactivated")
    assert not upstream.requests
    await platform.gesso("accounts", "set", account.id, "--state", "active")
    await eventually(lambda: _is(platform, account, 200), timeout_seconds=REVOCATION_SECONDS + 1)


async def test_a_limit_set_on_the_account_is_exact_and_says_when_to_come_back(platform: PlatformUnderTest) -> None:
    limited = await platform.account(plan="pro")
    await platform.gesso("accounts", "set", limited.id, "--limit", "openai.minute=5", "--limit", "openai.hour=5")
    answers = [await platform.ask("GET", "/v1/models", api_key=limited.api_key) for _ in range(7)]
    assert [answer.status for answer in answers] == [200] * 5 + [429] * 2
    assert answers[-1].error["code"] == "rate_limit_exceeded"
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 3600


async def test_maintenance_pauses_purchases_and_nothing_else(
    platform: PlatformUnderTest, account: Account, upstream: OpenAIUpstream
) -> None:
    drawn = await platform.generate(
        account, {"model": "sketch", "prompt": "A fox", "size": "64x64", "response_format": "url"}
    )
    on = await platform.gesso("maintenance", "on", "--retry-after", "30", "--json")
    assert on.json["maintenance"] == "on"
    try:

        async def paused() -> None:
            refused = await platform.generate(account, {"model": MODEL, "prompt": "A fox"})
            assert (refused.status, refused.error["code"]) == (503, "maintenance")
            assert refused.headers["Retry-After"] == "30"

        await eventually(paused)
        upstream.requests.clear()
        await paused()
        assert not upstream.requests
        job = drawn.headers["X-Gesso-Job-Id"]
        assert (await platform.ask("GET", f"/v1/images/jobs/{job}", api_key=account.api_key)).status == 200
        assert (await platform.ask("GET", drawn.json["data"][0]["url"])).status == 200
        assert await statuses(platform, account) == 200
    finally:
        await platform.gesso("maintenance", "off")
        await eventually(lambda: _buys(platform, account))


async def _buys(platform: PlatformUnderTest, account: Account) -> bool:
    return (await platform.generate(account, {"model": "sketch", "prompt": "A fox", "size": "64x64"})).status == 200


async def test_the_platform_says_in_public_which_of_its_parts_are_up(platform: PlatformUnderTest) -> None:
    status = await platform.ask("GET", "/status")
    parts = {"gateway", "billing", "generator", "gallery", "webhooks"}
    assert status.json == {"status": "up", "components": dict.fromkeys(parts, "up")}
    assert (await platform.ask("GET", "/healthz")).status == 200
    assert (await platform.ask("GET", "/readyz")).status == 200
    for url in platform.state.metrics.values():
        assert b"# TYPE" in (await platform.ask("GET", url)).body
