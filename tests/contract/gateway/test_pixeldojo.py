"""The PixelDojo dialect on the wire: its document's examples, key by key, and every way in which a call can fail."""

from typing import Any

import pytest

from gesso.billing.v1.billing_pb2 import WINDOW_MINUTE, Subscription, WindowState
from gesso.errors.v1 import reason_pb2 as pb
from gesso.errors.v1.reason_pb2 import Reason
from gesso.generator.v1 import generator_pb2
from servicekit.faults import Fault, InsufficientFunds, to_proto
from servicekit.temporary_links import open_temporary_path

FLUX = "/api/v1/flux"
Submitted = generator_pb2.SubmitJobsResponse.SubmitJobResult
ASKED = {"prompt": "A beautiful landscape", "model": "flux-pro", "aspect_ratio": "16:9", "num_outputs": 1}


@pytest.fixture
def dojo(edge: Any) -> Any:
    """An edge whose caller has an active subscription."""
    edge.billing.caller.subscription.CopyFrom(Subscription(plan="pro", active=True))
    return edge


async def _error(answer: Any) -> Any:
    body = await answer.json()
    assert list(body) == ["error"]
    assert list(body["error"])[:3] == ["code", "message", "status"]
    assert body["error"]["status"] == answer.status
    return body["error"]


async def test_the_documents_example_is_answered_key_by_key(dojo: Any, keep: Any) -> None:
    shown = keep(b"png")
    dojo.generator.answer = dojo.generator.drawing(shown, charge_micros=40_000)
    async with dojo.post(ASKED, path=FLUX) as answer:
        body = await answer.json()
        assert (answer.status, answer.headers["X-Gesso-Cost-Usd"]) == (200, "0.04")
    assert list(body) == ["images", "credits_used", "credits_remaining"]
    assert (body["credits_used"], type(body["credits_used"])) == (1, int)
    (link,) = body["images"]
    assert link.startswith("http://files.test/pixeldojotemp/")
    opened = open_temporary_path(link.removeprefix("http://files.test"), bytes(32))
    assert opened is not None
    assert opened.image_id == shown.image_id
    (submission,) = dojo.generator.submissions
    assert (submission.purchase.dialect, submission.purchase.keep_seconds) == ("pixeldojo", 86_400)


async def test_a_price_with_a_half_is_shown_as_one(dojo: Any, keep: Any) -> None:
    dojo.generator.answer = dojo.generator.drawing(keep(b"png"), charge_micros=60_000)
    async with dojo.post({**ASKED, "model": "flux-1.1-pro-ultra"}, path=FLUX) as answer:
        assert (await answer.json())["credits_used"] == 1.5


async def test_links_count_the_pictures(dojo: Any, keep: Any) -> None:
    pictures = [keep(b"png") for index in range(3)]
    dojo.generator.answer = dojo.generator.drawing(*pictures)
    async with dojo.post({**ASKED, "num_outputs": 3}, path=FLUX) as answer:
        links = (await answer.json())["images"]
    assert [link.rpartition("-")[2] for link in links] == ["0.png", "1.png", "2.png"]


async def test_without_a_subscription_nothing_is_drawn(edge: Any) -> None:
    async with edge.post(ASKED, path=FLUX) as answer:
        error = await _error(answer)
    assert (answer.status, error["code"]) == (403, "subscription_required")
    assert edge.generator.submissions == []


async def test_missing_credits_are_told_beside_the_documents_words(dojo: Any) -> None:
    fault = InsufficientFunds(required_micros=120_000, available_micros=50_000)
    dojo.generator.answer = lambda _: Submitted(fault=to_proto(fault))
    async with dojo.post(ASKED, path=FLUX) as answer:
        error = await _error(answer)
    assert error == {
        "code": "insufficient_credits",
        "message": "Your account has insufficient credits",
        "status": 403,
        "credits_needed": 3,
        "credits_available": 1.25,
    }


async def test_a_call_that_does_not_wait_is_accepted(dojo: Any) -> None:
    dojo.generator.answer = lambda submission: Submitted(job=dojo.generator.queued(submission))
    async with dojo.post(ASKED, path=FLUX, headers={"Prefer": "respond-async"}) as answer:
        body = await answer.json()
    job_id = body["id"]
    assert (answer.status, list(body), body["status"]) == (202, ["id", "status", "status_url"], "queued")
    assert answer.headers["Location"] == f"/api/v1/jobs/{job_id}"
    async with dojo.get(f"/api/v1/jobs/{job_id}") as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (202, "1")
        assert await answer.json() == body


async def test_a_finished_job_is_shown_as_its_call_was_answered(dojo: Any, keep: Any) -> None:
    dojo.generator.answer = dojo.generator.drawing(keep(b"png"))
    async with dojo.post(ASKED, path=FLUX) as answer:
        body, job_id = await answer.json(), answer.headers["X-Gesso-Job-Id"]
    async with dojo.get(f"/api/v1/jobs/{job_id}") as answer:
        assert (answer.status, await answer.json()) == (200, body)


async def test_a_job_of_another_dialect_is_shown_by_its_usual_links(dojo: Any, keep: Any) -> None:
    dojo.generator.answer = dojo.generator.drawing(keep(b"png"))
    async with dojo.post({"prompt": "a fox", "model": "dall-e-3"}) as answer:
        job_id = answer.headers["X-Gesso-Job-Id"]
    async with dojo.get(f"/api/v1/jobs/{job_id}") as answer:
        (link,) = (await answer.json())["images"]
    assert link.startswith("http://files.test/i/img_")


async def test_a_dry_run_is_priced_in_credits(dojo: Any) -> None:
    dojo.generator.answer = lambda _: Submitted(quote=generator_pb2.Quote(amount_micros=60_000))
    async with dojo.post(ASKED, path=f"{FLUX}?dry_run=true") as answer:
        assert await answer.json() == {"dry_run": True, "cost": 1.5, "cost_usd": 0.06}


async def test_limits_stand_on_every_answer(dojo: Any, keep: Any) -> None:
    window = WindowState(window=WINDOW_MINUTE, limit=60, remaining=59, reset_at=1_619_284_800)
    dojo.billing.caller.limited_dialects.append("pixeldojo")
    dojo.billing.windows = [window]
    dojo.generator.answer = dojo.generator.drawing(keep(b"png"))
    for body, status in ((ASKED, 200), ({}, 400)):
        async with dojo.post(body, path=FLUX) as answer:
            headers = {name: answer.headers[f"X-RateLimit-{name}"] for name in ("Limit", "Remaining", "Reset")}
        assert (answer.status, headers) == (status, {"Limit": "60", "Remaining": "59", "Reset": "1619284800"})


@pytest.mark.parametrize(
    ("reason", "status", "code"),
    [
        (pb.REASON_CREDENTIAL_INVALID, 401, "unauthorized"),
        (pb.REASON_KEY_REVOKED, 403, "key_revoked"),
        (pb.REASON_ACCOUNT_SUSPENDED, 403, "account_suspended"),
        (pb.REASON_ACCOUNT_CLOSED, 403, "account_closed"),
    ],
)
async def test_who_may_not_call_is_told_why(dojo: Any, reason: Reason.ValueType, status: int, code: str) -> None:
    dojo.billing.keys, dojo.billing.refusal = set(), Fault(reason, "Because.")
    async with dojo.post(ASKED, path=FLUX) as answer:
        error = await _error(answer)
    assert (error["status"], error["code"]) == (status, code)


@pytest.mark.parametrize(
    ("reason", "status", "code"),
    [
        (pb.REASON_CONTENT_REFUSED, 400, "content_refused"),
        (pb.REASON_UNKNOWN_MODEL, 400, "invalid_model"),
        (pb.REASON_BUDGET_EXCEEDED, 403, "budget_exceeded"),
        (pb.REASON_MODEL_UNAVAILABLE, 503, "model_unavailable"),
        (pb.REASON_MAINTENANCE, 503, "maintenance"),
        (pb.REASON_IDEMPOTENCY_MISMATCH, 409, "idempotency_key_in_use"),
    ],
)
async def test_what_is_not_bought_is_told_why(dojo: Any, reason: Reason.ValueType, status: int, code: str) -> None:
    dojo.generator.answer = lambda _: Submitted(fault=to_proto(Fault(reason, "Because.", retry_after_seconds=2.0)))
    async with dojo.post(ASKED, path=FLUX) as answer:
        error = await _error(answer)
    assert (error["status"], error["code"]) == (status, code)
    assert error["message"] in ("Because.", "`model`: Because.")


@pytest.mark.parametrize(
    ("reason", "status", "code"),
    [
        (pb.REASON_UPSTREAM_REFUSED, 400, "content_refused"),
        (pb.REASON_UPSTREAM_FAILED, 500, "generation_failed"),
        (pb.REASON_UPSTREAM_BAD_IMAGE, 500, "generation_failed"),
        (pb.REASON_OUTCOME_UNKNOWN, 500, "generation_failed"),
        (pb.REASON_TIMEOUT, 504, "timeout"),
    ],
)
async def test_a_job_of_which_nothing_came_says_why(
    dojo: Any, reason: Reason.ValueType, status: int, code: str
) -> None:
    dojo.generator.answer = dojo.generator.failing(Fault(reason, "Because."))
    async with dojo.post(ASKED, path=FLUX) as answer:
        error = await _error(answer)
    assert (error["status"], error["code"]) == (status, code)
    assert answer.headers.get("X-Should-Retry") == ("false" if status >= 500 else None)


async def test_paths_and_methods_that_are_not_there_are_told_in_its_words(dojo: Any) -> None:
    async with dojo.get(FLUX) as answer:
        assert ((await _error(answer))["code"], answer.headers["Allow"]) == ("method_not_allowed", "POST")
    async with dojo.get(f"{FLUX}/pro") as answer:
        assert (await _error(answer))["code"] == "not_found"
    async with dojo.get("/api/v1/jobs/job_1") as answer:
        assert (answer.status, (await _error(answer))["code"]) == (404, "not_found")
    async with dojo.session.post(dojo.url + FLUX, json=ASKED) as answer:
        assert (answer.status, (await _error(answer))["code"]) == (401, "unauthorized")
        assert "WWW-Authenticate" in answer.headers
