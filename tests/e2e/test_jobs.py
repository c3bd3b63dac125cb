"""A call is a durable job with a wait: it can be polled, repeated, priced, and picked up by whoever lost the answer."""

import asyncio
from collections.abc import Mapping

import aiohttp
import pytest

from testkit.eventually import eventually
from testkit.platform import MODEL, Account, Answer, PlatformUnderTest
from testkit.upstreams.base import Behaviour
from testkit.upstreams.openai import OpenAIUpstream

DRAWING: Mapping[str, object] = {
    "model": MODEL,
    "prompt": "A fox",
    "size": "1024x1024",
    "quality": "low",
    "response_format": "url",
}
PRICE_MICROS = 6_000
ASYNC = {"Prefer": "respond-async"}


async def spent_micros(platform: PlatformUnderTest, account: Account) -> int:
    """What an account with 50 USD has paid once nothing of it is held any more."""
    return 50_000_000 - (await platform.settled(account)).posted_micros


async def polled(platform: PlatformUnderTest, account: Account, path: str) -> Answer:
    """Poll a job to its end."""

    async def ended() -> Answer:
        answer = await platform.ask("GET", path, api_key=account.api_key)
        assert answer.status != 202
        return answer

    return await eventually(ended)


async def test_an_asynchronous_call_is_acknowledged_at_once_and_polled(
    platform: PlatformUnderTest, account: Account, upstream: OpenAIUpstream
) -> None:
    gate = asyncio.Event()
    upstream.script.append(Behaviour("slow", gate=gate))
    accepted = await platform.generate(account, DRAWING, headers=ASYNC)
    assert accepted.status == 202
    job = accepted.json
    assert set(job) == {"id", "status", "status_url"}
    assert job["status_url"].endswith(accepted.headers["Location"])
    assert accepted.headers["X-Gesso-Job-Id"] == job["id"]
    await eventually(lambda: upstream.purchases == 1)

    unfinished = await platform.ask("GET", job["status_url"], api_key=account.api_key)
    assert (unfinished.status, unfinished.json["status"]) == (202, "running")
    assert int(unfinished.headers["Retry-After"]) >= 1
    assert (await platform.balance(account)).held_micros == PRICE_MICROS

    gate.set()
    finished = await polled(platform, account, job["status_url"])
    assert finished.status == 200
    assert (await platform.ask("GET", finished.json["data"][0]["url"])).status == 200
    assert float(finished.headers["X-Gesso-Cost-Usd"]) == pytest.approx(0.006)
    assert await spent_micros(platform, account) == PRICE_MICROS


async def test_polling_a_failed_job_gives_the_status_and_words_of_the_synchronous_call(
    platform: PlatformUnderTest, account: Account, upstream: OpenAIUpstream
) -> None:
    failing = {**DRAWING, "prompt": "[[truncated]] a fox"}
    direct = await platform.generate(account, failing)
    accepted = await platform.generate(account, failing, headers=ASYNC)
    fetched = await polled(platform, account, accepted.json["status_url"])
    assert (fetched.status, fetched.error) == (direct.status, direct.error)
    assert direct.status == 502


async def test_a_job_is_shown_to_its_owner_alone(platform: PlatformUnderTest, account: Account) -> None:
    drawn = await platform.generate(account, {"model": "sketch", "prompt": "A fox", "size": "64x64"})
    path = f"/v1/images/jobs/{drawn.headers['X-Gesso-Job-Id']}"
    assert (await platform.ask("GET", path, api_key=account.api_key)).body == drawn.body
    stranger = await platform.account()
    assert (await platform.ask("GET", path, api_key=stranger.api_key)).status == 404
    assert (await platform.ask("GET", "/v1/images/jobs/job_nonsense", api_key=account.api_key)).status == 404


async def test_a_repeated_idempotency_key_gives_the_same_answer_and_one_charge(
    platform: PlatformUnderTest, account: Account, upstream: OpenAIUpstream
) -> None:
    key = {"Idempotency-Key": "order-1"}
    first = await platform.generate(account, DRAWING, headers=key)
    again = await platform.generate(account, DRAWING, headers=key)
    assert (first.status, again.status) == (200, 200)
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.body == first.body
    assert again.headers["X-Gesso-Job-Id"] == first.headers["X-Gesso-Job-Id"]
    assert upstream.purchases == 1
    assert await spent_micros(platform, account) == PRICE_MICROS


async def test_the_same_key_belongs_to_each_account_by_itself(
    platform: PlatformUnderTest, account: Account, upstream: OpenAIUpstream
) -> None:
    other, key = await platform.account(), {"Idempotency-Key": "order-1"}
    first = await platform.generate(account, DRAWING, headers=key)
    second = await platform.generate(other, DRAWING, headers=key)
    assert first.headers["X-Gesso-Job-Id"] != second.headers["X-Gesso-Job-Id"]
    assert upstream.purchases == 2


async def test_an_idempotency_key_with_other_content_is_a_conflict(
    platform: PlatformUnderTest, account: Account, upstream: OpenAIUpstream
) -> None:
    key = {"Idempotency-Key": "order-1"}
    await platform.generate(account, DRAWING, headers=key)
    other = await platform.generate(account, {**DRAWING, "prompt": "A hare"}, headers=key)
    assert (other.status, other.error["code"]) == (409, "idempotency_key_in_use")
    assert upstream.purchases == 1


async def test_an_idempotency_key_whose_job_still_runs_is_a_conflict_for_now(
    platform: PlatformUnderTest, account: Account, upstream: OpenAIUpstream
) -> None:
    gate, key = asyncio.Event(), {"Idempotency-Key": "order-1"}
    upstream.script.append(Behaviour("slow", gate=gate))
    first = asyncio.create_task(platform.generate(account, DRAWING, headers=key))
    await eventually(lambda: upstream.purchases == 1)
    again = await platform.generate(account, DRAWING, headers=key)
    assert (again.status, again.error["code"]) == (409, "idempotency_key_running")
    assert int(again.headers["Retry-After"]) >= 1
    gate.set()
    assert (await first).status == 200


async def test_a_request_that_was_refused_leaves_its_key_free(
    platform: PlatformUnderTest, upstream: OpenAIUpstream
) -> None:
    account, key = await platform.account(usd=0), {"Idempotency-Key": "order-1"}
    assert (await platform.generate(account, {**DRAWING, "n": 0}, headers=key)).status == 400
    assert (await platform.generate(account, DRAWING, headers=key)).status == 402
    await platform.gesso("credits", "grant", account.id, "--usd", "1")
    paid = await platform.generate(account, DRAWING, headers=key)
    assert (paid.status, paid.headers.get("Idempotent-Replayed")) == (200, None)


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\tinside", "h\u00e4ßlich"])
async def test_an_ill_formed_idempotency_key_is_refused(
    platform: PlatformUnderTest, account: Account, upstream: OpenAIUpstream, key: str
) -> None:
    answer = await platform.generate(account, DRAWING, headers={"Idempotency-Key": key})
    assert (answer.status, answer.error["param"]) == (400, "Idempotency-Key")
    assert not upstream.requests


async def test_many_at_once_with_one_key_are_one_job(
    platform: PlatformUnderTest, account: Account, upstream: OpenAIUpstream
) -> None:
    key = {"Idempotency-Key": "order-1"}
    answers = await asyncio.gather(*(platform.generate(account, DRAWING, headers=key) for _ in range(16)))
    assert {answer.status for answer in answers} <= {200, 409}
    jobs = {answer.headers["X-Gesso-Job-Id"] for answer in answers if answer.status == 200}
    assert len(jobs) == 1
    assert upstream.purchases == 1
    assert await spent_micros(platform, account) == PRICE_MICROS


async def test_a_dropped_connection_loses_no_picture_that_was_bought(
    platform: PlatformUnderTest, account: Account, upstream: OpenAIUpstream
) -> None:
    gate, key = asyncio.Event(), {"Idempotency-Key": "order-1"}
    upstream.script.append(Behaviour("slow", gate=gate))
    async with aiohttp.ClientSession() as leaving:
        request = leaving.post(
            f"{platform.url}/v1/images/generations",
            json=dict(DRAWING),
            headers={"Authorization": f"Bearer {account.api_key}", **key},
        )
        waiting = asyncio.ensure_future(request)
        await eventually(lambda: upstream.purchases == 1)
        waiting.cancel()
    gate.set()

    async def picked_up() -> Answer:
        answer = await platform.generate(account, DRAWING, headers=key)
        assert answer.status == 200
        return answer

    assert (await eventually(picked_up)).headers["Idempotent-Replayed"] == "true"
    assert upstream.purchases == 1
    assert await spent_micros(platform, account) == PRICE_MICROS


async def test_a_dry_run_prices_without_running(
    platform: PlatformUnderTest, account: Account, upstream: OpenAIUpstream
) -> None:
    path = "/v1/images/generations?dry_run=true"
    priced = await platform.ask("POST", path, api_key=account.api_key, json={**DRAWING, "n": 3})
    assert (priced.status, priced.json) == (200, {"dry_run": True, "cost": 0.018, "cost_usd": 0.018})
    bad = await platform.ask("POST", path, api_key=account.api_key, json={**DRAWING, "n": 0})
    assert (bad.status, bad.error["param"]) == (400, "n")
    assert not upstream.requests
    assert await spent_micros(platform, account) == 0


async def test_a_retry_of_the_sdk_joins_the_job_of_its_first_attempt(
    platform: PlatformUnderTest, account: Account, upstream: OpenAIUpstream
) -> None:
    first = await platform.generate(account, DRAWING)
    retried = await platform.generate(account, DRAWING, headers={"x-stainless-retry-count": "1"})
    assert retried.headers["X-Gesso-Job-Id"] == first.headers["X-Gesso-Job-Id"]
    assert upstream.purchases == 1
    fresh = await platform.generate(account, DRAWING, headers={"x-stainless-retry-count": "0"})
    assert fresh.headers["X-Gesso-Job-Id"] != first.headers["X-Gesso-Job-Id"]


async def test_a_well_formed_request_id_is_taken_over(platform: PlatformUnderTest, account: Account) -> None:
    answer = await platform.ask("GET", "/v1/models", api_key=account.api_key, headers={"X-Request-ID": "trace-7"})
    assert answer.headers["X-Request-ID"] == "trace-7"
    made = await platform.ask("GET", "/v1/models", api_key=account.api_key)
    assert made.headers["X-Request-ID"]
