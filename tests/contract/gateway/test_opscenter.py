"""The Ops-Center dialect on the wire: its document's examples, key by key, and every way in which a call can fail."""

import base64
import json
from typing import Any

import openai
import pytest

from gesso.errors.v1 import reason_pb2 as pb
from gesso.errors.v1.reason_pb2 import Reason
from gesso.generator.v1 import generator_pb2
from servicekit.faults import Fault, InsufficientFunds, to_proto
from testkit.sample_pictures import sample

BASE = "/api/v1/llm"
GENERATIONS = [f"{BASE}/image/generations", f"{BASE}/images/generations"]
FIRST = GENERATIONS[0]
Submitted = generator_pb2.SubmitJobsResponse.SubmitJobResult
ASKED = {
    "prompt": "A majestic unicorn in a magical forest",
    "model": "dall-e-3",
    "size": "1024x1024",
    "quality": "standard",
}
SQUARE = sample("png", 64, 64).stamped(1)


async def error_of(answer: Any) -> Any:
    body = await answer.json()
    assert list(body) == ["detail", "error"]
    assert list(body["error"]) == ["message", "type", "code"]
    assert body["error"]["message"] == body["detail"]
    return body["error"]


def _drawing(edge: Any, *pictures: Any, **task: Any) -> Any:
    """An answer that ends at once, and leaves 9960 credits."""
    answer = edge.generator.drawing(*pictures, **task)

    def ended(submission: Any) -> Any:
        result = answer(submission)
        job = edge.generator.succeeded(result.job, *pictures, **task)
        job.available_micros = 9_960_000
        return Submitted(job=job)

    return ended


@pytest.mark.parametrize("path", GENERATIONS)
async def test_the_documents_example_is_answered_key_by_key(edge: Any, keep: Any, path: str) -> None:
    edge.generator.answer = _drawing(edge, keep(b"png"), revised_prompt="Enhanced prompt", charge_micros=40_000)
    async with edge.post(ASKED, path=path) as answer:
        body = await answer.json()
        assert (answer.status, answer.headers["X-Gesso-Cost-Usd"]) == (200, "0.04")
    assert list(body) == ["created", "data", "_metadata"]
    assert isinstance(body["created"], int)
    (image,) = body["data"]
    assert list(image) == ["url", "revised_prompt"]
    assert image["url"].startswith("http://files.test/i/img_")
    assert image["revised_prompt"] == "Enhanced prompt"
    assert list(body["_metadata"].items()) == [
        ("provider_used", "sketch"),
        ("cost_incurred", 40.0),
        ("credits_remaining", 9960.0),
        ("images_generated", 1),
        ("size", "1024x1024"),
        ("quality", "standard"),
    ]
    assert [type(body["_metadata"][name]) for name in ("cost_incurred", "credits_remaining")] == [float, float]
    (submission,) = edge.generator.submissions
    assert (submission.purchase.dialect, submission.purchase.route) == ("opscenter", "generations")


async def test_a_link_is_good_for_an_hour(edge: Any, keep: Any) -> None:
    edge.generator.answer = edge.generator.drawing(keep(b"png"))
    async with edge.post(ASKED, path=FIRST) as answer:
        body = await answer.json()
    expires_at = int(body["data"][0]["url"].partition("?e=")[2].partition("&")[0])
    assert expires_at - body["created"] == 3600


@pytest.mark.parametrize(
    ("model", "told", "shown"),
    [
        ("dall-e-3", "", "A unicorn"),
        ("dall-e-3", "A white unicorn", "A white unicorn"),
        ("dall-e-2", "", None),
        ("stable-diffusion-xl", "", None),
    ],
)
async def test_dall_e_3_always_has_a_revised_prompt(
    edge: Any, keep: Any, model: str, told: str, shown: str | None
) -> None:
    edge.generator.answer = edge.generator.drawing(keep(b"png"), revised_prompt=told)
    async with edge.post({"prompt": "A unicorn", "model": model}, path=FIRST) as answer:
        (image,) = (await answer.json())["data"]
    assert image.get("revised_prompt") == shown


async def test_pictures_come_in_base64_where_they_are_asked_for_so(edge: Any, keep: Any) -> None:
    edge.generator.answer = edge.generator.drawing(keep(b"one"), keep(b"two"))
    async with edge.post({**ASKED, "n": 2, "response_format": "b64_json"}, path=FIRST) as answer:
        body = await answer.json()
    assert [base64.b64decode(image["b64_json"]) for image in body["data"]] == [b"one", b"two"]
    assert body["_metadata"]["images_generated"] == 2


async def test_what_succeeded_is_answered_and_charged_where_the_rest_failed(edge: Any, keep: Any) -> None:
    edge.generator.answer = _drawing(edge, keep(b"one"), charge_micros=80_000)
    async with edge.post({**ASKED, "n": 2, "quality": "hd"}, path=FIRST) as answer:
        body = await answer.json()
    assert (answer.status, len(body["data"])) == (200, 1)
    metadata = body["_metadata"]
    assert (metadata["images_generated"], metadata["cost_incurred"], metadata["quality"]) == (1, 80.0, "hd")


async def test_a_known_provider_is_shown_as_the_document_writes_it(edge: Any, keep: Any) -> None:
    def drawn_by_openrouter(submission: Any) -> Any:
        job = edge.generator.succeeded(edge.generator.queued(submission), keep(b"png"))
        job.tasks[0].provider = "openrouter"
        return Submitted(job=job)

    edge.generator.answer = drawn_by_openrouter
    async with edge.post(ASKED, path=FIRST) as answer:
        assert (await answer.json())["_metadata"]["provider_used"] == "OpenRouter"


async def test_missing_credits_are_told_in_the_documents_words(edge: Any) -> None:
    fault = InsufficientFunds(required_micros=40_000, available_micros=10_500)
    edge.generator.answer = lambda _: Submitted(fault=to_proto(fault))
    async with edge.post(ASKED, path=FIRST) as answer:
        body = await answer.json()
    words = "Insufficient credits. Balance: 10.5, Estimated cost: 40.0 credits"
    assert (answer.status, body) == (
        402,
        {"detail": words, "error": {"message": words, "type": "insufficient_quota", "code": "insufficient_quota"}},
    )


@pytest.mark.parametrize("path", [FIRST, f"{BASE}/images/edits"])
async def test_a_stream_ends_with_what_it_cost(edge: Any, keep: Any, path: str) -> None:
    edge.generator.answer = _drawing(edge, keep(b"whole"), partials=[keep(b"first")], charge_micros=40_000)
    asked = {"prompt": "a hat", "stream": True, "partial_images": 1, "images": [{"image_url": "https://e.com/a.png"}]}
    edge.gallery.width = edge.gallery.height = 512
    async with edge.post(asked, path=path) as answer:
        lines = (await answer.text()).splitlines()
    events = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
    family = "image_edit" if path.endswith("edits") else "image_generation"
    assert [event["type"] for event in events] == [f"{family}.partial_image", f"{family}.completed"]
    assert events[1]["_metadata"]["cost_incurred"] == 40.0


async def test_a_stream_that_fails_is_worded_here(edge: Any, keep: Any) -> None:
    fault = Fault(pb.REASON_UPSTREAM_REFUSED, "Refused.")

    def failing_later(submission: Any) -> Any:
        job = edge.generator.queued(submission)
        job.tasks[0].partials.append(keep(b"first"))
        return Submitted(job=edge.generator.failed(job, fault))

    edge.generator.answer = failing_later
    async with edge.post({**ASKED, "stream": True, "partial_images": 1}, path=FIRST) as answer:
        last = json.loads((await answer.text()).rstrip().rpartition("data: ")[2])
    assert last == {
        "type": "error",
        "detail": "Refused.",
        "error": {"message": "Refused.", "type": "image_generation_user_error", "code": "moderation_blocked"},
    }


async def test_a_call_that_does_not_wait_is_accepted_and_polled_to_the_same_answer(edge: Any, keep: Any) -> None:
    edge.generator.answer = lambda submission: Submitted(job=edge.generator.queued(submission))
    async with edge.post(ASKED, path=FIRST, headers={"Prefer": "respond-async"}) as answer:
        body = await answer.json()
    job_id = body["id"]
    assert (answer.status, answer.headers["Location"]) == (202, f"{BASE}/jobs/{job_id}")
    assert body == {"id": job_id, "status": "queued", "status_url": f"{edge.url}{BASE}/jobs/{job_id}"}
    async with edge.get(f"{BASE}/jobs/{job_id}") as answer:
        assert (answer.status, answer.headers["Retry-After"], await answer.json()) == (202, "1", body)
    edge.generator.finish(edge.generator.succeeded(edge.generator.jobs[job_id], keep(b"png")))
    async with edge.get(f"{BASE}/jobs/{job_id}") as answer:
        assert (answer.status, list(await answer.json())) == (200, ["created", "data", "_metadata"])


async def test_a_job_of_another_dialect_is_shown_in_these_words(edge: Any, keep: Any) -> None:
    edge.generator.answer = edge.generator.drawing(keep(b"png"), charge_micros=42_500)
    async with edge.post({"prompt": "a fox"}) as answer:
        job_id = answer.headers["X-Gesso-Job-Id"]
    async with edge.get(f"{BASE}/jobs/{job_id}") as answer:
        body = await answer.json()
    assert (list(body["data"][0]), body["_metadata"]["cost_incurred"]) == (["url"], 42.5)


async def test_a_wait_that_runs_out_is_504(start_edge: Any) -> None:
    async with start_edge(GESSO_WAIT_SECONDS_OPSCENTER="0.2") as edge:
        edge.generator.answer = lambda submission: Submitted(job=edge.generator.queued(submission))
        async with edge.post(ASKED, path=FIRST) as answer:
            error = await error_of(answer)
            assert answer.headers["X-Gesso-Job-Id"] in error["message"]
    assert (answer.status, error["code"]) == (504, "timeout")


async def test_a_dry_run_is_priced_in_credits(edge: Any) -> None:
    edge.generator.answer = lambda _: Submitted(quote=generator_pb2.Quote(amount_micros=96_000))
    async with edge.post(ASKED, path=f"{FIRST}?dry_run=true") as answer:
        text = await answer.text()
    assert text == '{"dry_run":true,"cost":96.0,"cost_usd":0.096}'


async def test_both_paths_share_their_idempotency_keys(edge: Any, keep: Any) -> None:
    edge.generator.answer = edge.generator.drawing(keep(b"png"))
    for path in GENERATIONS:
        async with edge.post(ASKED, path=path, headers={"Idempotency-Key": "order-1"}) as answer:
            assert answer.status == 200
    first, second = (submission.purchase for submission in edge.generator.submissions)
    assert (first.route, first.idempotency_key, first.fingerprint) == (
        second.route,
        second.idempotency_key,
        second.fingerprint,
    )


@pytest.mark.parametrize(
    ("reason", "status", "code"),
    [
        (pb.REASON_CREDENTIAL_INVALID, 401, "invalid_api_key"),
        (pb.REASON_KEY_REVOKED, 401, "invalid_api_key"),
        (pb.REASON_ACCOUNT_SUSPENDED, 403, "account_suspended"),
        (pb.REASON_ACCOUNT_CLOSED, 403, "account_closed"),
    ],
)
async def test_who_may_not_call_is_told_why(edge: Any, reason: Reason.ValueType, status: int, code: str) -> None:
    edge.billing.keys, edge.billing.refusal = set(), Fault(reason, "Because.")
    async with edge.post(ASKED, path=FIRST) as answer:
        error = await error_of(answer)
    assert (answer.status, error["code"], "WWW-Authenticate" in answer.headers) == (status, code, status == 401)


async def test_too_many_requests_are_told_when_to_come_again(edge: Any) -> None:
    edge.billing.caller.limited_dialects.append("opscenter")
    edge.billing.limit = Fault(pb.REASON_RATE_LIMITED, "Too many requests.", retry_after_seconds=7)
    async with edge.post(ASKED, path=FIRST) as answer:
        error = await error_of(answer)
    assert (answer.status, error["code"], answer.headers["Retry-After"]) == (429, "rate_limit_exceeded", "7")
    assert not any(name.startswith("X-RateLimit") for name in answer.headers)


@pytest.mark.parametrize(
    ("reason", "status", "code"),
    [
        (pb.REASON_INVALID_FIELD, 400, "invalid_value"),
        (pb.REASON_CONTENT_REFUSED, 400, "moderation_blocked"),
        (pb.REASON_UNKNOWN_MODEL, 400, "model_not_found"),
        (pb.REASON_UNPRICED, 400, "unsupported_combination"),
        (pb.REASON_BUDGET_EXCEEDED, 402, "budget_exceeded"),
        (pb.REASON_STORAGE_EXCEEDED, 402, "storage_limit_reached"),
        (pb.REASON_CONCURRENCY_EXCEEDED, 429, "too_many_jobs"),
        (pb.REASON_MODEL_UNAVAILABLE, 503, "model_not_available"),
        (pb.REASON_MAINTENANCE, 503, "MAINTENANCE"),
        (pb.REASON_UNAVAILABLE, 503, "service_unavailable"),
        (pb.REASON_IDEMPOTENCY_MISMATCH, 409, "idempotency_key_in_use"),
        (pb.REASON_IDEMPOTENCY_RUNNING, 409, "idempotency_key_running"),
    ],
)
async def test_what_is_not_bought_is_told_why(edge: Any, reason: Reason.ValueType, status: int, code: str) -> None:
    edge.generator.answer = lambda _: Submitted(fault=to_proto(Fault(reason, "Because.", retry_after_seconds=2.0)))
    async with edge.post(ASKED, path=FIRST) as answer:
        error = await error_of(answer)
    assert (answer.status, error["code"]) == (status, code)
    assert error["message"] in ("Because.", "`model`: Because.")


@pytest.mark.parametrize(
    ("reason", "status", "code"),
    [
        (pb.REASON_UPSTREAM_REFUSED, 400, "moderation_blocked"),
        (pb.REASON_UPSTREAM_INVALID, 400, "invalid_value"),
        (pb.REASON_UPSTREAM_FAILED, 502, "upstream_error"),
        (pb.REASON_UPSTREAM_BAD_IMAGE, 502, "upstream_bad_image"),
        (pb.REASON_UPSTREAM_RATE_LIMITED, 502, "upstream_rate_limited"),
        (pb.REASON_UPSTREAM_DENIED, 502, "upstream_denied"),
        (pb.REASON_OUTCOME_UNKNOWN, 502, "outcome_unknown"),
        (pb.REASON_TIMEOUT, 504, "timeout"),
    ],
)
async def test_a_job_of_which_nothing_came_says_why(
    edge: Any, reason: Reason.ValueType, status: int, code: str
) -> None:
    edge.generator.answer = edge.generator.failing(Fault(reason, "Because."))
    async with edge.post(ASKED, path=FIRST) as answer:
        error = await error_of(answer)
        job_id = answer.headers["X-Gesso-Job-Id"]
    assert (answer.status, error["code"]) == (status, code)
    assert answer.headers.get("X-Should-Retry") == ("false" if status >= 500 else None)
    async with edge.get(f"{BASE}/jobs/{job_id}") as answer:
        assert (answer.status, await error_of(answer)) == (status, error)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"prompt": None}, "prompt"),
        ({"prompt": "  "}, "prompt"),
        ({"n": 11}, "n"),
        ({"size": "512x512"}, "size"),
        ({"quality": "high"}, "quality"),
        ({"model": "dall-e-2", "quality": "hd"}, "quality"),
        ({"model": "dall-e-2", "style": "vivid", "quality": None}, "style"),
        ({"response_format": "file"}, "response_format"),
    ],
)
async def test_a_wrong_field_is_a_400_that_names_it(edge: Any, fields: dict[str, Any], named: str) -> None:
    async with edge.post({**ASKED, **fields}, path=FIRST) as answer:
        error = await error_of(answer)
    assert (answer.status, error["type"], error["code"]) == (400, "invalid_request_error", "invalid_value")
    assert f"`{named}`" in error["message"]
    assert edge.generator.submissions == []


async def test_requests_that_are_none_are_told_in_its_words(start_edge: Any) -> None:
    async with start_edge(GESSO_BODY_LIMIT_BYTES="2000") as edge:
        headers = {"Authorization": f"Bearer {edge.key}"}
        url = edge.url + FIRST
        async with edge.session.post(url, data=b"{", headers={**headers, "Content-Type": "application/json"}) as answer:
            assert (answer.status, (await error_of(answer))["code"]) == (400, "invalid_value")
        async with edge.session.post(url, data=b"a=b", headers={**headers, "Content-Type": "text/plain"}) as answer:
            assert (answer.status, (await error_of(answer))["code"]) == (415, "unsupported_media_type")
        async with edge.post({"prompt": "x" * 3000}, path=FIRST) as answer:
            assert (answer.status, (await error_of(answer))["code"]) == (413, "payload_too_large")
        async with edge.get(FIRST) as answer:
            error = await error_of(answer)
            assert (answer.status, error["code"], answer.headers["Allow"]) == (405, "method_not_allowed", "POST")
        async with edge.get(f"{BASE}/videos") as answer:
            assert (answer.status, (await error_of(answer))["code"]) == (404, "not_found")
        async with edge.get(f"{BASE}/jobs/nothing") as answer:
            assert (answer.status, (await error_of(answer))["code"]) == (404, "not_found")
        async with edge.session.post(url, json=ASKED) as answer:
            assert (answer.status, (await error_of(answer))["code"]) == (401, "invalid_api_key")
        async with edge.session.options(url, headers={"Origin": "https://app.test"}) as answer:
            assert answer.status == 204


async def test_the_official_sdk_works_with_this_base(edge: Any, keep: Any) -> None:
    edge.generator.answer = edge.generator.drawing(keep(b"png"))
    async with openai.AsyncOpenAI(base_url=edge.url + BASE, api_key=edge.key, max_retries=0) as client:
        drawn = await client.images.generate(prompt="A unicorn", model="dall-e-3", size="1024x1024", quality="standard")
        assert drawn.data is not None
        assert drawn.data[0].url
        assert drawn.model_dump()["_metadata"]["cost_incurred"] == 40.0
        edited = await client.images.edit(prompt="a hat", image=SQUARE, mask=SQUARE)
        assert edited.data is not None
        with pytest.deprecated_call():
            varied = await client.images.create_variation(image=SQUARE)
        assert varied.data is not None
        stream = await client.images.generate(prompt="A unicorn", stream=True)
        assert [event.type async for event in stream] == ["image_generation.completed"]
        busy = Fault(pb.REASON_CONCURRENCY_EXCEEDED, "Too many jobs run.")
        edge.generator.answer = lambda _: Submitted(fault=to_proto(busy))
        with pytest.raises(openai.RateLimitError):
            await client.images.generate(prompt="A unicorn", model="dall-e-3")
    assert [bool(one.purchase.draws[0].mask_image_id) for one in edge.generator.submissions][:3] == [False, True, False]
