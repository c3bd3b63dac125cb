"""Who is let in, how often, and with which requests: keys, limits, bodies, paths, and the words of every refusal."""

import asyncio
import gzip
import json
from typing import Any

import pytest

from gesso.errors.v1 import reason_pb2 as pb
from gesso.generator.v1 import generator_pb2 as generator_pb
from servicekit.faults import Fault, InsufficientFunds, Unavailable, to_proto
from testkit.eventually import eventually

PROMPT = {"prompt": "a red fox", "model": "dall-e-3"}
GENERATIONS = "/v1/images/generations"


async def _error(request: Any) -> tuple[int, dict[str, Any], Any]:
    async with request as response:
        body = await response.json()
        assert set(body) == {"error"}
        assert set(body["error"]) == {"message", "type", "param", "code"}
        return response.status, body["error"], response.headers


async def test_a_request_without_a_key_is_challenged(edge: Any) -> None:
    status, error, headers = await _error(edge.session.post(edge.url + GENERATIONS, json=PROMPT))
    assert (status, error["code"]) == (401, "invalid_api_key")
    assert headers["WWW-Authenticate"].startswith("Bearer")
    assert edge.billing.authenticated == 0


@pytest.mark.parametrize("key", ["Bearer nonsense", "Bearer sch\u00fcssel", "Basic abc", "Bearer "])
async def test_a_wrong_key_is_refused(edge: Any, key: str) -> None:
    status, error, _ = await _error(edge.post(PROMPT, headers={"Authorization": key}))
    assert (status, error["code"]) == (401, "invalid_api_key")


@pytest.mark.parametrize("reason", [pb.REASON_ACCOUNT_SUSPENDED, pb.REASON_ACCOUNT_CLOSED])
async def test_a_suspended_or_closed_account_is_forbidden(edge: Any, reason: Any) -> None:
    edge.billing.refusal = Fault(reason, "The account is not active.")
    status, error, _ = await _error(edge.post(PROMPT, headers={"Authorization": "Bearer another"}))
    assert (status, error["code"]) == (403, "account_deactivated")


async def test_a_key_is_asked_for_once_in_five_seconds(edge: Any) -> None:
    for _ in range(3):
        async with edge.get("/v1/models") as response:
            assert response.status == 200
    assert edge.billing.authenticated == 1


async def test_an_account_without_limits_costs_billing_nothing(edge: Any) -> None:
    async with edge.get("/v1/models") as response:
        assert response.status == 200
    assert edge.billing.taken == 0


async def test_a_used_up_window_is_429_and_refused_here_until_its_reset(edge: Any) -> None:
    edge.billing.caller.limited_dialects.append("openai")
    edge.billing.limit = Fault(
        pb.REASON_RATE_LIMITED,
        "60 requests a minute are allowed.",
        details={"window": "minute"},
        retry_after_seconds=1.4,
    )
    for _ in range(3):
        status, error, headers = await _error(edge.post(PROMPT))
        assert (status, error["code"]) == (429, "rate_limit_exceeded")
        assert 1 <= int(headers["Retry-After"]) <= 2
    assert edge.billing.taken == 1
    edge.billing.limit = None
    await eventually(lambda: _is_served(edge))


async def _is_served(edge: Any) -> bool:
    async with edge.get("/v1/models") as response:
        return bool(response.status == 200)


async def test_a_refused_body_counts_against_the_limit(edge: Any) -> None:
    edge.billing.caller.limited_dialects.append("openai")
    await _error(edge.post({"prompt": 1}))
    assert edge.billing.taken == 1


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "prompt"),
        ({"prompt": None}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": " \n"}, "prompt"),
        ({"prompt": "a\x00b"}, "prompt"),
        ({"prompt": "x" * 100_000}, "prompt"),
        ({"prompt": "x" * 1_001, "model": "dall-e-2"}, "prompt"),
        ({"prompt": "x" * 4_001, "model": "dall-e-3"}, "prompt"),
        ({"prompt": ["a"]}, "prompt"),
        ({**PROMPT, "n": 0}, "n"),
        ({**PROMPT, "n": 11}, "n"),
        ({**PROMPT, "n": "2"}, "n"),
        ({**PROMPT, "n": True}, "n"),
        ({**PROMPT, "n": 1.5}, "n"),
        ({**PROMPT, "size": "big"}, "size"),
        ({**PROMPT, "size": "0x0"}, "size"),
        ({**PROMPT, "size": "99999x1"}, "size"),
        ({**PROMPT, "quality": "best"}, "quality"),
        ({**PROMPT, "style": "odd"}, "style"),
        ({**PROMPT, "background": "red"}, "background"),
        ({**PROMPT, "moderation": "off"}, "moderation"),
        ({**PROMPT, "output_format": "gif"}, "output_format"),
        ({**PROMPT, "output_format": "jpeg", "background": "transparent"}, "background"),
        ({**PROMPT, "output_compression": 101}, "output_compression"),
        ({**PROMPT, "output_compression": 50}, "output_compression"),
        ({**PROMPT, "response_format": "file"}, "response_format"),
        ({**PROMPT, "partial_images": 4}, "partial_images"),
        ({**PROMPT, "stream": "yes"}, "stream"),
        ({**PROMPT, "user": 7}, "user"),
        ([], None),
        ("prompt", None),
    ],
)
async def test_a_wrong_field_is_named(edge: Any, body: Any, param: str | None) -> None:
    status, error, _ = await _error(edge.post(body))
    assert (status, error["type"], error["param"]) == (400, "invalid_request_error", param)
    assert param is None or f"`{param}`" in error["message"]
    assert edge.generator.submissions == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"prompt": NaN}',
        b'{"prompt": "a", "x": Infinity}',
        b'{"prompt": "\xff"}',
        b'{"prompt": "\\ud800"}',
        b'{"prompt": "a", "x": ' + b"[" * 65 + b"]" * 65 + b"}",
        b'{"prompt": "a", "x": ' + b"[" * 90_000 + b"}",
    ],
)
async def test_what_is_no_json_is_400(edge: Any, body: bytes) -> None:
    request = edge.post(path=GENERATIONS, data=body, headers={"Content-Type": "application/json"})
    status, error, _ = await _error(request)
    assert (status, error["param"]) == (400, None)


async def test_bodies_of_other_types_are_415(edge: Any) -> None:
    zipped = gzip.compress(json.dumps(PROMPT).encode())
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert (await _error(edge.post(data=zipped, headers=headers)))[0] == 415
    assert (await _error(edge.post(data=b"prompt=x", headers={"Content-Type": "text/plain"})))[0] == 415


async def test_a_body_over_the_limit_is_413(start_edge: Any) -> None:
    async with start_edge(GESSO_BODY_LIMIT_BYTES="100000") as edge:
        status, error, _ = await _error(edge.post({"prompt": "x" * 100_000}))
        assert (status, error["code"]) == (413, "payload_too_large")

        async def chunks() -> Any:
            for _ in range(11):
                yield b" " * 10_000

        headers = {"Content-Type": "application/json"}
        assert (await _error(edge.post(data=chunks(), headers=headers)))[0] == 413


async def test_large_bodies_that_do_not_fit_into_memory_together_are_503(start_edge: Any) -> None:
    async with start_edge(GESSO_BODY_MEMORY_BYTES="150000") as edge:
        first_arrives = asyncio.Event()

        async def slowly() -> Any:
            yield b'{"prompt": "' + b"x" * 100_000
            await first_arrives.wait()
            yield b'"}'

        headers = {"Content-Type": "application/json"}
        first = asyncio.create_task(_error(edge.post(data=slowly(), headers=headers)))

        async def second_is_refused() -> bool:
            return (await _error(edge.post({"prompt": "x" * 100_000})))[0] == 503

        await eventually(second_is_refused)
        first_arrives.set()
        assert (await first)[0] == 400
        assert (await _error(edge.post({"prompt": "x" * 100_000})))[0] == 400


async def test_a_client_that_waits_to_be_encouraged_is(edge: Any) -> None:
    status, _, _ = await _error(edge.post({"prompt": ""}, expect100=True))
    assert status == 400


@pytest.mark.parametrize("key", ["", "x" * 256, "kéy", "tab\there"])
async def test_a_malformed_idempotency_key_is_400(edge: Any, key: str) -> None:
    status, error, _ = await _error(edge.post(PROMPT, headers={"Idempotency-Key": key}))
    assert (status, error["param"]) == (400, "Idempotency-Key")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "unknown_url"),
        ("GET", "/", 404, "unknown_url"),
        ("GET", "/v1/images", 404, "unknown_url"),
        ("POST", "/v1/images/generationsx", 404, "unknown_url"),
        ("GET", "/v1/images/generations", 405, "method_not_supported"),
        ("DELETE", "/v1/models", 405, "method_not_supported"),
        ("GET", "/v1/models/nothing", 404, "model_not_found"),
        ("GET", "/v1/images/jobs/nothing", 404, "not_found"),
        ("GET", "/v1/images/jobs/job_01j9zzzzzzzzzzzzzzzzzzzzzz", 404, "not_found"),
        ("POST", "/v1/images/edits", 415, "unsupported_media_type"),
        ("POST", "/v1/images/variations", 415, "unsupported_media_type"),
        ("GET", "/caf%C3%A9/%ff", 404, "unknown_url"),
    ],
)
async def test_paths_and_methods_that_lead_nowhere(edge: Any, method: str, path: str, status: int, code: str) -> None:
    headers = {"Authorization": "Bearer gesso_test_key_0123456789"}
    got, error, answered = await _error(edge.session.request(method, edge.url + path, headers=headers))
    assert (got, error["code"]) == (status, code)
    assert status != 405 or answered["Allow"]


@pytest.mark.parametrize(
    ("fault", "status", "code", "param"),
    [
        (InsufficientFunds(required_micros=2, available_micros=1), 402, "insufficient_quota", None),
        (Fault(pb.REASON_UNKNOWN_MODEL, "No such model."), 404, "model_not_found", "model"),
        (Fault(pb.REASON_MODEL_UNAVAILABLE, "Nobody serves it."), 503, "model_not_available", "model"),
        (Fault(pb.REASON_MAINTENANCE, "Paused.", retry_after_seconds=60), 503, "maintenance", None),
        (Fault(pb.REASON_CONTENT_REFUSED, "Refused."), 400, "moderation_blocked", "prompt"),
        (Fault(pb.REASON_IDEMPOTENCY_MISMATCH, "Other content."), 409, "idempotency_key_in_use", None),
        (Fault(pb.REASON_IDEMPOTENCY_RUNNING, "Running.", retry_after_seconds=1), 409, "idempotency_key_running", None),
        (
            Fault(pb.REASON_INVALID_FIELD, "Bad size.", details={"field": "draws[0].width"}),
            400,
            "invalid_value",
            "size",
        ),
    ],
)
async def test_a_refused_purchase_may_be_repeated(edge: Any, fault: Fault, status: int, code: str, param: Any) -> None:
    edge.generator.answer = lambda _: generator_pb.SubmitJobsResponse.SubmitJobResult(fault=to_proto(fault))
    got, error, headers = await _error(edge.post(PROMPT))
    assert (got, error["code"], error["param"]) == (status, code, param)
    assert "X-Should-Retry" not in headers
    assert ("Retry-After" in headers) == (fault.retry_after_seconds is not None)


async def test_one_refused_purchase_does_not_fail_another_of_its_batch(edge: Any, keep: Any) -> None:
    drawing = edge.generator.drawing(keep(b"png"))
    refusal = to_proto(Unavailable("billing"))

    def answer(submission: Any) -> Any:
        if submission.purchase.draws[0].prompt == "bad":
            return generator_pb.SubmitJobsResponse.SubmitJobResult(fault=refusal)
        return drawing(submission)

    edge.generator.answer = answer

    async def status(prompt: str) -> int:
        async with edge.post({**PROMPT, "prompt": prompt}) as response:
            return int(response.status)

    prompts = ["good", "bad", "good", "bad", "good"]
    assert await asyncio.gather(*map(status, prompts)) == [200, 503, 200, 503, 200]


async def test_requests_keep_their_ids(edge: Any) -> None:
    async with edge.get("/v1/models", headers={"X-Request-ID": "abc-123"}) as response:
        assert response.headers["X-Request-ID"] == "abc-123"
    async with edge.get("/v1/models", headers={"X-Request-ID": "no good"}) as response:
        assert response.headers["X-Request-ID"].startswith("req_")


async def test_pages_of_other_origins_are_let_in(edge: Any) -> None:
    wanted = {"Origin": "https://app.example", "Access-Control-Request-Headers": "authorization"}
    async with edge.session.options(edge.url + GENERATIONS, headers=wanted) as response:
        assert response.status == 204
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert response.headers["Access-Control-Allow-Headers"] == "authorization"
        assert "POST" in response.headers["Access-Control-Allow-Methods"]
    async with edge.get("/v1/models", headers={"Origin": "https://app.example"}) as response:
        assert "X-Gesso-Job-Id" in response.headers["Access-Control-Expose-Headers"]
    assert (await _error(edge.session.options(edge.url + "/v1/nothing")))[0] == 404
    assert edge.billing.authenticated == 1


async def test_only_listed_origins_are_let_in_where_there_is_a_list(start_edge: Any) -> None:
    async with start_edge(GESSO_CORS_ORIGINS="https://a.example, https://b.example") as edge:
        async with edge.get("/v1/models", headers={"Origin": "https://b.example"}) as response:
            assert response.headers["Access-Control-Allow-Origin"] == "https://b.example"
        async with edge.get("/v1/models", headers={"Origin": "https://c.example"}) as response:
            assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize(
    "sent",
    [
        b"garbage\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /v1/models HTTP/1.1\r\nHost: a\r\nX-Bad: a\x01b\r\n\r\n",
        b"GET /v1/models HTTP/1.1\r\nHost: a\r\nX-Long: " + b"x" * 20_000 + b"\r\n\r\n",
        b"POST /v1/images/generations HTTP/1.1\r\nHost: a\r\nContent-Length: ten\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_answered_as_any_error(edge: Any, sent: bytes) -> None:
    host, _, port = edge.url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(sent)
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    assert b" 400 " in head.splitlines()[0]
    assert b"X-Request-ID: req_" in head
    assert json.loads(body)["error"]["type"] == "invalid_request_error"
