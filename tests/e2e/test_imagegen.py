"""The Image Generation API on the whole platform: the embedded engine draws, the gallery measures, billing charges."""

import asyncio
import base64
import json
from typing import Any

import pytest
import pyvips

from servicekit.ids import with_prefix
from testkit.eventually import eventually
from testkit.platform import MODEL, Account, Answer, PlatformUnderTest
from testkit.upstreams.openai import OpenAIUpstream
from testkit.webhooks import webhook_receiver

GENERATE = "/api/v2/generate/"
CREDIT_MICROS = 20_000


async def generate(platform: PlatformUnderTest, account: Account, route: str, **fields: Any) -> Answer:
    body = {"prompt": "A red fox under a full moon", "model": "sketch", **fields}
    return await platform.ask("POST", GENERATE + route, api_key=account.api_key, json=body)


async def read(platform: PlatformUnderTest, account: Account, path: str) -> Any:
    return (await platform.ask("GET", "/api/v2/" + path, api_key=account.api_key)).json


def painted(width: int, height: int) -> str:
    """A black PNG whose left half is white, as a data URI."""
    picture = pyvips.Image.black(width, height).draw_rect(255, 0, 0, width // 2, height, fill=True)
    return "data:image/png;base64," + base64.b64encode(picture.write_to_buffer(".png")).decode()


async def test_pictures_from_a_text_are_drawn_charged_and_served(platform: PlatformUnderTest, account: Account) -> None:
    answer = await generate(
        platform,
        account,
        "text-to-image",
        parameters={"width": 640, "height": 480, "num_outputs": 2, "seed": 7},
        style={"preset": "watercolor"},
        output={"format": "jpg", "quality": 80},
        metadata={"tags": ["fox"]},
    )
    body = answer.json
    assert (answer.status, body["status"], body["provider"]) == (200, "completed", "sketch")
    assert body["metadata"] == {"tags": ["fox"]}
    assert body["revised_prompt"].endswith("watercolor painting, soft washes, paper texture")
    assert [(image["width"], image["height"], image["format"]) for image in body["images"]] == [(640, 480, "jpg")] * 2
    assert [image["seed"] for image in body["images"]] == [7, 8]
    for image in body["images"]:
        served = await platform.ask("GET", image["url"])
        assert (served.status, len(served.body)) == (200, image["size_bytes"])
    assert body["cost"]["usd"] == float(answer.headers["X-Gesso-Cost-Usd"]) > 0
    balance = await platform.settled(account)
    assert balance.posted_micros == 50_000_000 - round(body["cost"]["usd"] * 1_000_000)
    assert await read(platform, account, f"generations/{body['id']}") == body
    (listed,) = (await read(platform, account, "generations"))["generations"]
    assert listed == body


async def test_a_source_gives_its_size_and_colours(platform: PlatformUnderTest, account: Account) -> None:
    answer = await generate(platform, account, "image-to-image", init_image=painted(203, 131))
    body = answer.json
    assert answer.status == 200, body
    assert [(image["width"], image["height"]) for image in body["images"]] == [(200, 128)]
    assert set(body["source_image"]["analysis"]["dominant_colors"]) == {"#FFFFFF", "#000000"}
    assert (await platform.ask("GET", body["source_image"]["url"])).status == 200


async def test_a_drawn_picture_is_inpainted_where_its_mask_is_white(
    platform: PlatformUnderTest, account: Account
) -> None:
    drawn = (await generate(platform, account, "text-to-image", parameters={"width": 256, "height": 128})).json
    answer = await generate(
        platform,
        account,
        "inpaint",
        init_image=drawn["images"][0]["image_id"],
        mask_image=painted(64, 32),
        mask_blur=4,
    )
    body = answer.json
    assert answer.status == 200, body
    assert body["id"] == with_prefix("inp", answer.headers["X-Gesso-Job-Id"])
    (image,) = body["images"]
    assert (image["width"], image["height"], image["mask_area_percentage"]) == (256, 128, 50)
    assert image["inpainted_regions"] == [{"x": 0, "y": 0, "width": 128, "height": 128}]
    left = await generate(
        platform,
        account,
        "inpaint",
        init_image=drawn["images"][0]["image_id"],
        mask_image=painted(64, 32),
        preserve_masked_area=True,
    )
    assert left.json["images"][0]["inpainted_regions"] == [{"x": 128, "y": 0, "width": 128, "height": 128}]


async def test_preferences_and_budgets_take_effect(platform: PlatformUnderTest, account: Account) -> None:
    wishes = {"default_model": "sketch", "default_size": "128x64"}
    changed = await platform.ask("PATCH", "/api/v2/user/profile", api_key=account.api_key, json={"preferences": wishes})
    assert changed.status == 200, changed.json
    answer = await platform.ask("POST", GENERATE + "text-to-image", api_key=account.api_key, json={"prompt": "A fox"})
    (image,) = answer.json["images"]
    assert (answer.json["model"], image["width"], image["height"]) == ("sketch", 128, 64)
    await platform.settled(account)
    budget = {"day": {"limit_usd": answer.json["cost"]["usd"]}, "alert_at_percent": [80]}
    limited = await platform.ask("PUT", "/api/v2/user/budget", api_key=account.api_key, json=budget)
    assert (limited.status, limited.json["day"]["remaining_usd"]) == (200, 0)
    refused = await generate(platform, account, "text-to-image")
    assert (refused.status, refused.json["error"]["code"]) == (402, "QUOTA_EXCEEDED")
    assert refused.json["error"]["details"]["period"] == "day"
    used = (await read(platform, account, "user/usage?period=7d"))["usage"]
    assert (used["images"], used["cost"]) == (1, answer.json["cost"])
    user = (await read(platform, account, "user/profile"))["user"]
    assert (user["id"], user["usage"]["images_generated_today"]) == (with_prefix("user", account.id), 1)


async def test_a_webhook_is_told_of_the_end(platform: PlatformUnderTest, account: Account) -> None:
    async with webhook_receiver() as receiver:
        answer = await generate(platform, account, "text-to-image", webhook_url=f"{receiver.url}/done")
        assert (answer.status, answer.json["status"]) == (202, "queued")
        await eventually(lambda: receiver.on("/done"), timeout_seconds=20)
        event = receiver.on("/done")[0].json
    assert (event["event"], event["data"]["generation_id"]) == ("generation.completed", answer.json["id"])
    shown = await read(platform, account, f"generations/{answer.json['id']}")
    assert [image["id"] for image in event["data"]["images"]] == [image["id"] for image in shown["images"]]


async def test_a_generation_is_followed_to_its_end(platform: PlatformUnderTest, account: Account) -> None:
    headers = {"Prefer": "respond-async", "X-API-Key": account.api_key}
    body = {"prompt": "A fox", "model": "sketch", "parameters": {"width": 64, "height": 64}}
    begun = await platform.ask("POST", GENERATE + "text-to-image", json=body, headers=headers)
    async with asyncio.timeout(20):
        events = await platform.ask("GET", begun.headers["Location"] + "/events", api_key=account.api_key)
    fields = [
        dict(line.split(": ", 1) for line in event.splitlines()) for event in events.body.decode().split("\n\n")[:-1]
    ]
    told = [(field["id"], field["event"]) for field in fields if "event" in field]
    assert told == [("1", "status"), ("2", "status"), ("3", "image"), ("4", "progress"), ("5", "completed")]
    assert json.loads(fields[-1]["data"]) == await read(platform, account, f"generations/{begun.json['id']}")
    ended = await platform.ask("DELETE", begun.headers["Location"], api_key=account.api_key)
    assert (ended.status, ended.json["error"]["code"]) == (409, "CONFLICT")


@pytest.mark.parametrize(
    ("model", "status", "code", "field"),
    [("midjourney-v6", 503, "MODEL_NOT_AVAILABLE", "model"), ("none", 400, "INVALID_REQUEST", "model")],
)
async def test_a_model_that_cannot_be_had_is_told(
    platform: PlatformUnderTest, account: Account, model: str, status: int, code: str, field: str
) -> None:
    answer = await generate(platform, account, "text-to-image", model=model)
    error = answer.json["error"]
    assert (answer.status, error["code"], error["details"]["field"]) == (status, code, field)
    assert (await platform.ask("GET", error["documentation_url"])).status == 200


async def test_refused_words_are_told_with_a_reason_and_a_suggestion(
    platform: PlatformUnderTest, account: Account
) -> None:
    answer = await generate(platform, account, "text-to-image", prompt="a nude woman")
    error = answer.json["error"]
    assert (answer.status, error["type"], error["code"]) == (400, "validation_error", "INVALID_PROMPT")
    assert (error["details"]["field"], error["details"]["reason"]) == ("prompt", "nsfw_content_detected")
    assert error["details"]["suggestion"]


async def test_a_result_of_another_size_is_made_what_was_asked_for(
    platform: PlatformUnderTest, account: Account, upstream: OpenAIUpstream
) -> None:
    answer = await generate(
        platform, account, "text-to-image", model=MODEL, parameters={"width": 512, "height": 304, "num_outputs": 1}
    )
    body = answer.json
    assert answer.status == 200, body
    (image,) = body["images"]
    assert (image["width"], image["height"]) == (512, 304)
    assert image["transformations_applied"]
    assert any("resized" in warning for warning in body["warnings"])
