"""The ProductAI dialect on the wire: its document's examples, key by key, and every code of its errors."""

import datetime
from typing import Any

import pytest

from gesso.billing.v1.billing_pb2 import WindowState
from gesso.errors.v1 import reason_pb2 as pb
from gesso.errors.v1.reason_pb2 import Reason
from gesso.generator.v1 import generator_pb2
from servicekit.faults import Fault, InsufficientFunds, NotFound, to_proto

Job = generator_pb2.Job
Submitted = generator_pb2.SubmitJobsResponse.SubmitJobResult
GENERATE = "/v1/api/generate"
ASKED = {
    "image_url": "https://example.com/photo.jpg",
    "prompt": "Make the background a sunset beach",
    "model": "nanobananapro",
    "output_format": "png",
    "aspect_ratio": "LANDSCAPE",
    "resolution": "2K",
}


class Shop:
    """A client of the dialect."""

    def __init__(self, edge: Any) -> None:
        self.edge = edge

    def post(self, body: Any, path: str = GENERATE, **headers: str) -> Any:
        return self.edge.session.post(self.edge.url + path, json=body, headers={"x-api-key": self.edge.key, **headers})

    def get(self, path: str) -> Any:
        return self.edge.session.get(self.edge.url + path, headers={"x-api-key": self.edge.key})

    def accept(self, state: Job.State.ValueType = Job.STATE_RUNNING, number: int = 12345) -> None:
        """Have the generator acknowledge jobs in this state."""

        def answer(submission: Any) -> Any:
            job = self.edge.generator.queued(submission)
            job.state, job.number = state, number
            return Submitted(job=job)

        self.edge.generator.answer = answer

    def ended(self, job: Job) -> str:
        """Have the generator know a job; the path at which it is asked for."""
        self.edge.generator.jobs[job.id] = job
        return f"/v1/api/job/{job.id}"


@pytest.fixture
def shop(edge: Any) -> Shop:
    """A client of an edge."""
    return Shop(edge)


def _job(state: Job.State.ValueType, **fields: Any) -> Job:
    job = Job(id="job_01jzx4t7q2m5v8n3b6c9d0e1f2", number=12345, dialect="productai", state=state, **fields)
    job.created_at.GetCurrentTime()
    job.tasks.add(draw=generator_pb2.Draw(prompt="a beach"))
    return job


async def _error(answer: Any) -> Any:
    body = await answer.json()
    assert list(body) == ["status", "message", "code"]
    assert body["status"] == "ERROR"
    return body


async def test_the_documents_example_is_answered_key_by_key(shop: Shop) -> None:
    shop.accept()
    async with shop.post(ASKED) as answer:
        assert (answer.status, await answer.json()) == (
            200,
            {"status": "OK", "data": {"id": 12345, "status": "RUNNING", "prompt": ASKED["prompt"]}},
        )
    (submission,) = shop.edge.generator.submissions
    (item,) = shop.edge.gallery.imported
    assert (item.url, item.limit_bytes) == (ASKED["image_url"], 10 * 1024 * 1024)
    assert len(submission.purchase.draws[0].input_image_ids) == 1
    assert submission.purchase.capture_at_start


async def test_two_pictures_are_brought_in_in_order(shop: Shop) -> None:
    shop.accept()
    urls = ["https://example.com/product1.jpg", "https://example.com/product2.jpg"]
    async with shop.post({"image_url": urls, "prompt": "one on the other", "model": "nanobanana"}) as answer:
        assert answer.status == 200
    assert [item.url for item in shop.edge.gallery.imported] == urls


async def test_an_upscaling_has_no_prompt(shop: Shop) -> None:
    shop.accept(number=67890)
    async with shop.post({"image_url": "https://example.com/photo.jpg"}, "/v1/api/upscale") as answer:
        assert await answer.json() == {"status": "OK", "data": {"id": 67890, "status": "RUNNING"}}


async def test_a_call_never_waits_whatever_it_prefers(shop: Shop) -> None:
    shop.accept(Job.STATE_QUEUED)
    async with shop.post(ASKED, Prefer="respond-async") as answer:
        assert (answer.status, (await answer.json())["data"]["status"]) == (200, "RUNNING")
        assert "Preference-Applied" not in answer.headers


@pytest.mark.parametrize("state", [Job.STATE_SUCCEEDED, Job.STATE_FAILED])
async def test_a_repeat_is_answered_as_the_first_call_was_whatever_became_of_its_job(
    shop: Shop, state: Job.State.ValueType
) -> None:
    earlier = generator_pb2.FindJobResponse(job=_job(state))
    shop.edge.generator.scripts["FindJob"] = lambda _: earlier
    async with shop.post(ASKED, **{"Idempotency-Key": "order-1"}) as answer:
        assert (answer.status, answer.headers["Idempotent-Replayed"]) == (200, "true")
        body = await answer.json()
    assert body == {"status": "OK", "data": {"id": 12345, "status": "RUNNING", "prompt": "a beach"}}


@pytest.mark.parametrize(
    ("state", "status"),
    [(Job.STATE_ADMITTING, "NOT_STARTED"), (Job.STATE_QUEUED, "NOT_STARTED"), (Job.STATE_RUNNING, "RUNNING")],
)
async def test_a_job_is_told_as_it_stands(shop: Shop, state: Job.State.ValueType, status: str) -> None:
    async with shop.get(shop.ended(_job(state))) as answer:
        assert await answer.json() == {"status": "OK", "data": {"id": 12345, "status": status, "prompt": "a beach"}}


async def test_a_completed_job_has_its_picture(shop: Shop, keep: Any) -> None:
    job = _job(Job.STATE_SUCCEEDED)
    job.tasks[0].pictures.append(keep(b"png"))
    async with shop.get(shop.ended(job)) as answer:
        data = (await answer.json())["data"]
    assert list(data) == ["id", "status", "prompt", "image_url"]
    assert data["status"] == "COMPLETED"
    assert data["image_url"].startswith("http://files.test/i/img_")


async def test_a_failed_job_says_why_and_is_no_error_of_its_poll(shop: Shop) -> None:
    job = _job(Job.STATE_FAILED, fault=to_proto(Fault(pb.REASON_UPSTREAM_FAILED, "The upstream failed.")))
    async with shop.get(shop.ended(job)) as answer:
        assert answer.status == 200
        assert (await answer.json())["data"] == {
            "id": 12345,
            "status": "ERROR",
            "prompt": "a beach",
            "error": "The upstream failed.",
        }


async def test_a_job_is_readable_for_thirty_days(shop: Shop) -> None:
    job = _job(Job.STATE_RUNNING)
    job.created_at.FromDatetime(datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=30, seconds=1))
    async with shop.get(shop.ended(job)) as answer:
        assert (answer.status, (await _error(answer))["code"]) == (404, "JOB_NOT_FOUND")


@pytest.mark.parametrize("job_id", ["99", "abc", "job_1", "0", "-1", "1.5", "99999999999999999999"])
async def test_a_job_that_is_not_the_callers_is_not_found(shop: Shop, job_id: str) -> None:
    async with shop.get(f"/v1/api/job/{job_id}") as answer:
        assert (answer.status, (await _error(answer))["code"]) == (404, "JOB_NOT_FOUND")


async def test_calls_are_counted_by_address_and_polls_are_not(shop: Shop) -> None:
    shop.accept()
    async with shop.post(ASKED) as answer:
        assert answer.status == 200
    async with shop.get(shop.ended(_job(Job.STATE_RUNNING))) as answer:
        assert answer.status == 200
    assert shop.edge.billing.takings == [("127.0.0.1", "productai")]
    assert shop.edge.billing.figures_of == [shop.edge.billing.caller.token]


async def test_a_used_up_limit_is_told(shop: Shop) -> None:
    shop.edge.billing.limit = Fault(pb.REASON_RATE_LIMITED, "15 requests a minute.", retry_after_seconds=3)
    shop.edge.billing.windows = [WindowState(limit=15, remaining=0, reset_at=1)]
    async with shop.post(ASKED) as answer:
        assert (answer.status, (await _error(answer))["code"]) == (429, "RATE_LIMIT_EXCEEDED")
        assert int(answer.headers["Retry-After"]) in (1, 2, 3)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({**ASKED, "prompt": " "}, "INVALID_REQUEST"),
        ({**ASKED, "model": "dall-e-3"}, "INVALID_MODEL"),
        ({**ASKED, "model": ""}, "INVALID_MODEL"),
        ({**ASKED, "image_url": "not an address"}, "INVALID_IMAGE_URL"),
        ({**ASKED, "image_url": ""}, "INVALID_IMAGE_URL"),
        ({**ASKED, "image_url": "data:image/png;base64,???"}, "INVALID_IMAGE_URL"),
        ({**ASKED, "model": "kontext-pro", "resolution": None, "image_url": ["https://a.test/1", "https://a.test/2"]},
         "INVALID_IMAGE_URL"),
        ({**ASKED, "aspect_ratio": "WIDE"}, "INVALID_REQUEST"),
        ({"prompt": "a", "model": "nanobanana"}, "INVALID_REQUEST"),
    ],
)  # fmt: skip
async def test_a_wrong_request_buys_nothing(shop: Shop, body: Any, code: str) -> None:
    async with shop.post(body) as answer:
        assert (answer.status, (await _error(answer))["code"]) == (400, code)
    assert shop.edge.generator.submissions == []


@pytest.mark.parametrize(
    "fault",
    [
        Fault(pb.REASON_INPUT_UNREACHABLE, "Gone.", details={"cause": "unreachable"}),
        Fault(pb.REASON_INPUT_NOT_AN_IMAGE, "No picture.", details={"cause": "too_large"}),
    ],
    ids=["unreachable", "too large"],
)
async def test_a_picture_that_cannot_be_had_buys_nothing(shop: Shop, fault: Fault) -> None:
    shop.edge.gallery.faults["https://example.com/photo.jpg"] = fault
    async with shop.post(ASKED) as answer:
        assert (answer.status, (await _error(answer))["code"]) == (400, "INVALID_IMAGE_URL")
    assert shop.edge.generator.submissions == []


@pytest.mark.parametrize(
    ("sides", "factor", "status"),
    [
        ((8_000, 2_000), 2, 200),
        ((8_001, 2_000), 2, 400),
        ((2_000, 2_000), 4, 200),
        ((2_001, 2_000), 4, 400),
        ((8_192, 100), 4, 200),
        ((8_193, 100), 4, 400),
        ((100, 16_385), 2, 400),
    ],
)
async def test_a_picture_that_would_become_too_large_buys_nothing(
    shop: Shop, sides: tuple[int, int], factor: int, status: int
) -> None:
    shop.accept()
    shop.edge.gallery.width, shop.edge.gallery.height = sides
    body = {"image_url": "https://example.com/photo.jpg", "scale_factor": factor}
    async with shop.post(body, "/v1/api/upscale") as answer:
        told = await answer.json()
    assert (answer.status, told.get("code")) == (status, None if status == 200 else "INVALID_IMAGE_URL")
    assert len(shop.edge.generator.submissions) == (status == 200)


@pytest.mark.parametrize("other", ["gif", "avif"])
async def test_a_picture_of_another_format_buys_nothing(shop: Shop, other: str) -> None:
    shop.edge.gallery.format = other
    async with shop.post(ASKED) as answer:
        error = await _error(answer)
    assert (answer.status, error["code"]) == (400, "INVALID_IMAGE_URL")
    assert error["message"] == f"`image_url` is of the format {other.upper()}; taken are PNG, JPEG and WebP."
    assert shop.edge.generator.submissions == []


async def test_what_is_no_picture_is_answered_by_the_formats_of_this_api_alone(shop: Shop) -> None:
    fault = Fault(pb.REASON_INPUT_NOT_AN_IMAGE, "It is none.", details={"cause": "not_an_image"})
    shop.edge.gallery.faults["https://example.com/photo.jpg"] = fault
    async with shop.post(ASKED) as answer:
        assert (await _error(answer))["message"] == "`image_url`: It is none. Send a PNG, JPEG or WebP that opens."


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (InsufficientFunds(required_micros=240_000, available_micros=59_999), 402, "OUT_OF_TOKENS"),
        (Fault(pb.REASON_BUDGET_EXCEEDED, "Because."), 402, "OUT_OF_TOKENS"),
        (Fault(pb.REASON_CONTENT_REFUSED, "Because."), 400, "INVALID_REQUEST"),
        (Fault(pb.REASON_UNKNOWN_MODEL, "Because."), 400, "INVALID_MODEL"),
        (Fault(pb.REASON_MODEL_UNAVAILABLE, "Because."), 503, "MODEL_UNAVAILABLE"),
        (Fault(pb.REASON_MAINTENANCE, "Because.", retry_after_seconds=60), 503, "MAINTENANCE"),
        (Fault(pb.REASON_IDEMPOTENCY_MISMATCH, "Because."), 409, "CONFLICT"),
        (Fault(pb.REASON_INTERNAL, "Because."), 500, "SERVER_ERROR"),
    ],
    ids=lambda value: Reason.Name(value.reason) if isinstance(value, Fault) else "",
)
async def test_what_is_not_bought_is_told_why(shop: Shop, fault: Fault, status: int, code: str) -> None:
    shop.edge.generator.answer = lambda _: Submitted(fault=to_proto(fault))
    async with shop.post(ASKED) as answer:
        error = await _error(answer)
        assert (answer.status, error["code"]) == (status, code)
    if isinstance(fault, InsufficientFunds):
        assert "this takes 8, and 1 are left" in error["message"]


@pytest.mark.parametrize(
    ("reason", "status", "code"),
    [
        (pb.REASON_CREDENTIAL_INVALID, 401, "INVALID_API_KEY"),
        (pb.REASON_KEY_REVOKED, 401, "INVALID_API_KEY"),
        (pb.REASON_ACCOUNT_SUSPENDED, 403, "ACCOUNT_SUSPENDED"),
    ],
)
async def test_who_may_not_call_is_told_why(shop: Shop, reason: Reason.ValueType, status: int, code: str) -> None:
    shop.edge.billing.keys, shop.edge.billing.refusal = set(), Fault(reason, "Because.")
    async with shop.post(ASKED) as answer:
        assert (answer.status, (await _error(answer))["code"]) == (status, code)
    assert shop.edge.billing.takings == []


async def test_a_key_counts_in_its_own_header_only(shop: Shop) -> None:
    async with shop.edge.post(ASKED, path=GENERATE) as answer:
        error = await _error(answer)
        assert (answer.status, error["code"]) == (401, "INVALID_API_KEY")
        assert "`x-api-key`" in error["message"]


async def test_unknown_paths_and_methods_are_told_in_its_words(shop: Shop) -> None:
    async with shop.get("/v1/api/nothing") as answer:
        assert (answer.status, (await _error(answer))["code"]) == (404, "NOT_FOUND")
    async with shop.get(GENERATE) as answer:
        assert (answer.status, (await _error(answer))["code"]) == (405, "METHOD_NOT_ALLOWED")


async def test_a_dry_run_is_priced_in_tokens(shop: Shop) -> None:
    shop.edge.generator.answer = lambda _: Submitted(quote=generator_pb2.Quote(amount_micros=240_000))
    async with shop.post(ASKED, f"{GENERATE}?dry_run=true") as answer:
        assert await answer.json() == {"dry_run": True, "cost": 8, "cost_usd": 0.24}


async def test_a_model_of_ones_own_that_there_is_not_is_invalid(shop: Shop) -> None:
    fault = NotFound("custom model", "custom-a")
    shop.edge.generator.answer = lambda _: Submitted(fault=to_proto(Fault(pb.REASON_UNKNOWN_MODEL, fault.message)))
    body = {"image_url": "https://example.com/photo.jpg", "prompt": "brand style", "model": "custom-a"}
    async with shop.post(body, "/v1/api/generate-custom-model") as answer:
        assert (answer.status, (await _error(answer))["code"]) == (400, "INVALID_MODEL")


async def test_a_dry_run_registers_no_model(shop: Shop) -> None:
    body = {"name": "custom-a", "provider": "fal", "base_model": "flux-dev", "weights_url": "owner/repo"}
    async with shop.post(body, "/v1/api/custom-models?dry_run=true") as answer:
        assert (answer.status, await answer.json()) == (200, {"dry_run": True, "cost": 0, "cost_usd": 0.0})
    async with shop.post({**body, "name": "a"}, "/v1/api/custom-models?dry_run=true") as answer:
        assert (await _error(answer))["code"] == "INVALID_REQUEST"


async def test_a_repeated_registration_is_the_same_and_says_so(shop: Shop) -> None:
    asked: list[Any] = []

    def create(request: Any) -> Any:
        asked.append(request)
        return generator_pb2.CustomModel(name=request.model.name, replayed=len(asked) > 1)

    shop.edge.generator.scripts["CreateCustomModel"] = create
    body = {"name": "custom-a", "provider": "fal", "base_model": "flux-dev", "weights_url": "owner/repo"}
    marks = []
    for key in ("order-1", "order-1", "order-2"):
        async with shop.post(body, "/v1/api/custom-models", **{"Idempotency-Key": key}) as answer:
            assert (answer.status, (await answer.json())["data"]["name"]) == (200, "custom-a")
            marks.append(answer.headers.get("Idempotent-Replayed"))
    first, second, third = (request.request_id for request in asked)
    assert first == second != third
    assert marks[:2] == [None, "true"]
