"""The Image Generation API on the wire: its document's examples, key by key, and what becomes of its generations."""

import base64
from typing import Any

import pytest

from gesso.billing.v1.billing_pb2 import WINDOW_DAY, WINDOW_HOUR, WINDOW_MINUTE, WindowState
from gesso.errors.v1 import reason_pb2 as pb
from gesso.gallery.v1 import gallery_pb2
from gesso.generator.v1 import generator_pb2
from servicekit.faults import Conflict, Fault, InsufficientFunds, to_proto
from servicekit.ids import with_prefix

from .imagegen_client import (
    IMAGE,
    IMAGE_ANSWER,
    IMAGE_REQUEST,
    INPAINT,
    INPAINT_ANSWER,
    INPAINT_REQUEST,
    METADATA,
    TEXT,
    TEXT_ANSWER,
    TEXT_REQUEST,
    Submitted,
    check_form,
    error_of,
    scripted_end,
)


@pytest.mark.parametrize(
    ("path", "request_body", "documented", "prefix"),
    [
        (TEXT, TEXT_REQUEST, TEXT_ANSWER, "gen"),
        (IMAGE, IMAGE_REQUEST, IMAGE_ANSWER, "gen"),
        (INPAINT, INPAINT_REQUEST, INPAINT_ANSWER, "inp"),
    ],
    ids=["text-to-image", "image-to-image", "inpaint"],
)
async def test_the_documents_example_is_answered_key_by_key(
    studio: Any, keep: Any, path: str, request_body: Any, documented: Any, prefix: str
) -> None:
    scripted_end(studio, keep)
    async with studio.post(request_body, path=path) as answer:
        body = await answer.json()
        assert answer.status == 200
        assert body["id"] == with_prefix(prefix, answer.headers["X-Gesso-Job-Id"])
    check_form(documented, body)
    assert body["cost"] == {"credits": 4, "usd": 0.08}
    assert type(body["cost"]["credits"]) is int
    assert body["warnings"] == (["`output.quality` has no effect on png and was ignored."] if path == TEXT else [])
    assert (body["provider"], body["upstream_model"]) == ("sketch", "sketch-1")
    assert [image["id"] for image in body["images"]] == [image["image_id"] for image in body["images"]]


async def test_metadata_and_the_effective_prompt_are_answered(edge: Any, keep: Any) -> None:
    scripted_end(edge, keep)
    async with edge.post(TEXT_REQUEST, path=TEXT) as answer:
        body = await answer.json()
    assert body["metadata"] == METADATA
    (submission,) = edge.generator.submissions
    assert body["revised_prompt"] == submission.purchase.draws[0].prompt
    assert body["revised_prompt"].startswith(TEXT_REQUEST["prompt"] + ", photorealistic")
    assert "golden hour lighting" in body["revised_prompt"]


async def test_what_the_vendor_made_of_the_prompt_is_the_effective_one(edge: Any, keep: Any) -> None:
    edge.generator.answer = edge.generator.drawing(
        keep(b"png"), revised_prompt="a fox, in detail", warnings=["No seed."]
    )
    async with edge.post({"prompt": "a fox"}, path=TEXT) as answer:
        body = await answer.json()
    assert (body["revised_prompt"], body["warnings"], body["metadata"]) == ("a fox, in detail", ["No seed."], {})


async def test_seed_and_transformations_are_told_per_picture(edge: Any, keep: Any) -> None:
    picture = keep(b"png")
    picture.seed, picture.format = 7, "jpeg"
    picture.transformations.append("resize")
    edge.generator.answer = edge.generator.drawing(picture)
    async with edge.post({"prompt": "a fox"}, path=TEXT) as answer:
        (image,) = (await answer.json())["images"]
    assert (image["seed"], image["format"], image["transformations_applied"]) == (7, "jpg", ["resize"])
    assert (image["width"], image["height"], image["size_bytes"]) == (1024, 1024, 3)


@pytest.mark.parametrize(
    ("path", "body"), [(TEXT, {"prompt": "a fox"}), (IMAGE, IMAGE_REQUEST), (INPAINT, INPAINT_REQUEST)]
)
async def test_files_in_base64_stand_in_place_of_links(studio: Any, keep: Any, path: str, body: Any) -> None:
    studio.generator.answer = studio.generator.drawing(keep(b"first"), keep(b"second"))
    async with studio.post({**body, "output": {"return_type": "base64"}}, path=path) as answer:
        images = (await answer.json())["images"]
    assert [base64.b64decode(image["base64"]) for image in images] == [b"first", b"second"]
    assert all("url" not in image for image in images)


async def test_a_source_is_brought_in_measured_and_told(studio: Any, keep: Any) -> None:
    scripted_end(studio, keep)
    async with studio.post({**IMAGE_REQUEST, "parameters": None}, path=IMAGE) as answer:
        source = (await answer.json())["source_image"]
    assert source["url"] == "https://example.com/source-image.jpg"
    assert source["analysis"] == {"dominant_colors": ["#FF5733", "#33FF57"], "detected_objects": None, "style": None}
    draw = studio.generator.submissions[0].purchase.draws[0]
    assert (draw.width, draw.height, draw.strength) == (640, 480, 0.45)
    assert len(draw.input_image_ids) == 1


async def test_a_source_by_its_id_is_answered_by_a_link(studio: Any, keep: Any) -> None:
    scripted_end(studio, keep)
    image_id = "img_01jzx4t7q2m5v8n3b6c9d0e1f2"
    async with studio.post({**IMAGE_REQUEST, "init_image": image_id}, path=IMAGE) as answer:
        assert (await answer.json())["source_image"]["url"].startswith(f"http://files.test/i/{image_id}.png?e=")


async def test_a_large_source_is_taken_down_in_its_shape_unless_a_side_is_given(studio: Any, keep: Any) -> None:
    studio.gallery.width, studio.gallery.height, studio.gallery.format = 4096, 2050, "webp"
    scripted_end(studio, keep)
    async with studio.post({**INPAINT_REQUEST, "parameters": {"width": 512}}, path=INPAINT) as answer:
        source = (await answer.json())["source_image"]
    draw = studio.generator.submissions[0].purchase.draws[0]
    assert (draw.operation, draw.width, draw.height) == (generator_pb2.OPERATION_INPAINT, 512, 1024)
    assert source["url"] == INPAINT_REQUEST["init_image"]


async def test_a_mask_is_measured_at_the_size_of_the_result(studio: Any, keep: Any) -> None:
    measured: list[gallery_pb2.MeasureMaskRequest] = []
    measures = studio.gallery.scripts["MeasureMask"]

    def measure(request: Any) -> Any:
        measured.append(request)
        return measures(request)

    studio.gallery.scripts["MeasureMask"] = measure
    scripted_end(studio, keep)
    async with studio.post({**INPAINT_REQUEST, "preserve_masked_area": True}, path=INPAINT) as answer:
        (image, _) = (await answer.json())["images"]
    (request,) = measured
    assert (request.width, request.height, request.inverted) == (640, 480, True)
    draw = studio.generator.submissions[0].purchase.draws[0]
    assert dict(draw.options) == {"inpaint_mode": "original", "mask_blur": "4", "mask_inverted": "true"}
    assert request.mask_image_id == draw.mask_image_id
    assert (image["mask_area_percentage"], image["inpainted_regions"]) == (
        23.5,
        [{"x": 100, "y": 200, "width": 300, "height": 400}],
    )


async def test_part_of_the_pictures_is_completed_with_a_warning(edge: Any, keep: Any) -> None:
    def answer(submission: Any) -> Any:
        job = edge.generator.succeeded(edge.generator.queued(submission), keep(b"png"))
        job.state = generator_pb2.Job.STATE_PARTIAL
        job.tasks[0].fault.CopyFrom(to_proto(Fault(pb.REASON_UPSTREAM_FAILED, "The vendor failed.")))
        edge.generator.finish(job)
        return Submitted(job=job)

    edge.generator.answer = answer
    async with edge.post({"prompt": "a fox", "parameters": {"num_outputs": 2}}, path=TEXT) as response:
        body = await response.json()
    assert (response.status, body["status"], len(body["images"]), "error" in body) == (200, "completed", 1, False)
    assert body["warnings"] == ["1 of 2 pictures could not be drawn: The vendor failed."]


@pytest.mark.parametrize("way", ["preference", "webhook"])
async def test_a_call_that_does_not_wait_is_accepted(edge: Any, way: str) -> None:
    edge.generator.answer = lambda submission: Submitted(job=edge.generator.queued(submission))
    body: dict[str, Any] = {"prompt": "a fox"}
    headers = {"Prefer": "respond-async"} if way == "preference" else {}
    if way == "webhook":
        body["webhook_url"] = "https://example.com/hook"
    async with edge.post(body, path=TEXT, headers=headers) as answer:
        accepted = await answer.json()
    path = f"/api/v2/generations/{accepted['id']}"
    assert answer.status == 202
    assert accepted == {
        "id": with_prefix("gen", answer.headers["X-Gesso-Job-Id"]),
        "status": "queued",
        "created_at": accepted["created_at"],
        "model": "stable-diffusion-xl",
        "status_url": f"{edge.url}{path}",
    }
    assert list(accepted) == ["id", "status", "created_at", "model", "status_url"]
    assert (answer.headers["Location"], answer.headers["Retry-After"]) == (path, "1")
    assert edge.generator.submissions[0].purchase.webhook_url == body.get("webhook_url", "")
    async with edge.get(path) as answer:
        shown = await answer.json()
        assert (answer.status, shown["status"], shown["completed_at"], shown["images"]) == (200, "queued", None, [])


async def test_a_wait_that_runs_out_is_accepted(start_edge: Any) -> None:
    async with start_edge(GESSO_WAIT_SECONDS_IMAGEGEN="0.1") as edge:
        edge.generator.answer = lambda submission: Submitted(job=edge.generator.queued(submission))
        async with edge.post({"prompt": "a fox"}, path=TEXT) as answer:
            assert (answer.status, (await answer.json())["status"]) == (202, "queued")


async def test_a_finished_generation_is_shown_as_its_call_was_answered(studio: Any, keep: Any) -> None:
    scripted_end(studio, keep)
    async with studio.post({**INPAINT_REQUEST, "output": {"return_type": "base64"}}, path=INPAINT) as answer:
        body, job_id = await answer.text(), answer.headers["X-Gesso-Job-Id"]
    for name in (with_prefix("inp", job_id), with_prefix("gen", job_id), job_id):
        async with studio.get(f"/api/v2/generations/{name}") as answer:
            assert (answer.status, await answer.text()) == (200, body)


async def test_a_failed_generation_is_shown_with_its_error(edge: Any) -> None:
    edge.generator.answer = edge.generator.failing(Fault(pb.REASON_UPSTREAM_FAILED, "The vendor failed."))
    async with edge.post({"prompt": "a fox"}, path=TEXT) as answer:
        error, job_id = await error_of(answer), answer.headers["X-Gesso-Job-Id"]
        assert (answer.status, answer.headers["X-Should-Retry"]) == (500, "false")
    assert (error["type"], error["code"]) == ("generation_error", "GENERATION_FAILED")
    async with edge.get(f"/api/v2/generations/{with_prefix('gen', job_id)}") as answer:
        shown = await answer.json()
        assert (answer.status, shown["status"], shown["images"]) == (200, "failed", [])
        assert {**shown["error"], "request_id": ""} == {**error, "request_id": ""}


async def test_a_job_of_another_dialect_is_shown(edge: Any, keep: Any) -> None:
    edge.generator.answer = edge.generator.drawing(keep(b"png"))
    async with edge.post({"prompt": "a fox", "model": "dall-e-3"}) as answer:
        job_id = answer.headers["X-Gesso-Job-Id"]
    async with edge.get(f"/api/v2/generations/{job_id}") as answer:
        body = await answer.json()
    check_form(TEXT_ANSWER, body)
    assert (body["model"], body["metadata"], body["cost"]) == ("dall-e-3", {}, {"credits": 2, "usd": 0.04})


async def test_generations_are_listed_by_pages_in_links(edge: Any, keep: Any) -> None:
    edge.generator.answer = edge.generator.drawing(keep(b"png"))
    async with edge.post({"prompt": "a fox", "output": {"return_type": "base64"}}, path=TEXT) as answer:
        job_id = answer.headers["X-Gesso-Job-Id"]
    asked = []

    def list_jobs(request: Any) -> Any:
        asked.append(request)
        return generator_pb2.ListJobsResponse(jobs=[edge.generator.jobs[job_id]], next_page_token="next")

    edge.generator.scripts["ListJobs"] = list_jobs
    async with edge.get("/api/v2/generations?limit=1&cursor=job_1") as answer:
        page = await answer.json()
    assert list(page) == ["generations", "next_cursor"]
    assert page["next_cursor"] == "next"
    assert page["generations"][0]["images"][0]["url"].startswith("http://files.test/i/img_")
    assert (asked[0].page_size, asked[0].page_token, asked[0].dialect, len(asked[0].operations)) == (1, "job_1", "", 3)


@pytest.mark.parametrize("limit", ["0", "101", "x"])
async def test_a_page_is_1_to_100_long(edge: Any, limit: str) -> None:
    async with edge.get(f"/api/v2/generations?limit={limit}") as answer:
        error = await error_of(answer)
        assert (answer.status, error["code"], error["details"]) == (400, "INVALID_REQUEST", {"field": "limit"})


async def test_a_queued_generation_is_cancelled_and_a_finished_one_is_not(edge: Any) -> None:
    edge.generator.answer = lambda submission: Submitted(job=edge.generator.queued(submission))
    async with edge.post({"prompt": "a fox"}, path=TEXT, headers={"Prefer": "respond-async"}) as answer:
        path, job_id = answer.headers["Location"], answer.headers["X-Gesso-Job-Id"]

    def cancelled(request: Any) -> Any:
        job = edge.generator.jobs[request.job_id]
        if job.state == generator_pb2.Job.STATE_CANCELLED:
            raise Conflict("job", job.id, "CANCELLED", "The job has ended.")
        job.state = generator_pb2.Job.STATE_CANCELLED
        job.tasks[0].state = generator_pb2.Task.STATE_CANCELLED
        job.finished_at.GetCurrentTime()
        return job

    edge.generator.scripts["CancelJob"] = cancelled
    async with edge.session.delete(edge.url + path, headers={"X-API-Key": edge.key}) as answer:
        assert (answer.status, await answer.read()) == (204, b"")
        assert (answer.headers["X-Gesso-Job-Id"], "Content-Type" in answer.headers) == (job_id, False)
    async with edge.session.get(edge.url + path, headers={"X-API-Key": edge.key}) as answer:
        assert (await answer.json())["status"] == "cancelled"
    async with edge.session.delete(edge.url + path, headers={"X-API-Key": edge.key}) as answer:
        error = await error_of(answer)
        assert (answer.status, error["type"], error["code"]) == (409, "conflict_error", "CONFLICT")


async def test_a_generation_that_has_started_is_not_cancelled_and_says_that_it_goes_on(edge: Any) -> None:
    edge.generator.answer = lambda submission: Submitted(job=edge.generator.queued(submission))
    async with edge.post({"prompt": "a fox"}, path=TEXT, headers={"Prefer": "respond-async"}) as answer:
        path = answer.headers["Location"]
    edge.generator.scripts["CancelJob"] = lambda request: edge.generator.jobs[request.job_id]
    async with edge.session.delete(edge.url + path, headers={"X-API-Key": edge.key}) as answer:
        error = await error_of(answer)
        assert (answer.status, error["type"], error["code"]) == (409, "conflict_error", "CONFLICT")
        assert "goes on" in error["message"]


async def test_a_dry_run_is_priced_in_credits_and_dollars(edge: Any) -> None:
    edge.generator.answer = lambda _: Submitted(quote=generator_pb2.Quote(amount_micros=50_000))
    async with edge.post({"prompt": "a fox"}, path=f"{TEXT}?dry_run=true") as answer:
        assert (answer.status, await answer.text()) == (200, '{"dry_run":true,"cost":{"credits":2.5,"usd":0.05}}')
    assert edge.generator.submissions[0].dry_run


async def test_a_replay_is_marked_and_worded_from_the_same_facts(studio: Any, keep: Any) -> None:
    scripted_end(studio, keep)
    job: dict[str, Any] = {}
    studio.generator.scripts["FindJob"] = lambda _: generator_pb2.FindJobResponse(**job)
    async with studio.post(IMAGE_REQUEST, path=IMAGE, headers={"Idempotency-Key": "one"}) as answer:
        first, job_id = await answer.text(), answer.headers["X-Gesso-Job-Id"]
    job["job"] = studio.generator.jobs[job_id]
    fetched = len(studio.gallery.imported)
    async with studio.post(IMAGE_REQUEST, path=IMAGE, headers={"Idempotency-Key": "one"}) as answer:
        assert (await answer.text(), answer.headers["Idempotent-Replayed"]) == (first, "true")
    assert len(studio.gallery.imported) == fetched


async def test_limits_and_quota_are_told(edge: Any, keep: Any) -> None:
    edge.billing.caller.limited_dialects.append("imagegen")
    edge.billing.windows = [
        WindowState(window=WINDOW_MINUTE, limit=60, remaining=58, reset_at=4_000_000_000),
        WindowState(window=WINDOW_HOUR, limit=1_000, remaining=900, reset_at=4_000_003_600),
        WindowState(window=WINDOW_DAY, limit=10_000, remaining=9_842, reset_at=4_000_086_400),
    ]
    edge.generator.answer = edge.generator.drawing(keep(b"png"))
    async with edge.post({"prompt": "a fox"}, path=TEXT) as answer:
        told = {name: value for name, value in answer.headers.items() if name.startswith(("X-RateLimit", "X-Quota"))}
    assert int(told.pop("X-RateLimit-Reset-After")) > 0
    assert told == {
        "X-RateLimit-Limit": "60",
        "X-RateLimit-Remaining": "58",
        "X-RateLimit-Reset": "4000000000",
        "X-Quota-Limit": "10000",
        "X-Quota-Remaining": "9842",
        "X-Quota-Reset": "4000086400",
    }


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/api/v2/nothing", 404), ("PUT", TEXT, 405)])
async def test_a_request_that_no_route_takes_counts_where_its_key_is_good(
    edge: Any, method: str, path: str, status: int
) -> None:
    edge.billing.caller.limited_dialects.append("imagegen")
    edge.billing.windows = [WindowState(window=WINDOW_MINUTE, limit=60, remaining=58, reset_at=4_000_000_000)]
    for key, told in ((edge.key, "58"), ("unknown", None)):
        async with edge.session.request(method, edge.url + path, headers={"X-API-Key": key}) as answer:
            assert (answer.status, answer.headers.get("X-RateLimit-Remaining")) == (status, told)
    edge.billing.limit = Fault(pb.REASON_RATE_LIMITED, "Used up.", retry_after_seconds=30)
    async with edge.session.request(method, edge.url + path, headers={"X-API-Key": edge.key}) as answer:
        assert (answer.status, (await error_of(answer))["code"]) == (429, "RATE_LIMITED")


async def test_a_used_up_window_is_told_with_its_end(edge: Any) -> None:
    edge.billing.caller.limited_dialects.append("imagegen")
    edge.billing.limit = Fault(
        pb.REASON_RATE_LIMITED,
        "The requests of this minute are used up.",
        details={"window": "minute", "limit": "60"},
        retry_after_seconds=30,
    )
    async with edge.post({"prompt": "a fox"}, path=TEXT) as answer:
        error = await error_of(answer)
        assert (answer.status, error["type"], error["code"]) == (429, "rate_limit_error", "RATE_LIMITED")
        assert 1 <= int(answer.headers["Retry-After"]) <= 30
    assert (error["details"]["window"], error["details"]["limit"]) == ("minute", 60)


async def test_missing_credits_are_told_in_credits_and_dollars(edge: Any) -> None:
    fault = InsufficientFunds(required_micros=80_000, available_micros=50_000)
    edge.generator.answer = lambda _: Submitted(fault=to_proto(fault))
    async with edge.post({"prompt": "a fox"}, path=TEXT) as answer:
        error = await error_of(answer)
        assert (answer.status, error["type"], error["code"]) == (402, "quota_error", "QUOTA_EXCEEDED")
    assert error["details"] == {
        "required_credits": 4,
        "available_credits": 2.5,
        "required_usd": 0.08,
        "available_usd": 0.05,
    }
    assert "4 credits" in error["message"]
