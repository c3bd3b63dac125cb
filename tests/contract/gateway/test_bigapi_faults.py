"""Every way in which a call of the BIG API fails, in its own words."""

from collections.abc import Mapping
from typing import Any

import pytest

from gesso.billing.v1.billing_pb2 import WINDOW_HOUR, WINDOW_MINUTE, WindowState
from gesso.errors.v1 import reason_pb2 as pb
from gesso.errors.v1.reason_pb2 import Reason
from gesso.generator.v1 import generator_pb2
from servicekit.faults import Fault, InsufficientFunds, InvalidField, to_proto

from .bigapi_client import ASKED, CREATE, TWO, Client, Submitted


@pytest.fixture
def client(edge: Any, keep: Any) -> Client:
    return Client(edge, keep)


def _refusing(fault: Fault) -> Any:
    return lambda _: Submitted(fault=to_proto(fault))


async def test_missing_credits_are_told_with_the_documents_figures(client: Client) -> None:
    client.generator.answer = _refusing(InsufficientFunds(required_micros=250_000, available_micros=50_000))
    async with client.create() as answer:
        text = await answer.text()
        body = await answer.json()
    assert answer.status == 402
    assert body == {
        "error": "Insufficient credits",
        "credits_needed": 50,
        "credits_available": 10,
        "message": f"Purchase more credits at {client.edge.url}/docs/billing",
        "code": "INSUFFICIENT_CREDITS",
    }
    assert '"credits_needed":50,' in text


async def test_the_pages_that_errors_name_are_there(client: Client) -> None:
    for page in (
        "/docs/billing",
        "/docs/keys",
        "/docs/errors/INSUFFICIENT_CREDITS",
        "/docs/errors/PROVIDER_KEY_REQUIRED",
    ):
        async with client.get(page) as answer:
            assert answer.status == 200


@pytest.mark.parametrize(
    ("reason", "status", "error", "code"),
    [
        (pb.REASON_CREDENTIAL_INVALID, 401, "Invalid API key", "INVALID_API_KEY"),
        (pb.REASON_KEY_REVOKED, 403, "Forbidden", "API_KEY_REVOKED"),
        (pb.REASON_ACCOUNT_SUSPENDED, 403, "Forbidden", "ACCOUNT_SUSPENDED"),
        (pb.REASON_ACCOUNT_CLOSED, 403, "Forbidden", "ACCOUNT_CLOSED"),
    ],
)
async def test_who_may_not_call_is_told_why(
    client: Client, reason: Reason.ValueType, status: int, error: str, code: str
) -> None:
    client.edge.billing.keys, client.edge.billing.refusal = set(), Fault(reason, "Because.")
    async with client.create() as answer:
        body = await answer.json()
    assert (answer.status, body["error"], body["code"]) == (status, error, code)
    assert list(body) == ["error", "message", "code"]
    if status == 401:
        assert body["message"] == f"Get your API key from {client.edge.url}/docs/keys"
        assert "WWW-Authenticate" in answer.headers
    else:
        assert body["message"].startswith("Because.")


async def test_a_call_without_a_key_is_told_how_to_send_one(client: Client) -> None:
    async with client.edge.session.post(client.edge.url + CREATE, json=ASKED) as answer:
        body = await answer.json()
    assert (answer.status, body["error"], body["code"]) == (401, "Unauthorized", "MISSING_API_KEY")
    assert "Authorization: Bearer" in body["message"]


@pytest.mark.parametrize(
    ("reason", "status", "error", "code"),
    [
        (pb.REASON_BUDGET_EXCEEDED, 402, "Payment Required", "BUDGET_EXCEEDED"),
        (pb.REASON_STORAGE_EXCEEDED, 402, "Payment Required", "STORAGE_EXCEEDED"),
        (pb.REASON_CONCURRENCY_EXCEEDED, 429, "Too Many Requests", "TOO_MANY_JOBS"),
        (pb.REASON_IDEMPOTENCY_MISMATCH, 409, "Conflict", "IDEMPOTENCY_KEY_REUSED"),
        (pb.REASON_IDEMPOTENCY_RUNNING, 409, "Conflict", "IDEMPOTENCY_KEY_RUNNING"),
        (pb.REASON_MAINTENANCE, 503, "Service Unavailable", "MAINTENANCE"),
        (pb.REASON_UNAVAILABLE, 503, "Service Unavailable", "SERVICE_UNAVAILABLE"),
        (pb.REASON_OVERLOADED, 503, "Service Unavailable", "OVERLOADED"),
        (pb.REASON_TIMEOUT, 504, "Gateway Timeout", "TIMEOUT"),
        (pb.REASON_INTERNAL, 500, "Server Error", "INTERNAL_ERROR"),
    ],
)
async def test_what_is_not_bought_is_told_why(
    client: Client, reason: Reason.ValueType, status: int, error: str, code: str
) -> None:
    client.generator.answer = _refusing(Fault(reason, "Because.", retry_after_seconds=2.0))
    async with client.create() as answer:
        body = await answer.json()
    assert (answer.status, body) == (status, {"error": error, "message": "Because.", "code": code})
    assert answer.headers["Retry-After"] == "2"


@pytest.mark.parametrize(
    ("fault", "status", "place", "code"),
    [
        (Fault(pb.REASON_UNKNOWN_MODEL, "Because."), 400, "tasks[1].provider", "UNKNOWN_PROVIDER"),
        (Fault(pb.REASON_MODEL_UNAVAILABLE, "Because."), 503, "tasks[1].provider", "PROVIDER_UNAVAILABLE"),
        (Fault(pb.REASON_UNPRICED, "Because."), 400, "tasks[1].provider", "UNSUPPORTED_COMBINATION"),
        (
            Fault(pb.REASON_CONTENT_REFUSED, "Because.", details={"field": "prompt"}),
            400,
            "tasks[1].prompt",
            "CONTENT_REFUSED",
        ),
        (
            Fault(pb.REASON_INVALID_FIELD, "Because.", details={"field": "resolution"}),
            400,
            "tasks[1].image_size",
            "INVALID_REQUEST",
        ),
        (Fault(pb.REASON_INVALID_FIELD, "Because.", details={"field": "n"}), 400, "tasks[1].n", "INVALID_REQUEST"),
        (Fault(pb.REASON_UPSTREAM_INVALID, "Because."), 400, "tasks[1]", "INVALID_REQUEST"),
    ],
)
async def test_what_is_wrong_with_one_task_is_placed(
    client: Client, fault: Fault, status: int, place: str, code: str
) -> None:
    fault.details["draw"] = "1"
    client.generator.answer = _refusing(fault)
    async with client.create(TWO) as answer:
        body = await answer.json()
    assert (answer.status, body["message"], body["code"]) == (status, f"`{place}`: Because.", code)


async def test_a_wrong_cursor_is_named(client: Client) -> None:
    def page(_: Any) -> Any:
        raise InvalidField("page_token", "The page token is not one that was given out.")

    client.generator.scripts["ListJobs"] = page
    async with client.get("/v1/jobs?cursor=nonsense") as answer:
        body = await answer.json()
    assert (answer.status, body["message"]) == (400, "`cursor`: The page token is not one that was given out.")


async def test_refused_content_is_told_with_what_to_do(client: Client) -> None:
    details = {"field": "prompt", "draw": "0", "cause": "hateful_content_detected", "suggestion": "Please mend it"}
    fault = Fault(pb.REASON_CONTENT_REFUSED, "The prompt contains prohibited content", details=details)
    client.generator.answer = _refusing(fault)
    async with client.create() as answer:
        body = await answer.json()
    assert (answer.status, body["code"]) == (400, "CONTENT_REFUSED")
    assert body["message"] == "`tasks[0].prompt`: The prompt contains prohibited content. Please mend it"


@pytest.mark.parametrize(
    ("task", "field"),
    [
        ({"provider": "dalle"}, "tasks[1].prompt"),
        ({"prompt": "a lake"}, "tasks[1].provider"),
        ({"prompt": "a lake", "provider": "midjourney"}, "tasks[1].provider"),
        ({"prompt": " ", "provider": "dalle"}, "tasks[1].prompt"),
        ({"prompt": "a " * 481, "provider": "dalle"}, "tasks[1].prompt"),
        ({"prompt": "a lake", "provider": "dalle", "size": "10x10"}, "tasks[1].size"),
        ({"prompt": "a lake", "provider": "minimax", "size": "2048x2048"}, "tasks[1].size"),
    ],
)
async def test_a_bad_task_fails_the_whole_request_before_anything_runs(
    client: Client, task: Mapping[str, Any], field: str
) -> None:
    async with client.create({"tasks": [*ASKED["tasks"], task]}) as answer:
        body = await answer.json()
    assert (answer.status, list(body), body["error"]) == (400, ["error", "message", "code"], "Bad Request")
    assert (body["code"], f"`{field}`" in body["message"]) == ("INVALID_REQUEST", True)
    assert client.generator.submissions == []


@pytest.mark.parametrize("tasks", [[], [ASKED["tasks"][0]] * 101])
async def test_a_request_has_one_to_a_hundred_tasks(client: Client, tasks: Any) -> None:
    async with client.create({"tasks": tasks}) as answer:
        body = await answer.json()
    assert (answer.status, body["code"], "`tasks`" in body["message"]) == (400, "INVALID_REQUEST", True)


async def test_bodies_that_cannot_be_read_are_told_in_its_words(client: Client) -> None:
    async with client.edge.session.post(
        client.edge.url + CREATE,
        data=b"{",
        headers={"Authorization": f"Bearer {client.edge.key}", "Content-Type": "application/json"},
    ) as answer:
        assert (answer.status, (await answer.json())["code"]) == (400, "INVALID_REQUEST")
    async with client.edge.session.post(
        client.edge.url + CREATE,
        data=b"tasks=1",
        headers={"Authorization": f"Bearer {client.edge.key}", "Content-Type": "text/plain"},
    ) as answer:
        body = await answer.json()
        assert (answer.status, body["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
        assert body["error"] == "Unsupported Media Type"


async def test_a_body_that_is_too_large_is_told_in_its_words(client: Client) -> None:
    headers = {"Authorization": f"Bearer {client.edge.key}", "Content-Type": "application/json"}
    headers["Content-Length"] = str(65 << 20)

    async def nothing() -> Any:
        yield b"{"

    async with client.edge.session.post(client.edge.url + CREATE, data=nothing(), headers=headers) as answer:
        body = await answer.json()
    assert (answer.status, body["error"], body["code"]) == (413, "Payload Too Large", "PAYLOAD_TOO_LARGE")


async def test_paths_and_methods_that_are_not_there_are_told_in_its_words(client: Client) -> None:
    async with client.get(CREATE) as answer:
        body = await answer.json()
        assert (answer.status, body["code"], answer.headers["Allow"]) == (405, "METHOD_NOT_ALLOWED", "POST")
        assert body["error"] == "Method Not Allowed"
    for path in ("/v1/jobs/a/b", "/v1/dashboard", "/v1/dashboard/none", "/v1/api-keys/a/b/c"):
        async with client.get(path) as answer:
            body = await answer.json()
        assert (answer.status, body["error"], body["code"]) == (404, "Not Found", "NOT_FOUND")


async def test_limits_stand_on_every_answer(client: Client) -> None:
    client.edge.billing.caller.limited_dialects.append("bigapi")
    client.edge.billing.windows = [
        WindowState(window=WINDOW_MINUTE, limit=60, remaining=45, reset_at=1_640_000_000),
        WindowState(window=WINDOW_HOUR, limit=1000, remaining=900, reset_at=1_640_003_600),
    ]
    client.end()
    for body, status in ((ASKED, 200), ({}, 400)):
        async with client.create(body) as answer:
            headers = {name: answer.headers[f"X-RateLimit-{name}"] for name in ("Limit", "Remaining", "Reset")}
        assert (answer.status, headers) == (status, {"Limit": "60", "Remaining": "45", "Reset": "1640000000"})


async def test_over_the_limit_a_call_is_told_when_to_come_again(client: Client) -> None:
    client.edge.billing.caller.limited_dialects.append("bigapi")
    client.edge.billing.windows = [WindowState(window=WINDOW_MINUTE, limit=60, remaining=0, reset_at=1_640_000_000)]
    client.edge.billing.limit = Fault(pb.REASON_RATE_LIMITED, "60 a minute are allowed.", retry_after_seconds=12)
    async with client.create() as answer:
        body = await answer.json()
    assert (answer.status, body["error"], body["code"]) == (429, "Too Many Requests", "RATE_LIMIT_EXCEEDED")
    assert 1 <= int(answer.headers["Retry-After"]) <= 12
    assert answer.headers["X-RateLimit-Remaining"] == "0"


async def test_posts_are_counted_as_calls_and_readings_are_not(client: Client) -> None:
    client.end()
    client.generator.scripts["ListJobs"] = lambda _: generator_pb2.ListJobsResponse()
    async with client.create(), client.create({}), client.get("/v1/jobs"):
        assert client.edge.billing.calls == ["bigapi", "bigapi"]
