"""The BIG API against the whole platform: what is drawn, charged, listed and counted is one account's story."""

import asyncio
import datetime
from collections.abc import Mapping
from typing import Any

from testkit.eventually import eventually
from testkit.platform import Account, Answer, PlatformUnderTest
from testkit.upstreams.base import Behaviour
from testkit.upstreams.openai import OpenAIUpstream

CREATE = "/v1/jobs/create"
DALLE = {"prompt": "A serene mountain landscape", "provider": "dalle", "size": "1024x1024"}


class Client:
    """One customer of the API."""

    def __init__(self, platform: PlatformUnderTest, account: Account) -> None:
        self._platform = platform
        self._account = account

    async def create(self, *tasks: Mapping[str, Any], query: str = "") -> Answer:
        return await self.ask("POST", CREATE + query, {"tasks": tasks})

    async def ask(self, method: str, path: str, body: Any = None, api_key: str = "") -> Answer:
        return await self._platform.ask(method, path, api_key=api_key or self._account.api_key, json=body)


async def test_a_job_is_drawn_charged_listed_and_counted(
    platform: PlatformUnderTest, account: Account, upstream: OpenAIUpstream
) -> None:
    client = Client(platform, account)
    drawn = await client.create(DALLE, {**DALLE, "prompt": "[[refusal]] a fox"}, {**DALLE, "size": "1792x1024"})
    assert drawn.status == 200
    body = drawn.json
    assert (body["message"], body["successful"], body["failed"]) == ("Job completed with errors", 2, 1)
    assert (body["credits_used"], body["credits_remaining"]) == (20, 9_980)
    assert [result["status"] for result in body["results"]] == ["Success", "Failed", "Success"]
    assert body["results"][1]["error"]
    for result in (body["results"][0], body["results"][2]):
        assert (await platform.ask("GET", result["imageUrl"])).status == 200
    assert (await platform.settled(account)).posted_micros == 49_900_000

    job_id = drawn.headers["X-Gesso-Job-Id"]
    shown = await client.ask("GET", f"/v1/jobs/{job_id}")
    assert (shown.status, shown.json) == (200, body)
    listed = (await client.ask("GET", "/v1/jobs")).json
    assert [(job["job_id"], job["credits_used"]) for job in listed["jobs"]] == [(job_id, 20)]

    stats = (await client.ask("GET", "/v1/dashboard/stats")).json
    assert (stats["credits_remaining"], stats["total_credits_used"]) == (9_980, 20)
    assert (stats["total_images_generated"], stats["success_rate"]) == (2, 66.67)
    assert stats["provider_usage"] == {"dalle": 3}
    assert [task["task_id"] for task in stats["recent_activity"]] == [f"{job_id}/{index}" for index in range(3)]

    async def counted() -> Any:
        usage = (await client.ask("GET", "/v1/dashboard/usage?period=24h")).json
        assert usage["total_calls"] == 1
        return usage

    usage = await eventually(counted)
    assert (usage["total_credits"], len(usage["daily_usage"])) == (20, 24)
    assert usage["provider_usage"] == [{"provider": "dalle", "calls": 3, "credits": 20}]
    assert sum(row["credits"] for row in usage["daily_usage"]) == 20


async def test_an_asynchronous_job_is_polled_while_it_runs(
    platform: PlatformUnderTest, account: Account, upstream: OpenAIUpstream
) -> None:
    client = Client(platform, account)
    gate = asyncio.Event()
    upstream.script.append(Behaviour("slow", gate=gate))
    accepted = await client.ask("POST", CREATE, {"tasks": [DALLE], "async": True})
    assert (accepted.status, accepted.json["message"], accepted.json["total_tasks"]) == (202, "Job accepted", 1)
    await eventually(lambda: upstream.purchases == 1)
    running = (await client.ask("GET", accepted.json["status_url"])).json
    assert (running["message"], running["credits_used"], running["credits_remaining"]) == ("Job running", 0, 9_990)
    assert running["results"][0]["status"] == "Running"
    gate.set()

    async def ended() -> Any:
        answer = await client.ask("GET", accepted.headers["Location"])
        assert answer.json["message"] != "Job running"
        return answer.json

    finished = await eventually(ended)
    assert (finished["message"], finished["credits_used"]) == ("Job completed successfully", 10)


async def test_gpt_image_1_is_drawn_with_the_tasks_own_key(
    platform: PlatformUnderTest, account: Account, upstream: OpenAIUpstream
) -> None:
    client = Client(platform, account)
    task = {"prompt": "Cyberpunk cityscape at twilight", "provider": "gpt-image-1", "image_size": "1024x1024"}
    refused = await client.create(DALLE, task)
    assert (refused.status, refused.json["code"]) == (400, "PROVIDER_KEY_REQUIRED")
    assert "tasks[1].openai_api_key" in refused.json["message"]
    assert upstream.purchases == 0
    drawn = await client.create({**task, "openai_api_key": "sk-of-the-caller"})
    assert (drawn.status, drawn.json["message"], drawn.json["credits_used"]) == (200, "Job completed successfully", 11)
    (bought,) = upstream.requests
    assert bought.headers["Authorization"] == "Bearer sk-of-the-caller"


async def test_a_price_is_told_without_drawing(
    platform: PlatformUnderTest, account: Account, upstream: OpenAIUpstream
) -> None:
    priced = await Client(platform, account).create(DALLE, DALLE, query="?dry_run=true")
    assert (priced.status, priced.json) == (200, {"dry_run": True, "cost": 20, "cost_usd": 0.1})
    assert upstream.purchases == 0


async def test_missing_credits_are_told_in_credits(platform: PlatformUnderTest) -> None:
    poor = await platform.account(usd=0.05)
    answer = await Client(platform, poor).create(DALLE, DALLE)
    assert (answer.status, answer.json["error"]) == (402, "Insufficient credits")
    assert (answer.json["credits_needed"], answer.json["credits_available"]) == (20, 10)


async def test_keys_are_made_used_rotated_and_revoked(platform: PlatformUnderTest, account: Account) -> None:
    client = Client(platform, account)
    made = (await client.ask("POST", "/v1/api-keys", {"name": "Production Key"})).json
    assert (made["id"], made["key"].startswith("big_live_")) == ("key_002", True)
    assert made["created_at"] == datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d")
    assert (await client.ask("GET", "/v1/api-keys", api_key=made["key"])).status == 200
    listed = (await client.ask("GET", "/v1/api-keys")).json["api_keys"]
    assert [key["id"] for key in listed] == ["key_001", "key_002"]
    assert listed[1]["key"] == f"{made['key'][:12]}...{made['key'][-3:]}"

    rotated = await client.ask("POST", "/v1/api-keys/key_002/rotate")
    assert (rotated.status, rotated.json["id"]) == (200, "key_002")
    assert rotated.json["key"] != made["key"]
    for key in (made["key"], rotated.json["key"]):
        assert (await client.ask("GET", "/v1/api-keys", api_key=key)).status == 200

    assert (await client.ask("DELETE", "/v1/api-keys/key_002")).status == 200

    async def refused() -> Answer:
        answer = await client.ask("GET", "/v1/api-keys", api_key=rotated.json["key"])
        assert answer.status == 403
        return answer

    assert (await eventually(refused)).json["code"] == "API_KEY_REVOKED"
    assert [key["id"] for key in (await client.ask("GET", "/v1/api-keys")).json["api_keys"]] == ["key_001"]
