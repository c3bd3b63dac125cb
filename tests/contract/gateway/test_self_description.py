"""What the edge says of itself holds: the documented requests get documented answers, and its pages are served to anybody."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest
from openapi_core import Config, OpenAPI
from openapi_core.testing import MockRequest, MockResponse

from gesso.errors.v1 import reason_pb2 as pb
from gesso.generator.v1 import generator_pb2 as generator_pb
from servicekit.faults import Fault, InsufficientFunds, NotFound, Unavailable, to_proto

GENERATIONS = "/v1/images/generations"
KEY = {"Authorization": "Bearer gesso_test_key_0123456789"}
SUBMITTED = generator_pb.SubmitJobsResponse.SubmitJobResult


class Document:
    """The document as the edge serves it, against which exchanges are held."""

    def __init__(self, edge: Any, content: Any) -> None:
        self.content = content
        self._edge = edge
        config = Config(extra_media_type_deserializers={"text/event-stream": bytes.decode})
        self._rules = OpenAPI.from_dict(content, config=config)

    async def check(
        self,
        method: str,
        path: str,
        template: str,
        json: Any = None,
        headers: Mapping[str, str] = KEY,
        params: Mapping[str, str] = MappingProxyType({}),
    ) -> Any:
        """Send a request and hold it and its answer to the document; the answer's status, JSON and headers."""
        async with self._edge.session.request(
            method, self._edge.url + path, json=json, headers=headers, params=params
        ) as response:
            data = await response.read()
        asked = MockRequest(
            self._edge.url,
            method,
            path,
            path_pattern=template,
            view_args={"id": path.rpartition("/")[2], "code": path.rpartition("/")[2]},
            headers=dict(headers),
            args=dict(params),
            data=None,
        )
        answered = MockResponse(
            data, response.status, headers=dict(response.headers), content_type=response.headers["Content-Type"]
        )
        self._rules.validate_response(asked, answered)
        documented = self.content["paths"][template][method.lower()]["responses"][str(response.status)]["headers"]
        unheard = {name for name in response.headers if name.startswith("X-Gesso") or name in WATCHED} - set(documented)
        assert not unheard
        return response


WATCHED = {
    "Location",
    "Retry-After",
    "Deprecation",
    "Sunset",
    "Preference-Applied",
    "Idempotent-Replayed",
    "X-Should-Retry",
    "WWW-Authenticate",
}


@pytest.fixture
async def document(edge: Any) -> Document:
    async with edge.session.get(edge.url + "/openapi.json") as response:
        assert (response.status, response.headers["X-Content-Type-Options"]) == (200, "nosniff")
        return Document(edge, await response.json())


async def test_the_document_is_served_at_its_own_address(edge: Any, document: Document) -> None:
    assert document.content["servers"] == [{"url": edge.url}]


async def test_documented_purchases_get_documented_answers(edge: Any, document: Document, keep: Any) -> None:
    edge.generator.answer = edge.generator.drawing(
        keep(b"png"),
        usage_json=b'{"total_tokens":3}',
        revised_prompt="a fox",
        echoed={"quality": "high", "background": "opaque"},
        deprecated_on="2025-11-14",
        sunset_on="2026-05-12",
    )
    operation = document.content["paths"][GENERATIONS]["post"]
    examples = operation["requestBody"]["content"]["application/json"]["examples"]
    for example in examples.values():
        response = await document.check("POST", GENERATIONS, GENERATIONS, json=example["value"])
        assert response.status == 200
    sent = [submission.purchase.draws[0] for submission in edge.generator.submissions]
    assert [draw.prompt for draw in sent] == [example["value"]["prompt"] for example in examples.values()]


async def test_a_price_and_a_standing_job_are_documented_answers(edge: Any, document: Document) -> None:
    wanted = {"prompt": "a fox", "model": "dall-e-3"}
    edge.generator.answer = lambda _: SUBMITTED(quote=generator_pb.Quote(amount_micros=40_000))
    priced = await document.check("POST", GENERATIONS, GENERATIONS, json=wanted, params={"dry_run": "true"})
    edge.generator.answer = lambda submission: SUBMITTED(job=edge.generator.queued(submission), replayed=True)
    headers = {**KEY, "Prefer": "respond-async", "Idempotency-Key": "order-1"}
    accepted = await document.check("POST", GENERATIONS, GENERATIONS, json=wanted, headers=headers)
    polled = await document.check("GET", accepted.headers["Location"], "/v1/images/jobs/{id}")
    assert [response.status for response in (priced, accepted, polled)] == [200, 202, 202]


async def test_documented_readings_get_documented_answers(edge: Any, document: Document) -> None:
    drawing = [generator_pb.OPERATION_TEXT_TO_IMAGE]
    edge.generator.models = [generator_pb.Model(id="dall-e-3", owner="openai", dialects=["openai"], operations=drawing)]
    for template, path, status in [
        ("/v1/models", "/v1/models", 200),
        ("/v1/models/{id}", "/v1/models/dall-e-3", 200),
        ("/v1/models/{id}", "/v1/models/nothing", 404),
        ("/v1/images/jobs/{id}", "/v1/images/jobs/job_nothing", 404),
    ]:
        assert (await document.check("GET", path, template)).status == status


@pytest.mark.parametrize("path", ["/v1/images/edits", "/v1/images/variations"])
async def test_documented_edits_and_variations_get_documented_answers(
    edge: Any, document: Document, keep: Any, path: str
) -> None:
    edge.generator.answer = edge.generator.drawing(keep(b"png"))
    edge.gallery.width = edge.gallery.height = 512
    examples = document.content["paths"][path]["post"]["requestBody"]["content"]["application/json"]["examples"]
    for example in examples.values():
        assert (await document.check("POST", path, path, json=example["value"])).status == 200
    edge.gallery.faults["https://example.com/source-image.png"] = Fault(pb.REASON_INPUT_UNREACHABLE, "Gone.")
    example = next(iter(examples.values()))
    assert (await document.check("POST", path, path, json=example["value"])).status == 400


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Fault(pb.REASON_INVALID_FIELD, "Bad.", details={"field": "size"}), 400),
        (Fault(pb.REASON_CONTENT_REFUSED, "Refused."), 400),
        (InsufficientFunds(required_micros=2, available_micros=1), 402),
        (Fault(pb.REASON_UNKNOWN_MODEL, "No model."), 404),
        (NotFound("image", "img_1"), 404),
        (Fault(pb.REASON_IDEMPOTENCY_RUNNING, "Running.", retry_after_seconds=1), 409),
        (Fault(pb.REASON_CONCURRENCY_EXCEEDED, "Many.", retry_after_seconds=1), 429),
        (Fault(pb.REASON_MAINTENANCE, "Paused.", retry_after_seconds=60), 503),
        (Unavailable("billing"), 503),
    ],
)
async def test_refusals_are_documented_answers(edge: Any, document: Document, fault: Fault, status: int) -> None:
    edge.generator.answer = lambda _: SUBMITTED(fault=to_proto(fault))
    response = await document.check("POST", GENERATIONS, GENERATIONS, json={"prompt": "a fox"})
    assert response.status == status


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        (pb.REASON_UPSTREAM_REFUSED, 400),
        (pb.REASON_UPSTREAM_FAILED, 502),
        (pb.REASON_UPSTREAM_RATE_LIMITED, 502),
        (pb.REASON_OUTCOME_UNKNOWN, 502),
        (pb.REASON_CANCELLED, 409),
        (pb.REASON_TIMEOUT, 504),
        (pb.REASON_INTERNAL, 500),
    ],
)
async def test_failed_jobs_are_documented_answers(edge: Any, document: Document, reason: Any, status: int) -> None:
    # A vendor that turns somebody away, or fails, may say when it wants to be asked again.
    pause_seconds = 7.0 if reason in (pb.REASON_UPSTREAM_FAILED, pb.REASON_UPSTREAM_RATE_LIMITED) else None
    edge.generator.answer = edge.generator.failing(Fault(reason, "Failed.", retry_after_seconds=pause_seconds))
    response = await document.check("POST", GENERATIONS, GENERATIONS, json={"prompt": "a fox"})
    assert (response.status, response.headers.get("Retry-After")) == (status, pause_seconds and "7")
    path = f"/v1/images/jobs/{response.headers['X-Gesso-Job-Id']}"
    assert (await document.check("GET", path, "/v1/images/jobs/{id}")).status == status


async def test_callers_are_refused_as_documented(edge: Any, document: Document) -> None:
    assert (await document.check("GET", "/v1/models", "/v1/models", headers={})).status == 401
    edge.billing.refusal = Fault(pb.REASON_ACCOUNT_CLOSED, "Closed.")
    other = {"Authorization": "Bearer other"}
    assert (await document.check("GET", "/v1/models", "/v1/models", headers=other)).status == 403


@pytest.mark.parametrize(
    ("path", "template", "status"),
    [
        ("/healthz", "/healthz", 200),
        ("/readyz", "/readyz", 200),
        ("/status", "/status", 200),
        ("/openapi.json", "/openapi.json", 200),
        ("/docs", "/docs", 200),
        ("/docs/keys", "/docs/keys", 200),
        ("/docs/billing", "/docs/billing", 200),
        ("/docs/errors", "/docs/errors", 200),
        ("/docs/errors/rate_limit_exceeded", "/docs/errors/{code}", 200),
        ("/docs/errors/nonsense", "/docs/errors/{code}", 404),
    ],
)
async def test_anybody_may_read_the_platforms_own_paths(
    edge: Any, document: Document, path: str, template: str, status: int
) -> None:
    response = await document.check("GET", path, template, headers={})
    assert response.status == status
    assert edge.billing.authenticated == 0
    if response.headers["Content-Type"].startswith("text/html"):
        assert response.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
        assert response.headers["X-Content-Type-Options"] == "nosniff"
    async with edge.session.head(edge.url + path) as head:
        assert (head.status, await head.read()) == (status, b"")
        assert head.headers["Content-Length"] == response.headers["Content-Length"]


async def test_people_find_the_pages_that_messages_name(start_edge: Any) -> None:
    async with start_edge(GESSO_PUBLIC_URL="https://images.example/") as edge:
        async with edge.session.get(edge.url + "/v1/models") as response:
            message = (await response.json())["error"]["message"]
        assert "https://images.example/docs/keys" in message
        edge.generator.answer = lambda _: SUBMITTED(
            fault=to_proto(InsufficientFunds(required_micros=40_000, available_micros=1))
        )
        async with edge.post({"prompt": "a fox"}) as response:
            message = (await response.json())["error"]["message"]
        assert "0.04 USD" in message
        assert "0.000001 USD" in message
        assert "https://images.example/docs/billing" in message
        for path in ("/docs/keys", "/docs/billing"):
            async with edge.session.get(edge.url + path) as response:
                assert response.status == 200


async def test_who_asks_without_a_key_is_counted_by_address(edge: Any) -> None:
    for path in ("/docs", "/openapi.json", "/status", "/docs/errors/timeout", "/healthz", "/readyz"):
        async with edge.session.get(edge.url + path, headers={"X-Forwarded-For": "203.0.113.9"}) as response:
            assert response.status == 200
    assert edge.billing.takings == [("127.0.0.1", "keyless")] * 4


async def test_behind_a_trusted_proxy_the_address_is_the_clients(start_edge: Any) -> None:
    async with start_edge(GESSO_TRUSTED_PROXIES="127.0.0.0/8") as edge:
        async with edge.session.get(edge.url + "/docs", headers={"X-Forwarded-For": "203.0.113.9"}) as response:
            assert response.status == 200
        assert edge.billing.takings == [("203.0.113.9", "keyless")]


async def test_too_many_requests_without_a_key_are_429_but_probes_go_on(edge: Any, document: Document) -> None:
    edge.billing.limit = Fault(
        pb.REASON_RATE_LIMITED,
        "60 requests a minute are allowed.",
        details={"window": "minute"},
        retry_after_seconds=30,
    )
    for _ in range(2):
        response = await document.check("GET", "/docs", "/docs", headers={})
        assert (response.status, response.headers["Retry-After"]) == (429, "30")
    assert len(edge.billing.takings) == 2  # the document's own, and the first refusal
    for path in ("/healthz", "/readyz"):
        async with edge.session.get(edge.url + path) as response:
            assert response.status == 200


async def test_the_platforms_state_can_be_read_while_billing_is_away(start_edge: Any) -> None:
    async with start_edge(GESSO_BILLING_ADDRESS="unix:/nowhere/billing.sock") as edge:
        async with edge.session.get(edge.url + "/status") as response:
            assert (response.status, (await response.json())["components"]["billing"]) == (200, "down")
        async with edge.session.get(edge.url + "/docs") as response:
            assert response.status == 200


async def test_the_platforms_own_paths_only_read(edge: Any) -> None:
    async with edge.session.post(edge.url + "/docs") as response:
        assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")
        assert (await response.json())["error"]["code"] == "method_not_supported"
    async with edge.session.options(edge.url + "/openapi.json", headers={"Origin": "https://app.example"}) as response:
        assert (response.status, response.headers["Access-Control-Allow-Methods"]) == (204, "GET, HEAD, OPTIONS")
    assert edge.billing.takings == []
