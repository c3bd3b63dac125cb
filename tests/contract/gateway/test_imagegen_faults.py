"""Every way in which a call of the Image Generation API can fail, in its words."""

from collections.abc import Mapping
from typing import Any

import pytest

from gateway.dialects.imagegen.faults import CODES
from gesso.errors.v1 import reason_pb2 as pb
from gesso.errors.v1.reason_pb2 import Reason
from servicekit.faults import Fault, to_proto

from .imagegen_client import INPAINT, INPAINT_REQUEST, TEXT, Submitted, error_of

REFUSAL = {
    "field": "prompt",
    "cause": "nsfw_content_detected",
    "suggestion": "Please modify your prompt to remove inappropriate content",
    "stage": "input",
}
FAULTS: list[tuple[Fault, int, str, str, Mapping[str, Any]]] = [
    (
        Fault(pb.REASON_CONTENT_REFUSED, "The prompt contains prohibited content", details=REFUSAL),
        400,
        "validation_error",
        "INVALID_PROMPT",
        {
            "field": "prompt",
            "reason": "nsfw_content_detected",
            "suggestion": "Please modify your prompt to remove inappropriate content",
            "stage": "input",
        },
    ),
    (
        Fault(pb.REASON_UPSTREAM_REFUSED, "Refused.", details={"provider": "openai", "stage": "output"}),
        400,
        "validation_error",
        "INVALID_PROMPT",
        {
            "field": "prompt",
            "reason": "content_refused_by_provider",
            "suggestion": "Please modify your prompt or source image, or use another model",
            "stage": "output",
            "provider": "openai",
        },
    ),
    (
        Fault(pb.REASON_UNKNOWN_MODEL, "There is no model 'x'.", details={"model": "x"}),
        400,
        "validation_error",
        "INVALID_REQUEST",
        {"field": "model", "model": "x"},
    ),
    (
        Fault(pb.REASON_MODEL_UNAVAILABLE, "Nobody draws.", details={"model": "midjourney-v6"}, retry_after_seconds=5),
        503,
        "availability_error",
        "MODEL_NOT_AVAILABLE",
        {"field": "model", "model": "midjourney-v6", "retry_after": 5.0},
    ),
    (
        Fault(pb.REASON_INVALID_FIELD, "Too large.", details={"field": "size", "draw": "0"}),
        400,
        "validation_error",
        "INVALID_REQUEST",
        {"field": "parameters.width"},
    ),
    (
        Fault(pb.REASON_MAINTENANCE, "Paused.", retry_after_seconds=60),
        503,
        "availability_error",
        "MAINTENANCE",
        {"retry_after": 60.0},
    ),
    (
        Fault(
            pb.REASON_BUDGET_EXCEEDED,
            "The day budget is used up.",
            details={"scope": "account", "period": "day", "limit_micros": "10000000", "spent_micros": "9990000"},
        ),
        402,
        "quota_error",
        "QUOTA_EXCEEDED",
        {"scope": "account", "period": "day", "limit_usd": 10.0, "spent_usd": 9.99},
    ),
    (
        Fault(pb.REASON_STORAGE_EXCEEDED, "Full.", details={"limit_mb": "512", "used_mb": "512"}),
        402,
        "quota_error",
        "QUOTA_EXCEEDED",
        {"limit_mb": 512, "used_mb": 512},
    ),
    (
        Fault(pb.REASON_CONCURRENCY_EXCEEDED, "Too many.", details={"limit": "4"}, retry_after_seconds=1),
        429,
        "rate_limit_error",
        "RATE_LIMITED",
        {"limit": 4, "retry_after": 1.0},
    ),
    (Fault(pb.REASON_IDEMPOTENCY_MISMATCH, "Used."), 409, "conflict_error", "CONFLICT", {}),
]
FAILURES: list[tuple[Fault, int, str, str]] = [
    (Fault(pb.REASON_UPSTREAM_FAILED, "x"), 500, "generation_error", "GENERATION_FAILED"),
    (Fault(pb.REASON_UPSTREAM_BAD_IMAGE, "x"), 500, "generation_error", "GENERATION_FAILED"),
    (Fault(pb.REASON_UPSTREAM_RATE_LIMITED, "x"), 500, "generation_error", "GENERATION_FAILED"),
    (Fault(pb.REASON_UPSTREAM_DENIED, "x"), 500, "generation_error", "GENERATION_FAILED"),
    (Fault(pb.REASON_OUTCOME_UNKNOWN, "x"), 500, "generation_error", "GENERATION_FAILED"),
    (Fault(pb.REASON_UPSTREAM_INVALID, "x", details={"field": "steps"}), 400, "validation_error", "INVALID_REQUEST"),
    (Fault(pb.REASON_UPSTREAM_REFUSED, "x"), 400, "validation_error", "INVALID_PROMPT"),
    (Fault(pb.REASON_TIMEOUT, "x"), 504, "availability_error", "TIMEOUT"),
    (Fault(pb.REASON_CANCELLED, "x"), 409, "conflict_error", "CONFLICT"),
    (Fault(pb.REASON_INTERNAL, "x"), 500, "internal_error", "INTERNAL_ERROR"),
]


@pytest.mark.parametrize(
    ("fault", "status", "kind", "code", "details"), FAULTS, ids=[Reason.Name(row[0].reason) for row in FAULTS]
)
async def test_a_refused_purchase_is_told_with_its_particulars(
    edge: Any, fault: Fault, status: int, kind: str, code: str, details: Mapping[str, Any]
) -> None:
    edge.generator.answer = lambda _: Submitted(fault=to_proto(fault))
    async with edge.post({"prompt": "a fox"}, path=TEXT) as answer:
        error = await error_of(answer)
        assert answer.status == status
    assert (error["type"], error["code"], error["message"], error["details"]) == (kind, code, fault.message, details)


@pytest.mark.parametrize(
    ("fault", "status", "kind", "code"), FAILURES, ids=[Reason.Name(row[0].reason) for row in FAILURES]
)
async def test_a_job_of_which_nothing_could_be_made_is_told(
    edge: Any, fault: Fault, status: int, kind: str, code: str
) -> None:
    edge.generator.answer = edge.generator.failing(fault)
    async with edge.post({"prompt": "a fox"}, path=TEXT) as answer:
        error = await error_of(answer)
        assert (answer.status, error["type"], error["code"]) == (status, kind, code)
        assert answer.headers.get("X-Should-Retry") == ("false" if status >= 500 else None)


@pytest.mark.parametrize(
    ("reason", "status", "kind", "code"),
    [
        (pb.REASON_CREDENTIAL_INVALID, 401, "authentication_error", "UNAUTHORIZED"),
        (pb.REASON_KEY_REVOKED, 403, "permission_error", "FORBIDDEN"),
        (pb.REASON_ACCOUNT_SUSPENDED, 403, "permission_error", "FORBIDDEN"),
        (pb.REASON_ACCOUNT_CLOSED, 403, "permission_error", "FORBIDDEN"),
    ],
    ids=["a bad key", "a revoked key", "suspended", "closed"],
)
async def test_who_may_not_call_is_told_so(edge: Any, reason: Any, status: int, kind: str, code: str) -> None:
    edge.billing.refusal = Fault(reason, "No.")
    async with edge.post({"prompt": "a fox"}, path=TEXT, headers={"Authorization": "Bearer other"}) as answer:
        error = await error_of(answer)
        assert (answer.status, error["type"], error["code"], error["details"]) == (status, kind, code, {})
        assert ("WWW-Authenticate" in answer.headers) == (status == 401)


async def test_a_call_without_a_key_is_refused(edge: Any) -> None:
    async with edge.session.get(f"{edge.url}/api/v2/models") as answer:
        error = await error_of(answer)
        assert (answer.status, error["code"], answer.headers["WWW-Authenticate"][:6]) == (401, "UNAUTHORIZED", "Bearer")


@pytest.mark.parametrize(
    "headers", [{"X-API-Key": "{}"}, {"Authorization": "Bearer {}"}, {"authorization": "bearer {}"}]
)
async def test_a_key_is_taken_from_either_header(edge: Any, headers: Mapping[str, str]) -> None:
    sent = {name: value.format(edge.key) for name, value in headers.items()}
    async with edge.session.get(f"{edge.url}/api/v2/models", headers=sent) as answer:
        assert (answer.status, await answer.json()) == (200, {"models": []})


@pytest.mark.parametrize(
    ("reason", "field"),
    [(pb.REASON_INPUT_UNREACHABLE, "init_image"), (pb.REASON_INPUT_NOT_AN_IMAGE, "mask_image")],
    ids=["unreachable", "no picture"],
)
async def test_a_picture_that_cannot_be_had_is_an_invalid_image(edge: Any, reason: Any, field: str) -> None:
    edge.gallery.faults[str(INPAINT_REQUEST[field])] = Fault(reason, "It is none.", details={"cause": "corrupt"})
    async with edge.post(INPAINT_REQUEST, path=INPAINT) as answer:
        error = await error_of(answer)
        assert (answer.status, error["type"], error["code"]) == (400, "validation_error", "INVALID_IMAGE")
    assert error["details"] == {"field": field, "reason": "corrupt"}
    assert ("PNG, JPEG, WebP, AVIF or GIF" in error["message"]) == (reason == pb.REASON_INPUT_NOT_AN_IMAGE)
    assert edge.generator.submissions == []


@pytest.mark.parametrize(
    ("method", "path", "status", "kind", "code"),
    [
        ("GET", "/api/v2/nowhere", 404, "not_found_error", "NOT_FOUND"),
        ("GET", "/api/v2", 404, "not_found_error", "NOT_FOUND"),
        ("GET", "/oauth/nowhere", 404, "not_found_error", "NOT_FOUND"),
        ("GET", "/api/v2/generations/gen_nonsense", 404, "not_found_error", "NOT_FOUND"),
        ("GET", "/api/v2/generations/gen_01jzx4t7q2m5v8n3b6c9d0e1f2", 404, "not_found_error", "NOT_FOUND"),
        ("GET", "/api/v2/models/none", 404, "not_found_error", "NOT_FOUND"),
        ("GET", TEXT, 405, "validation_error", "METHOD_NOT_ALLOWED"),
        ("POST", "/api/v2/models", 405, "validation_error", "METHOD_NOT_ALLOWED"),
        ("POST", "/api/v2/process/filters", 501, "internal_error", "NOT_IMPLEMENTED"),
        ("GET", "/.well-known/oauth-authorization-server", 501, "internal_error", "NOT_IMPLEMENTED"),
    ],
)
async def test_what_is_not_there_is_told(edge: Any, method: str, path: str, status: int, kind: str, code: str) -> None:
    async with edge.session.request(method, edge.url + path, headers={"X-API-Key": edge.key}) as answer:
        error = await error_of(answer)
        assert (answer.status, error["type"], error["code"]) == (status, kind, code)
        if status == 405:
            assert error["details"]["allow"] == answer.headers["Allow"].split(", ")


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"prompt=fox", "application/x-www-form-urlencoded", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (b"{", "application/json", 400, "INVALID_REQUEST"),
        (b"[]", "application/json", 400, "INVALID_REQUEST"),
        (b'{"prompt": NaN}', "application/json", 400, "INVALID_REQUEST"),
        (b'{"prompt":' + b"[" * 65 + b"]" * 65 + b"}", "application/json", 400, "INVALID_REQUEST"),
    ],
    ids=["a form", "cut off", "a list", "NaN", "too deep"],
)
async def test_a_body_that_is_no_json_object_is_refused(
    edge: Any, body: bytes, content_type: str, status: int, code: str
) -> None:
    headers = {"Content-Type": content_type, "X-API-Key": edge.key}
    async with edge.session.post(edge.url + TEXT, data=body, headers=headers) as answer:
        error = await error_of(answer)
        assert (answer.status, error["type"], error["code"]) == (status, "validation_error", code)


async def test_a_body_that_is_too_large_is_refused(start_edge: Any) -> None:
    async with (
        start_edge(GESSO_BODY_LIMIT_BYTES="1000") as edge,
        edge.post({"prompt": "x" * 1_000}, path=TEXT) as answer,
    ):
        error = await error_of(answer)
        assert (answer.status, error["code"], error["details"]) == (413, "PAYLOAD_TOO_LARGE", {"limit_bytes": 1000})


async def test_a_part_of_the_platform_that_is_slow_is_no_jobs_deadline(edge: Any) -> None:
    slow = Fault(pb.REASON_TIMEOUT, "The billing did not answer in time.", details={"component": "billing"})
    edge.generator.answer = lambda _: Submitted(fault=to_proto(slow))
    async with edge.post({"prompt": "a fox"}, path=TEXT) as answer:
        error = await error_of(answer)
        assert (answer.status, error["code"], error["details"]["component"]) == (503, "SERVICE_UNAVAILABLE", "billing")


async def test_an_outage_is_told_with_the_part_that_is_away(edge: Any) -> None:
    edge.generator.hangs_up = True
    async with edge.post({"prompt": "a fox"}, path=TEXT) as answer:
        error = await error_of(answer)
        assert (answer.status, error["type"], error["code"]) == (503, "availability_error", "SERVICE_UNAVAILABLE")
        assert (error["details"]["component"], answer.headers["X-Should-Retry"]) == ("generator", "false")


@pytest.mark.parametrize("code", sorted(set(CODES.values())))
async def test_every_code_has_a_page(edge: Any, code: str) -> None:
    async with edge.session.get(f"{edge.url}/docs/errors/{code}") as page:
        assert (page.status, f"<h1><code>{code}</code></h1>" in await page.text()) == (200, True)


async def test_an_error_names_its_page_on_this_platform(edge: Any) -> None:
    async with edge.get("/api/v2/generations/gen_none") as answer:
        assert (await error_of(answer))["documentation_url"] == f"{edge.url}/docs/errors/NOT_FOUND"


async def test_pages_of_other_origins_may_read_answers(edge: Any) -> None:
    headers = {"Origin": "https://app.example", "X-API-Key": edge.key}
    async with edge.session.get(f"{edge.url}/api/v2/models", headers=headers) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
    async with edge.session.options(f"{edge.url}/api/v2/generations/x", headers=headers) as answer:
        assert (answer.status, answer.headers["Allow"]) == (204, "GET, HEAD, DELETE, OPTIONS")
