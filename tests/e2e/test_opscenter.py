"""Ops-Center's API through the whole platform: prices by plan, own keys, the balance, partial success."""

from typing import Any

import openai
import pytest

from testkit.platform import Account, PlatformUnderTest
from testkit.upstreams.base import Behaviour
from testkit.upstreams.openai import OpenAIUpstream

BASE = "/api/v1/llm"


async def _generate(platform: PlatformUnderTest, account: Account, **fields: Any) -> Any:
    body = {"prompt": "A unicorn", **fields}
    return await platform.ask("POST", f"{BASE}/image/generations", api_key=account.api_key, json=body)


@pytest.mark.parametrize(
    ("plan", "fields", "cost"),
    [
        ("pro", {}, 48.0),
        ("pro", {"quality": "hd"}, 96.0),
        ("pro", {"model": "dall-e-2", "n": 2}, 44.0),
        ("free", {}, 60.0),
        ("vip_founder", {"n": 2}, 80.0),
        ("enterprise", {"model": "dall-e-2", "size": "256x256"}, 16.0),
    ],
)
async def test_each_plan_pays_its_price(
    platform: PlatformUnderTest, upstream: OpenAIUpstream, plan: str, fields: dict[str, Any], cost: float
) -> None:
    account = await platform.account(plan=plan, usd=10.0)
    answer = await _generate(platform, account, **fields)
    assert answer.status == 200
    metadata = answer.json["_metadata"]
    assert metadata["provider_used"] == "OpenAI"
    assert (metadata["cost_incurred"], metadata["credits_remaining"]) == (cost, 10_000 - cost)
    assert metadata["images_generated"] == fields.get("n", 1)
    assert all(image["url"] for image in answer.json["data"])
    balance = await platform.settled(account)
    assert balance.available_micros == 10_000_000 - cost * 1_000
    shown = await platform.ask("GET", f"{BASE}/credits", api_key=account.api_key)
    assert shown.json == {
        "balance": 10_000 - cost,
        "tier": plan,
        "monthly_usage": {"credits": cost, "images": fields.get("n", 1)},
        "currency_value_usd": 0.001,
    }


async def test_what_fails_of_several_is_not_charged(platform: PlatformUnderTest, upstream: OpenAIUpstream) -> None:
    account = await platform.account(plan="vip_founder", usd=10.0)
    upstream.script.append(Behaviour("partial"))
    answer = await _generate(platform, account, n=3)
    assert (answer.status, len(answer.json["data"])) == (200, 2)
    assert answer.json["_metadata"]["cost_incurred"] == 80.0


async def test_an_own_key_draws_for_nothing_at_a_zero_balance(
    platform: PlatformUnderTest, upstream: OpenAIUpstream
) -> None:
    account = await platform.account(plan="pro", usd=0.0001)
    assert (await _generate(platform, account)).status == 402
    body = {"provider": "openai", "api_key": "sk-own-0123456789abcdef"}
    stored = await platform.ask("POST", f"{BASE}/byok/keys", api_key=account.api_key, json=body)
    assert (stored.status, stored.json["api_key"]) == (201, "sk-ow...def")
    answer = await _generate(platform, account)
    assert (answer.status, answer.json["_metadata"]["cost_incurred"]) == (200, 0.0)
    assert upstream.requests[-1].headers["Authorization"] == "Bearer sk-own-0123456789abcdef"
    shown = await platform.ask("GET", f"{BASE}/credits", api_key=account.api_key)
    assert shown.json["tier"] == "byok"
    listed = await platform.ask("GET", f"{BASE}/byok/keys", api_key=account.api_key)
    assert [key["provider"] for key in listed.json["keys"]] == ["openai"]
    gone = await platform.ask("DELETE", f"{BASE}/byok/keys/openai", api_key=account.api_key)
    assert gone.status == 200
    assert (await _generate(platform, account)).status == 402


async def test_a_key_for_a_provider_that_is_not_known_is_refused(platform: PlatformUnderTest, account: Account) -> None:
    body = {"provider": "nobody", "api_key": "sk-own-0123456789abcdef"}
    answer = await platform.ask("POST", f"{BASE}/byok/keys", api_key=account.api_key, json=body)
    assert (answer.status, answer.json["error"]["code"]) == (400, "invalid_value")


async def test_the_current_sdk_draws_streams_and_lists(
    platform: PlatformUnderTest, account: Account, upstream: OpenAIUpstream
) -> None:
    async with openai.AsyncOpenAI(api_key=account.api_key, base_url=platform.url + BASE, max_retries=0) as sdk:
        drawn = await sdk.images.generate(prompt="A unicorn", model="dall-e-3", quality="standard")
        assert drawn.data is not None
        assert drawn.data[0].revised_prompt == "A unicorn"
        stream = await sdk.images.generate(prompt="A unicorn", stream=True, partial_images=1)
        events = [event.type async for event in stream]
        assert events == ["image_generation.partial_image", "image_generation.completed"]
        listed = {model.id async for model in sdk.models.list()}
    assert listed == {"dall-e-2", "dall-e-3", "stable-diffusion-xl", "stable-diffusion-3", "sketch"}
