"""The Image Generation API on the wire: its document's examples, key by key, and every way in which a call can fail."""

import base64
from collections.abc import Mapping
from typing import Any

import pytest

from gateway.dialects.imagegen.faults import CODES
from gesso.billing.v1.billing_pb2 import WINDOW_DAY, WINDOW_HOUR, WINDOW_MINUTE, WindowState
from gesso.errors.v1 import reason_pb2 as pb
from gesso.errors.v1.reason_pb2 import Reason
from gesso.gallery.v1 import gallery_pb2
from gesso.generator.v1 import generator_pb2
from servicekit.faults import Conflict, Fault, InsufficientFunds, to_proto
from servicekit.ids import with_prefix

Submitted = generator_pb2.SubmitJobsResponse.SubmitJobResult
TEXT, IMAGE, INPAINT = (f"/api/v2/generate/{name}" for name in ("text-to-image", "image-to-image", "inpaint"))
METADATA = {"user_id": "user_123", "project_id": "proj_456", "tags": ["nature", "landscape", "japan"]}

TEXT_REQUEST: dict[str, Any] = {
    "prompt": "A serene Japanese garden with cherry blossoms, koi pond, and traditional bridge at sunset",
    "negative_prompt": "blur, low quality, distorted, watermark",
    "model": "stable-diffusion-xl",
    "parameters": {
        "width": 1024,
        "height": 1024,
        "num_outputs": 4,
        "num_inference_steps": 50,
        "guidance_scale": 7.5,
        "scheduler": "DPMSolverMultistep",
        "seed": 42,
        "sampler": "k_euler_a",
    },
    "style": {
        "preset": "photorealistic",
        "artistic_style": "impressionist",
        "lighting": "golden_hour",
        "camera_angle": "wide_angle",
    },
    "output": {"format": "png", "quality": 95, "return_type": "url"},
    "metadata": METADATA,
}
TEXT_ANSWER = {
    "id": "gen_abc123def456",
    "status": "completed",
    "created_at": "2024-01-01T00:00:00Z",
    "completed_at": "2024-01-01T00:00:45Z",
    "model": "stable-diffusion-xl",
    "images": [
        {
            "id": "img_001",
            "url": "https://cdn.imagegen.app/outputs/gen_abc123def456/image_1.png",
            "width": 1024,
            "height": 1024,
            "size_bytes": 2456789,
            "format": "png",
            "nsfw_score": 0.02,
            "aesthetic_score": 8.7,
        }
    ],
    "cost": {"credits": 4, "usd": 0.08},
    "metadata": METADATA,
}
IMAGE_REQUEST = {
    "init_image": "https://example.com/source-image.jpg",
    "prompt": "Transform into a cyberpunk style with neon lights and futuristic elements",
    "strength": 0.75,
    "model": "stable-diffusion-xl",
    "parameters": {
        "width": 1024,
        "height": 1024,
        "num_outputs": 2,
        "num_inference_steps": 50,
        "guidance_scale": 7.5,
    },
    "preserve": {"structure": True, "colors": False, "style": False},
}
IMAGE_ANSWER = {
    "id": "gen_xyz789",
    "status": "completed",
    "created_at": "2024-01-01T00:01:00Z",
    "completed_at": "2024-01-01T00:01:30Z",
    "source_image": {
        "url": "https://example.com/source-image.jpg",
        "analysis": {
            "dominant_colors": ["#FF5733", "#33FF57", "#3357FF"],
            "detected_objects": ["person", "building", "sky"],
            "style": "photograph",
        },
    },
    "images": [
        {
            "id": "img_003",
            "url": "https://cdn.imagegen.app/outputs/gen_xyz789/image_1.png",
            "width": 1024,
            "height": 1024,
            "transformations_applied": ["style_transfer", "color_adjustment"],
        }
    ],
}
INPAINT_REQUEST = {
    "init_image": "https://example.com/original.jpg",
    "mask_image": "https://example.com/mask.png",
    "prompt": "Replace with a beautiful flower garden",
    "model": "stable-diffusion-xl-inpaint",
    "parameters": {"num_inference_steps": 50, "guidance_scale": 7.5},
    "inpaint_mode": "original",
    "mask_blur": 4,
    "preserve_masked_area": False,
}
INPAINT_ANSWER = {
    "id": "inp_123456",
    "status": "completed",
    "images": [
        {
            "id": "img_004",
            "url": "https://cdn.imagegen.app/outputs/inp_123456/result.png",
            "mask_area_percentage": 23.5,
            "inpainted_regions": [{"x": 100, "y": 200, "width": 300, "height": 400}],
        }
    ],
}
UNMEASURED = {"nsfw_score", "aesthetic_score", "detected_objects", "style"}
"""What only a model that is not installed could tell."""


def check_form(documented: Any, answered: Any, *, key: str = "") -> None:
    """Documented keys come first and in their order, each with a value of the documented type."""
    if key in UNMEASURED:
        assert answered is None, key
    elif key == "metadata":
        assert isinstance(answered, dict)
    elif isinstance(documented, dict):
        assert list(answered)[: len(documented)] == list(documented), key
        for name, value in documented.items():
            check_form(value, answered[name], key=name)
    elif isinstance(documented, list):
        assert isinstance(answered, list), key
        for value in answered:
            check_form(documented[0], value, key=key)
    elif isinstance(documented, float):
        assert isinstance(answered, int | float), key
    else:
        assert type(answered) is type(documented), key


async def _error(answer: Any) -> Any:
    body = await answer.json()
    assert list(body) == ["error"]
    error = body["error"]
    assert list(error) == ["type", "code", "message", "details", "request_id", "documentation_url"]
    assert error["request_id"] == answer.headers["X-Request-ID"]
    assert error["documentation_url"].endswith(f"/docs/errors/{error['code']}")
    return error


@pytest.fixture
def studio(edge: Any) -> Any:
    """An edge whose gallery measures every source and mask alike."""
    edge.gallery.scripts["AnalyseImage"] = lambda _: gallery_pb2.ImageAnalysis(dominant_colors=["#ff5733", "#33ff57"])
    edge.gallery.scripts["MeasureMask"] = lambda _: gallery_pb2.MaskMeasures(
        area_percent=23.5, regions=[gallery_pb2.MaskMeasures.Region(x=100, y=200, width=300, height=400)]
    )
    return edge


def _scripted_end(edge: Any, keep: Any) -> None:
    edge.generator.answer = edge.generator.drawing(keep(b"png"), keep(b"png"), charge_micros=80_000)


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
    _scripted_end(studio, keep)
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
    _scripted_end(edge, keep)
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
    _scripted_end(studio, keep)
    async with studio.post({**IMAGE_REQUEST, "parameters": None}, path=IMAGE) as answer:
        source = (await answer.json())["source_image"]
    assert source["url"] == "https://example.com/source-image.jpg"
    assert source["analysis"] == {"dominant_colors": ["#FF5733", "#33FF57"], "detected_objects": None, "style": None}
    draw = studio.generator.submissions[0].purchase.draws[0]
    assert (draw.width, draw.height, draw.strength) == (640, 480, 0.45)
    assert len(draw.input_image_ids) == 1


async def test_a_source_by_its_id_is_answered_by_a_link(studio: Any, keep: Any) -> None:
    _scripted_end(studio, keep)
    image_id = "img_01jzx4t7q2m5v8n3b6c9d0e1f2"
    async with studio.post({**IMAGE_REQUEST, "init_image": image_id}, path=IMAGE) as answer:
        assert (await answer.json())["source_image"]["url"].startswith(f"http://files.test/i/{image_id}.png?e=")


async def test_a_large_source_is_taken_down_in_its_shape_unless_a_side_is_given(studio: Any, keep: Any) -> None:
    studio.gallery.width, studio.gallery.height, studio.gallery.format = 4096, 2050, "webp"
    _scripted_end(studio, keep)
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
    _scripted_end(studio, keep)
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
    _scripted_end(studio, keep)
    async with studio.post({**INPAINT_REQUEST, "output": {"return_type": "base64"}}, path=INPAINT) as answer:
        body, job_id = await answer.text(), answer.headers["X-Gesso-Job-Id"]
    for name in (with_prefix("inp", job_id), with_prefix("gen", job_id), job_id):
        async with studio.get(f"/api/v2/generations/{name}") as answer:
            assert (answer.status, await answer.text()) == (200, body)


async def test_a_failed_generation_is_shown_with_its_error(edge: Any) -> None:
    edge.generator.answer = edge.generator.failing(Fault(pb.REASON_UPSTREAM_FAILED, "The vendor failed."))
    async with edge.post({"prompt": "a fox"}, path=TEXT) as answer:
        error, job_id = await _error(answer), answer.headers["X-Gesso-Job-Id"]
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
        error = await _error(answer)
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
        error = await _error(answer)
        assert (answer.status, error["type"], error["code"]) == (409, "conflict_error", "CONFLICT")


async def test_a_generation_that_has_started_is_not_cancelled_and_says_that_it_goes_on(edge: Any) -> None:
    edge.generator.answer = lambda submission: Submitted(job=edge.generator.queued(submission))
    async with edge.post({"prompt": "a fox"}, path=TEXT, headers={"Prefer": "respond-async"}) as answer:
        path = answer.headers["Location"]
    edge.generator.scripts["CancelJob"] = lambda request: edge.generator.jobs[request.job_id]
    async with edge.session.delete(edge.url + path, headers={"X-API-Key": edge.key}) as answer:
        error = await _error(answer)
        assert (answer.status, error["type"], error["code"]) == (409, "conflict_error", "CONFLICT")
        assert "goes on" in error["message"]


async def test_a_dry_run_is_priced_in_credits_and_dollars(edge: Any) -> None:
    edge.generator.answer = lambda _: Submitted(quote=generator_pb2.Quote(amount_micros=50_000))
    async with edge.post({"prompt": "a fox"}, path=f"{TEXT}?dry_run=true") as answer:
        assert (answer.status, await answer.text()) == (200, '{"dry_run":true,"cost":{"credits":2.5,"usd":0.05}}')
    assert edge.generator.submissions[0].dry_run


async def test_a_replay_is_marked_and_worded_from_the_same_facts(studio: Any, keep: Any) -> None:
    _scripted_end(studio, keep)
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
        assert (answer.status, (await _error(answer))["code"]) == (429, "RATE_LIMITED")


async def test_a_used_up_window_is_told_with_its_end(edge: Any) -> None:
    edge.billing.caller.limited_dialects.append("imagegen")
    edge.billing.limit = Fault(
        pb.REASON_RATE_LIMITED,
        "The requests of this minute are used up.",
        details={"window": "minute", "limit": "60"},
        retry_after_seconds=30,
    )
    async with edge.post({"prompt": "a fox"}, path=TEXT) as answer:
        error = await _error(answer)
        assert (answer.status, error["type"], error["code"]) == (429, "rate_limit_error", "RATE_LIMITED")
        assert 1 <= int(answer.headers["Retry-After"]) <= 30
    assert (error["details"]["window"], error["details"]["limit"]) == ("minute", 60)


async def test_missing_credits_are_told_in_credits_and_dollars(edge: Any) -> None:
    fault = InsufficientFunds(required_micros=80_000, available_micros=50_000)
    edge.generator.answer = lambda _: Submitted(fault=to_proto(fault))
    async with edge.post({"prompt": "a fox"}, path=TEXT) as answer:
        error = await _error(answer)
        assert (answer.status, error["type"], error["code"]) == (402, "quota_error", "QUOTA_EXCEEDED")
    assert error["details"] == {
        "required_credits": 4,
        "available_credits": 2.5,
        "required_usd": 0.08,
        "available_usd": 0.05,
    }
    assert "4 credits" in error["message"]


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
        error = await _error(answer)
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
        error = await _error(answer)
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
        error = await _error(answer)
        assert (answer.status, error["type"], error["code"], error["details"]) == (status, kind, code, {})
        assert ("WWW-Authenticate" in answer.headers) == (status == 401)


async def test_a_call_without_a_key_is_refused(edge: Any) -> None:
    async with edge.session.get(f"{edge.url}/api/v2/models") as answer:
        error = await _error(answer)
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
        error = await _error(answer)
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
        error = await _error(answer)
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
        error = await _error(answer)
        assert (answer.status, error["type"], error["code"]) == (status, "validation_error", code)


async def test_a_body_that_is_too_large_is_refused(start_edge: Any) -> None:
    async with (
        start_edge(GESSO_BODY_LIMIT_BYTES="1000") as edge,
        edge.post({"prompt": "x" * 1_000}, path=TEXT) as answer,
    ):
        error = await _error(answer)
        assert (answer.status, error["code"], error["details"]) == (413, "PAYLOAD_TOO_LARGE", {"limit_bytes": 1000})


async def test_a_part_of_the_platform_that_is_slow_is_no_jobs_deadline(edge: Any) -> None:
    slow = Fault(pb.REASON_TIMEOUT, "The billing did not answer in time.", details={"component": "billing"})
    edge.generator.answer = lambda _: Submitted(fault=to_proto(slow))
    async with edge.post({"prompt": "a fox"}, path=TEXT) as answer:
        error = await _error(answer)
        assert (answer.status, error["code"], error["details"]["component"]) == (503, "SERVICE_UNAVAILABLE", "billing")


async def test_an_outage_is_told_with_the_part_that_is_away(edge: Any) -> None:
    edge.generator.hangs_up = True
    async with edge.post({"prompt": "a fox"}, path=TEXT) as answer:
        error = await _error(answer)
        assert (answer.status, error["type"], error["code"]) == (503, "availability_error", "SERVICE_UNAVAILABLE")
        assert (error["details"]["component"], answer.headers["X-Should-Retry"]) == ("generator", "false")


@pytest.mark.parametrize("code", sorted(set(CODES.values())))
async def test_every_code_has_a_page(edge: Any, code: str) -> None:
    async with edge.session.get(f"{edge.url}/docs/errors/{code}") as page:
        assert (page.status, f"<h1><code>{code}</code></h1>" in await page.text()) == (200, True)


async def test_an_error_names_its_page_on_this_platform(edge: Any) -> None:
    async with edge.get("/api/v2/generations/gen_none") as answer:
        assert (await _error(answer))["documentation_url"] == f"{edge.url}/docs/errors/NOT_FOUND"


async def test_pages_of_other_origins_may_read_answers(edge: Any) -> None:
    headers = {"Origin": "https://app.example", "X-API-Key": edge.key}
    async with edge.session.get(f"{edge.url}/api/v2/models", headers=headers) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
    async with edge.session.options(f"{edge.url}/api/v2/generations/x", headers=headers) as answer:
        assert (answer.status, answer.headers["Allow"]) == (204, "GET, HEAD, DELETE, OPTIONS")
