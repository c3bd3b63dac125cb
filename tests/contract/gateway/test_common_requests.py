"""What every dialect makes of a request before it is a purchase: its body, its headers, its path, its method."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from msgspec import inspect

from gateway.dialects.base import Act
from gateway.middleware.cors import EXPOSED
from gesso.billing.v1.billing_pb2 import Subscription
from gesso.gallery.v1 import gallery_pb2
from gesso.generator.v1.generator_pb2 import FindJobResponse, SubmitJobsResponse
from testkit.speakers import SPEAKERS, Speaker

from .purchase_routes import EVERY, LEAST, PURCHASES, Served, empty_objects, with_nulls

JSON = {"Content-Type": "application/json"}
LIMIT_BYTES = 64 * 1024 * 1024
PROMPTED = tuple(served for served in PURCHASES if "prompt" in str(served.least))

every_dialect = pytest.mark.parametrize("speaker", SPEAKERS, ids=lambda speaker: str(speaker.name))
every_purchase = pytest.mark.parametrize("served", PURCHASES, ids=str)


class Client:
    """A caller with an active subscription, whose purchases are all accepted."""

    def __init__(self, edge: Any) -> None:
        self.edge = edge
        edge.billing.caller.subscription.CopyFrom(Subscription(plan="pro", active=True))
        edge.gallery.width = edge.gallery.height = 512
        edge.gallery.scripts["AnalyseImage"] = lambda _: gallery_pb2.ImageAnalysis()
        edge.gallery.scripts["MeasureMask"] = lambda _: gallery_pb2.MaskMeasures()
        edge.generator.scripts["FindJob"] = lambda _: FindJobResponse()
        edge.generator.answer = lambda submission: SubmitJobsResponse.SubmitJobResult(
            job=edge.generator.queued(submission)
        )

    async def send(
        self, speaker: Speaker, path: str, body: Any, headers: Mapping[str, str] = JSON, method: str = "POST"
    ) -> Any:
        """Send a body as it is; the answer, read."""
        sent = {"Prefer": "respond-async", **speaker.credential(self.edge.key), **headers}
        async with self.edge.session.request(method, self.edge.url + path, data=body, headers=sent) as answer:
            await answer.read()
            return answer

    async def accepted(self, served: Served, body: Mapping[str, Any]) -> bytes:
        """Buy; the fingerprint of the purchase."""
        answer = await self.send(served.speaker, served.path, json.dumps(body))
        assert answer.status in (200, 202), await answer.text()
        fingerprint: bytes = self.edge.generator.submissions[-1].purchase.fingerprint
        return fingerprint

    async def refused(self, served: Served, body: Any, headers: Mapping[str, str] = JSON) -> tuple[int, str]:
        """Fail to buy; the status, and all the words."""
        bought = len(self.edge.generator.submissions)
        answer = await self.send(served.speaker, served.path, body, headers)
        assert served.speaker.said(await answer.json()).message
        assert len(self.edge.generator.submissions) == bought
        return answer.status, await answer.text()


@pytest.fixture
def client(edge: Any) -> Client:
    """A client of an edge."""
    return Client(edge)


def test_each_route_that_costs_money_has_a_request_here() -> None:
    assert {(served.dialect.name, served.route.path) for served in PURCHASES} == set(LEAST)


@every_purchase
async def test_null_is_absence_and_what_is_unknown_is_ignored(client: Client, served: Served) -> None:
    least, shape = served.least, inspect.type_info(served.shape)
    bare = await client.accepted(served, least)
    filled = with_nulls(least, shape)
    assert len(str(filled)) > len(str(least))
    assert await client.accepted(served, filled) == bare
    unknown = {"no_such_field": {"deep": [1, None]}, "x": None}
    assert await client.accepted(served, {**least, **unknown}) == bare
    for name, inner in empty_objects(shape):
        if served.dialect.name == "imagegen":
            assert await client.accepted(served, {**least, name: with_nulls(unknown, inner)}) == bare, name


BAD_BODIES: Mapping[str, bytes] = {
    "empty": b"",
    "no JSON": b"{prompt: fox}",
    "cut off": b'{"prompt": "A fo',
    "an array": b"[]",
    "a text": b'"A fox"',
    "a number": b"7",
    "null": b"null",
    "two values": b"{}{}",
    "not UTF-8": b'{"prompt": "\xff\xfe"}',
    "a lone surrogate": b'{"prompt": "\\ud800"}',
    "an endless nest": b"[" * 1_000_000,
}


@every_purchase
async def test_a_body_that_is_no_request_is_400(client: Client, served: Served) -> None:
    for name, body in BAD_BODIES.items():
        assert (await client.refused(served, body))[0] == 400, name
    good = json.dumps(served.least)[:-1]
    for number in ("NaN", "Infinity", "-Infinity"):
        for more in (f', "more": {number}}}', f', "seed": {number}, "n": {number}}}'):
            assert (await client.refused(served, good + more))[0] == 400, more
    assert (await client.refused(served, f'{good}, "more": {"[" * 64}{"]" * 64}}}'))[0] == 400, "65 levels"
    await client.accepted(served, {**served.least, "more": json.loads("[" * 63 + "]" * 63)})


@every_purchase
async def test_only_plain_json_is_read(client: Client, served: Served) -> None:
    body = json.dumps(served.least).encode()
    for headers in ({"Content-Type": ""}, {"Content-Type": "text/plain"}, {"Content-Type": "image/png"}):
        assert (await client.refused(served, body, headers))[0] == 415, headers
    for encoding in ("gzip", "deflate", "br"):
        headers = {**JSON, "Content-Encoding": encoding}
        assert (await client.refused(served, gzip.compress(body), headers))[0] == 415
    for kind in ("application/json; charset=utf-8", "Application/JSON", "application/vnd.api+json"):
        answer = await client.send(served.speaker, served.path, body, {"Content-Type": kind})
        assert answer.status in (200, 202), kind


@pytest.mark.parametrize("served", PROMPTED, ids=str)
async def test_a_blank_or_absent_prompt_is_named(client: Client, served: Served) -> None:
    wrong: tuple[Any, ...] = ("", " ", "\n\t ", "\u3000", 7, True, ["a fox"], {}, "nul \x00 inside", None)
    for prompt in wrong:
        status, text = await client.refused(served, json.dumps(_with_prompt(served, prompt)))
        assert status == 400, prompt
        assert "prompt" in text


def _with_prompt(served: Served, prompt: Any) -> dict[str, Any]:
    nested = served.speaker.nested_in
    if nested:
        return {nested: [{**served.least[nested][0], "prompt": prompt}]}
    return {**served.least, "prompt": prompt}


CREATING = tuple(
    served
    for served in EVERY
    if served in PURCHASES or (isinstance(served.route.action, Act) and served.route.action.creates)
)


@pytest.mark.parametrize("served", CREATING, ids=str)
async def test_an_idempotency_key_is_1_to_255_printable_ascii_characters(client: Client, served: Served) -> None:
    body = json.dumps(LEAST.get((served.dialect.name, served.route.path), CREATED.get(served.route.path, {})))
    for key in ("", "x" * 256, "tab\there", "k\u00e9y", "schl\u00fcssel", "\u9375"):
        status, text = await client.refused(served, body, {**JSON, "Idempotency-Key": key})
        assert status == 400, key
        assert "Idempotency-Key" in text


CREATED: Mapping[str, Mapping[str, Any]] = {
    "/v1/api-keys": {"name": "Production"},
    "/v1/api-keys/{id}/rotate": {},
    "/api/v1/llm/byok/keys": {"provider": "openai", "api_key": "sk-of-the-caller"},
    "/v1/api/custom-models": {
        "name": "custom-a",
        "provider": "fal",
        "base_model": "flux-dev",
        "weights_url": "owner/repo",
    },
}
"""The least that each route takes which creates something without a price."""


@every_purchase
async def test_the_longest_idempotency_key_is_taken(client: Client, served: Served) -> None:
    key = "~ " * 127 + "x"
    answer = await client.send(served.speaker, served.path, json.dumps(served.least), {**JSON, "Idempotency-Key": key})
    assert answer.status in (200, 202)
    assert client.edge.generator.submissions[-1].purchase.idempotency_key == key


@every_dialect
async def test_a_body_over_64_mebibytes_is_413_by_its_declared_length(client: Client, speaker: Speaker) -> None:
    """The answer comes before the body does."""
    host, _, port = client.edge.url.removeprefix("http://").rpartition(":")
    head = {**speaker.credential(client.edge.key), **JSON, "Host": host, "Content-Length": str(LIMIT_BYTES + 1)}
    reader, writer = await asyncio.open_connection(host, int(port))
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    writer.write(f"POST {speaker.purchase_path} HTTP/1.1\r\n{lines}\r\n".encode())
    status = await reader.readline()
    writer.close()
    assert b" 413 " in status


@every_dialect
async def test_a_body_over_64_mebibytes_is_413_in_chunks(client: Client, speaker: Speaker) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(65):
            yield b" " * (1 << 20)

    answer = await client.send(speaker, speaker.purchase_path, chunks())
    assert answer.status == 413
    assert "PAYLOAD_TOO_LARGE" in speaker.said(await answer.json()).code.upper()
    assert answer.headers["X-Request-ID"]


UNKNOWN_PATHS: Mapping[str, tuple[str, ...]] = {
    "bigapi": ("/v1/jobs/a/b", "/v1/dashboard", "/v1/dashboard/nothing", "/v1/api-keys/a/b/c", "/v1/jobs/"),
    "imagegen": ("/api/v2", "/api/v2/nothing", "/api/v2/generate", "/oauth/nothing", "/api/v2/generations/a/b"),
    "opscenter": ("/api/v1/llm", "/api/v1/llm/nothing", "/api/v1/llm/images"),
    "pixeldojo": ("/api/v1/flux/more", "/api/v1/jobs", "/api/v1/jobs/a/b"),
    "productai": ("/v1/api", "/v1/api/nothing", "/v1/api/job", "/v1/api/job/1/2"),
    "openai": (
        "/v1/images",
        "/v1/images/nothing",
        "/v1/models/a/b",
        "/",
        "/nothing",
        "/v1",
        "/v1/apis",
        "/v1/api-keyss",
        "/v1/jobsx",
        "/api/v1",
        "/api/v1/llmx",
        "/api/v1/fluxy",
        "/api/v3/models",
        "/oauths",
        "//v1/images/generations",
    ),
}
"""Outside all prefixes, OpenAI's words."""


@every_dialect
async def test_an_unknown_path_is_answered_in_the_words_of_its_prefix(client: Client, speaker: Speaker) -> None:
    for path in UNKNOWN_PATHS[speaker.name]:
        for method in ("GET", "POST", "DELETE"):
            answer = await client.send(speaker, path, None, {}, method)
            body = await answer.json()
            assert answer.status == 404, (method, path)
            assert list(body) == list((await _any_error(client, speaker)).keys()), path


async def _any_error(client: Client, speaker: Speaker) -> Any:
    return await (await client.send(speaker, speaker.purchase_path, "[]")).json()


METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})


@every_dialect
async def test_a_wrong_method_is_405_and_says_the_right_ones(client: Client, speaker: Speaker) -> None:
    taken: dict[str, set[str]] = {}
    for served in EVERY:
        if served.speaker is speaker:
            taken.setdefault(served.path, set()).add(served.route.method)
    for path, methods in taken.items():
        right = methods | ({"HEAD"} if "GET" in methods else set())
        wrong = min(METHODS - right - {"HEAD"})
        answer = await client.send(speaker, path, None, {}, wrong)
        assert answer.status == 405, (wrong, path)
        assert set(answer.headers["Allow"].split(", ")) == right
        assert speaker.said(await answer.json()).message


@every_dialect
async def test_a_preflight_needs_no_key_on_any_path(client: Client, speaker: Speaker) -> None:
    wanted = {
        "Origin": "https://app.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-api-key,authorization,content-type,idempotency-key",
    }
    for path in {served.path for served in EVERY if served.speaker is speaker}:
        async with client.edge.session.options(client.edge.url + path, headers=wanted) as answer:
            assert (answer.status, await answer.read()) == (204, b"")
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            assert "Access-Control-Allow-Credentials" not in answer.headers
            assert answer.headers["Access-Control-Allow-Headers"] == wanted["Access-Control-Request-Headers"]
            assert "OPTIONS" in answer.headers["Access-Control-Allow-Methods"]
    assert client.edge.billing.authenticated == 0


@every_dialect
async def test_pages_of_other_origins_may_read_every_header_of_ours(client: Client, speaker: Speaker) -> None:
    origin = {"Origin": "https://app.example"}
    body = json.dumps(speaker.body("A red fox"))
    bought = await client.send(speaker, speaker.purchase_path, body, {**JSON, **origin})
    refused = await client.send(speaker, speaker.purchase_path, "[]", {**JSON, **origin})
    lost = await client.send(speaker, "/v1/nothing", None, origin, "GET")
    for answer in (bought, refused, lost):
        exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert {name for name in answer.headers if name.startswith("X-")} <= set(exposed)
        assert {"Retry-After", "Location", "Deprecation", "Sunset", *EXPOSED} <= set(exposed)
    plain = await client.send(speaker, speaker.purchase_path, body)
    assert "Access-Control-Allow-Origin" not in plain.headers


@every_dialect
async def test_a_request_keeps_its_id(client: Client, speaker: Speaker) -> None:
    named = {"X-Request-ID": "trace-7.A:b_c"}
    body = json.dumps(speaker.body("A red fox"))
    cases: tuple[tuple[str, str, str | None, Mapping[str, str]], ...] = (
        (speaker.purchase_path, "POST", body, JSON),
        (speaker.purchase_path, "POST", "[]", JSON),
        (speaker.purchase_path, "PUT", None, {}),
        (f"{speaker.purchase_path}/nothing/there", "GET", None, {}),
        (speaker.purchase_path, "POST", body, {**JSON, speaker.key_header: ""}),
    )
    for path, method, content, headers in cases:
        kept = await client.send(speaker, path, content, {**headers, **named}, method)
        assert kept.headers["X-Request-ID"] == named["X-Request-ID"]
        made = await client.send(speaker, path, content, {**headers, "X-Request-ID": "no good"}, method)
        assert made.headers["X-Request-ID"].startswith("req_")
        error = (await made.json()).get("error")
        if isinstance(error, dict) and "request_id" in error:
            assert error["request_id"] == made.headers["X-Request-ID"]
    assert client.edge.generator.submissions[0].purchase.request_id == named["X-Request-ID"]
