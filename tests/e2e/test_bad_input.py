"""Whatever is wrong with a request, the answer says what in OpenAI's words, names the field, and nothing is bought."""

import json

import pytest

from testkit.platform import MODEL, Account, PlatformUnderTest
from testkit.upstreams.openai import OpenAIUpstream

GENERATIONS = "/v1/images/generations"
JSON = {"Content-Type": "application/json"}

BAD_FIELDS: tuple[tuple[str, object], ...] = (
    ("prompt", ""),
    ("prompt", "   \n\t"),
    ("prompt", "x" * 100_000),
    ("prompt", 7),
    ("prompt", None),
    ("prompt", ["a fox"]),
    ("prompt", "nul \x00 inside"),
    ("model", 7),
    ("model", ""),
    ("n", 0),
    ("n", 11),
    ("n", -1),
    ("n", 1.5),
    ("n", "two"),
    ("n", True),
    ("n", 10**30),
    ("size", "1024"),
    ("size", "1024x"),
    ("size", "0x0"),
    ("size", "-1x1024"),
    ("size", "99999x99999"),
    ("size", "1024X1024"),
    ("size", 1024),
    ("quality", "best"),
    ("style", "baroque"),
    ("background", "checkered"),
    ("moderation", "none"),
    ("output_format", "bmp"),
    ("output_compression", 101),
    ("output_compression", -1),
    ("response_format", "html"),
    ("user", 5),
    ("stream", "yes"),
    ("partial_images", 4),
)


@pytest.mark.parametrize(("field", "value"), BAD_FIELDS, ids=lambda value: repr(value)[:24])
async def test_a_bad_field_is_named(
    platform: PlatformUnderTest, account: Account, upstream: OpenAIUpstream, field: str, value: object
) -> None:
    answer = await platform.generate(account, {"model": MODEL, "prompt": "A fox", field: value})
    assert (answer.status, answer.error["param"], answer.error["type"]) == (400, field, "invalid_request_error")
    assert field in answer.error["message"]
    assert not upstream.requests


BAD_BODIES: dict[str, bytes] = {
    "empty": b"",
    "no JSON": b"{prompt: fox}",
    "cut off": b'{"model": "sketch", "prompt": "A fo',
    "an array": b'[{"prompt": "A fox"}]',
    "a text": b'"A fox"',
    "null": b"null",
    "not UTF-8": b'{"model": "sketch", "prompt": "\xff\xfe"}',
    "two values": b'{"model": "sketch", "prompt": "A fox"}{}',
    "NaN": b'{"model": "sketch", "prompt": "A fox", "n": NaN}',
    "infinity": b'{"model": "sketch", "prompt": "A fox", "n": -Infinity}',
    "NaN in an unknown field": b'{"model": "sketch", "prompt": "A fox", "more": NaN}',
    "65 levels": b'{"model": "sketch", "prompt": "A fox", "more": ' + b"[" * 64 + b"]" * 64 + b"}",
    "a million levels": b'{"model": "sketch", "prompt": "A fox", "more": ' + b"[" * 1_000_000,
    "a lone surrogate": b'{"model": "sketch", "prompt": "\\ud800"}',
}


@pytest.mark.parametrize("name", BAD_BODIES)
async def test_a_body_that_is_no_request_is_refused(
    platform: PlatformUnderTest, account: Account, upstream: OpenAIUpstream, name: str
) -> None:
    answer = await platform.ask("POST", GENERATIONS, api_key=account.api_key, body=BAD_BODIES[name], headers=JSON)
    assert (answer.status, answer.error["type"]) == (400, "invalid_request_error")
    assert not upstream.requests


async def test_what_is_not_known_or_null_does_no_harm(platform: PlatformUnderTest, account: Account) -> None:
    nested: object = 1
    for _ in range(60):
        nested = [nested]
    answer = await platform.generate(
        account,
        {
            "model": "sketch",
            "prompt": "A fox",
            "size": "64x64",
            "n": None,
            "quality": None,
            "future_field": {"deep": nested},
        },
    )
    assert answer.status == 200


async def test_a_missing_prompt_is_named(platform: PlatformUnderTest, account: Account) -> None:
    answer = await platform.generate(account, {"model": "sketch"})
    assert (answer.status, answer.error["param"]) == (400, "prompt")


@pytest.mark.parametrize(("model", "longest"), [("dall-e-2", 1_000), ("dall-e-3", 4_000), ("sketch", 32_000)])
async def test_the_longest_prompt_of_a_model_is_taken_and_not_one_more(
    platform: PlatformUnderTest, account: Account, model: str, longest: int
) -> None:
    path = f"{GENERATIONS}?dry_run=true"
    fields = {"model": model, "size": "1024x1024"}
    taken = await platform.ask("POST", path, api_key=account.api_key, json={**fields, "prompt": "x" * longest})
    refused = await platform.ask("POST", path, api_key=account.api_key, json={**fields, "prompt": "x" * (longest + 1)})
    assert taken.status == 200
    assert (refused.status, refused.error["param"]) == (400, "prompt")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": "dall-e-3", "size": "640x480"}, "size"),
        ({"model": "dall-e-3", "quality": "xhigh"}, "quality"),
        ({"model": "sketch", "size": "4096x4096"}, "size"),
        ({"model": MODEL, "size": "3840x1024"}, "size"),
    ],
)
async def test_a_combination_that_the_model_does_not_sell_is_refused(
    platform: PlatformUnderTest, account: Account, upstream: OpenAIUpstream, fields: dict[str, object], param: str
) -> None:
    answer = await platform.generate(account, {"prompt": "A fox", **fields})
    assert (answer.status, answer.error["param"]) == (400, param)
    assert not upstream.requests
    balance = await platform.settled(account)
    assert balance.posted_micros == 50_000_000


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_a_body_of_another_type_is_415(platform: PlatformUnderTest, account: Account, content_type: str) -> None:
    body = json.dumps({"model": "sketch", "prompt": "A fox"}).encode()
    answer = await platform.ask(
        "POST", GENERATIONS, api_key=account.api_key, body=body, headers={"Content-Type": content_type}
    )
    assert (answer.status, answer.error["code"]) == (415, "unsupported_media_type")


async def test_a_compressed_body_is_415(platform: PlatformUnderTest, account: Account) -> None:
    headers = {**JSON, "Content-Encoding": "gzip"}
    answer = await platform.ask("POST", GENERATIONS, api_key=account.api_key, body=b"\x1f\x8b", headers=headers)
    assert answer.status == 415


async def test_a_body_over_64_mebibytes_is_413(platform: PlatformUnderTest, account: Account) -> None:
    body = b'{"model": "sketch", "prompt": "' + b"x" * (64 << 20) + b'"}'
    answer = await platform.ask("POST", GENERATIONS, api_key=account.api_key, body=body, headers=JSON)
    assert (answer.status, answer.error["code"]) == (413, "payload_too_large")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", GENERATIONS, "POST"),
        ("DELETE", GENERATIONS, "POST"),
        ("POST", "/v1/models", "GET"),
        ("PUT", "/v1/models/sketch", "GET"),
    ],
)
async def test_a_wrong_method_is_405_and_says_the_right_one(
    platform: PlatformUnderTest, account: Account, method: str, path: str, allowed: str
) -> None:
    answer = await platform.ask(method, path, api_key=account.api_key)
    assert (answer.status, answer.error["code"]) == (405, "method_not_supported")
    assert allowed in answer.headers["Allow"]


@pytest.mark.parametrize("path", ["/v1/images", "/v1/images/nothing", "/v1/nothing", "/", "/v1/models/a/b"])
async def test_an_unknown_path_is_404_in_openais_words(
    platform: PlatformUnderTest, account: Account, path: str
) -> None:
    answer = await platform.ask("GET", path, api_key=account.api_key)
    assert (answer.status, answer.error["type"]) == (404, "invalid_request_error")


async def test_a_request_without_a_key_is_401(platform: PlatformUnderTest) -> None:
    answer = await platform.ask("POST", GENERATIONS, json={"model": "sketch", "prompt": "A fox"})
    assert (answer.status, answer.error["code"]) == (401, "invalid_api_key")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_preflight_needs_no_key(platform: PlatformUnderTest) -> None:
    headers = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    answer = await platform.ask("OPTIONS", GENERATIONS, headers=headers)
    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
