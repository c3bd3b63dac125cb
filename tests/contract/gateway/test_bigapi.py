"""The BIG API's jobs on the wire: its document's examples, key by key, and all that a job may come to."""

from typing import Any

import pytest

from gesso.errors.v1 import reason_pb2 as pb
from gesso.errors.v1.reason_pb2 import Reason
from gesso.generator.v1 import generator_pb2
from gesso.generator.v1.generator_pb2 import Job, Task
from servicekit.faults import Conflict, Fault, InsufficientFunds, NotFound, to_proto
from servicekit.sealing import public_key_of

from .bigapi_client import ASKED, CREATE, TWO, Client, Submitted

SHAPE = ["message", "total_tasks", "successful", "failed", "credits_used", "credits_remaining", "results"]
PRIVATE_KEY = b"\x07" * 32


@pytest.fixture
def client(edge: Any, keep: Any) -> Client:
    return Client(edge, keep)


async def test_the_documents_example_is_answered_key_by_key(client: Client) -> None:
    client.end()
    async with client.create() as answer:
        body = await answer.json()
    assert answer.status == 200
    link = body["results"][0].pop("imageUrl")
    assert link.startswith("http://files.test/i/img_")
    assert body == {
        "message": "Job completed successfully",
        "total_tasks": 1,
        "successful": 1,
        "failed": 0,
        "credits_used": 10,
        "credits_remaining": 9990,
        "results": [{"prompt": ASKED["tasks"][0]["prompt"], "provider": "dalle", "status": "Success"}],
    }
    assert list(body) == SHAPE
    assert {type(body[name]) for name in SHAPE[1:6]} == {int}
    (submission,) = client.generator.submissions
    assert (submission.purchase.dialect, submission.purchase.route, submission.purchase.keep_seconds) == (
        "bigapi",
        "create",
        0,
    )


async def test_links_are_valid_for_seven_days(client: Client) -> None:
    client.end()
    async with client.create() as answer:
        link = (await answer.json())["results"][0]["imageUrl"]
        job = client.generator.jobs[answer.headers["X-Gesso-Job-Id"]]
    assert int(link.partition("e=")[2].partition("&")[0]) - job.created_at.seconds == 604_800


EXAMPLES: list[Any] = [
    {"prompt": "A photorealistic cat wearing sunglasses", "provider": "dalle", "size": "1024x1024"},
    {
        "prompt": "Professional portrait photography, studio lighting",
        "provider": "imagen-4-ultra",
        "aspect_ratio": "1:1",
        "image_size": "2K",
        "person_generation": "allow_adult",
    },
    {
        "prompt": "A trendy restaurant with digital menu board",
        "provider": "seedream-4",
        "image_size": "auto_2K",
        "enhance_prompt_mode": "standard",
    },
    {
        "prompt": "Vintage travel poster of Paris",
        "provider": "ideogram-v3",
        "style": "REALISTIC",
        "style_preset": "TRAVEL_POSTER",
        "rendering_speed": "BALANCED",
    },
    {
        "prompt": "Cyberpunk cityscape at twilight",
        "provider": "gpt-image-1",
        "image_size": "1024x1024",
        "quality": "high",
        "background": "transparent",
        "openai_api_key": "sk-...",
    },
    {"prompt": "Abstract geometric art, vibrant colors", "provider": "flux-kontext", "aspect_ratio": "16:9"},
    {
        "prompt": "Mount Fuji with cherry blossoms",
        "provider": "qwen-image",
        "image_size": "landscape_4_3",
        "guidance_scale": 2.5,
        "acceleration": "regular",
        "negative_prompt": "blurry, low quality",
    },
    {"prompt": "A serene mountain landscape at sunset", "provider": "dalle"},
]
"""Every task that the document shows."""


async def test_every_task_of_the_document_is_drawn_in_order(client: Client) -> None:
    client.generator.scripts["GetSealingKey"] = lambda _: generator_pb2.SealingKey(
        public_key=public_key_of(PRIVATE_KEY)
    )
    client.end()
    async with client.create({"tasks": EXAMPLES}) as answer:
        body = await answer.json()
    assert (body["successful"], body["total_tasks"]) == (8, 8)
    asked = [(task["prompt"], task["provider"]) for task in EXAMPLES]
    assert [(result["prompt"], result["provider"]) for result in body["results"]] == asked


async def test_one_task_that_fails_leaves_the_others_alone(client: Client) -> None:
    refusal = Fault(pb.REASON_UPSTREAM_REFUSED, "OpenAI refused the prompt for its content.")
    client.end(refusal)
    async with client.create(TWO) as answer:
        body = await answer.json()
    assert (answer.status, body["message"]) == (200, "Job completed with errors")
    assert (body["total_tasks"], body["successful"], body["failed"], body["credits_used"]) == (2, 1, 1, 10)
    assert body["results"][0] == {
        "prompt": "A serene mountain landscape",
        "provider": "dalle",
        "status": "Failed",
        "error": "OpenAI refused the prompt for its content.",
    }
    assert list(body["results"][1]) == ["prompt", "provider", "status", "imageUrl"]


@pytest.mark.parametrize(
    "reason",
    [
        pb.REASON_UPSTREAM_REFUSED,
        pb.REASON_UPSTREAM_FAILED,
        pb.REASON_UPSTREAM_BAD_IMAGE,
        pb.REASON_UPSTREAM_RATE_LIMITED,
        pb.REASON_UPSTREAM_DENIED,
        pb.REASON_UPSTREAM_INVALID,
        pb.REASON_OUTCOME_UNKNOWN,
        pb.REASON_SECRET_LOST,
        pb.REASON_TIMEOUT,
        pb.REASON_INTERNAL,
    ],
    ids=Reason.Name,
)
async def test_a_job_of_which_nothing_came_says_so_in_its_tasks(client: Client, reason: Reason.ValueType) -> None:
    client.end(Fault(reason, "Because of this."))
    async with client.create() as answer:
        body = await answer.json()
    assert answer.status == 200
    assert "X-Should-Retry" not in answer.headers
    assert (body["message"], body["successful"], body["failed"], body["credits_used"]) == ("Job failed", 0, 1, 0)
    assert body["credits_remaining"] == 10_000
    (result,) = body["results"]
    assert (result["status"], result["error"]) == ("Failed", "Because of this.")


async def test_a_job_without_a_fault_of_its_task_tells_its_own(client: Client) -> None:
    job = Job(id="job_01jzx4t7q2m5v8n3b6c9d0e1f2", state=Job.STATE_FAILED, tasks=[Task(state=Task.STATE_FAILED)])
    job.fault.CopyFrom(to_proto(Fault(pb.REASON_TIMEOUT, "The job's deadline passed.")))
    client.generator.jobs[job.id] = job
    async with client.get(f"/v1/jobs/{job.id}") as answer:
        assert (await answer.json())["results"][0]["error"] == "The job's deadline passed."


@pytest.mark.parametrize("asks", ["body", "header"])
async def test_an_asynchronous_job_is_accepted_and_polled_to_its_end(client: Client, asks: str) -> None:
    client.acknowledge()
    body = {**TWO, "async": True} if asks == "body" else TWO
    headers = {"Prefer": "respond-async"} if asks == "header" else {}
    async with client.create(body, **headers) as answer:
        accepted = await answer.json()
    job_id, path = accepted["job_id"], f"/v1/jobs/{accepted['job_id']}"
    assert answer.status == 202
    assert accepted == {
        "message": "Job accepted",
        "job_id": job_id,
        "status_url": client.edge.url + path,
        "total_tasks": 2,
    }
    assert list(accepted) == ["message", "job_id", "status_url", "total_tasks"]
    assert (answer.headers["Location"], answer.headers["X-Gesso-Job-Id"]) == (path, job_id)
    assert answer.headers.get("Preference-Applied") == ("respond-async" if asks == "header" else None)

    job = client.generator.jobs[job_id]
    job.state = Job.STATE_RUNNING
    done = client.ended(job)
    job.tasks[0].CopyFrom(done.tasks[0])
    job.tasks[1].state = Task.STATE_SUBMITTED
    async with client.get(path) as answer:
        running = await answer.json()
    assert (answer.status, list(running), running["message"]) == (200, SHAPE, "Job running")
    assert [result["status"] for result in running["results"]] == ["Success", "Running"]
    assert (running["successful"], running["failed"], running["credits_used"]) == (1, 0, 10)
    assert running["credits_remaining"] == 9990
    assert running["results"][0]["imageUrl"]
    assert list(running["results"][1]) == ["prompt", "provider", "status"]

    client.generator.jobs[job_id] = done
    async with client.get(path) as answer:
        finished = await answer.json()
    assert (answer.status, finished["message"], finished["credits_used"]) == (200, "Job completed successfully", 20)
    assert answer.headers["X-Gesso-Cost-Usd"] == "0.1"


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (Task.STATE_QUEUED, "Pending"),
        (Task.STATE_SUBMITTING, "Running"),
        (Task.STATE_SUBMITTED, "Running"),
        (Task.STATE_KEPT, "Success"),
        (Task.STATE_FAILED, "Failed"),
        (Task.STATE_CANCELLED, "Failed"),
    ],
)
async def test_a_task_stands_in_four_words(client: Client, state: Task.State.ValueType, word: str) -> None:
    client.acknowledge(Job.STATE_RUNNING)
    async with client.create({**ASKED, "async": True}) as answer:
        job = client.generator.jobs[(await answer.json())["job_id"]]
    job.tasks[0].state = state
    async with client.get(f"/v1/jobs/{job.id}") as answer:
        (result,) = (await answer.json())["results"]
    assert result["status"] == word


async def test_a_wait_that_runs_out_is_accepted(start_edge: Any, keep: Any) -> None:
    async with start_edge(GESSO_WAIT_SECONDS_BIGAPI="0.1") as edge:
        client = Client(edge, keep)
        client.acknowledge()
        async with client.create() as answer:
            body = await answer.json()
    assert (answer.status, body["message"]) == (202, "Job accepted")
    assert answer.headers["Location"] == f"/v1/jobs/{body['job_id']}"


async def test_a_finished_job_is_shown_as_its_call_was_answered(client: Client) -> None:
    client.end(None, Fault(pb.REASON_UPSTREAM_FAILED, "Because."))
    async with client.create(TWO) as answer:
        body, job_id = await answer.json(), answer.headers["X-Gesso-Job-Id"]
    async with client.get(f"/v1/jobs/{job_id}") as answer:
        assert (answer.status, await answer.json()) == (200, body)


async def test_a_job_of_another_dialect_is_shown_with_all_of_its_pictures(client: Client, keep: Any) -> None:
    client.generator.answer = client.generator.drawing(keep(b"png"), keep(b"png"))
    async with client.edge.post(
        {"prompt": "a fox", "model": "gpt-image-2", "n": 2, "response_format": "url"}
    ) as answer:
        job_id = answer.headers["X-Gesso-Job-Id"]
    async with client.get(f"/v1/jobs/{job_id}") as answer:
        (result,) = (await answer.json())["results"]
    assert (result["provider"], result["status"]) == ("gpt-image-2", "Success")
    assert result["imageUrls"][0] == result["imageUrl"]
    assert len(result["imageUrls"]) == 2


@pytest.mark.parametrize("name", ["job_01JZX4T7Q2M5V8N3B6C9D0E1F2", "nonsense", "job_1", "999"])
async def test_a_job_that_is_not_there_is_404(client: Client, name: str) -> None:
    async with client.get(f"/v1/jobs/{name}") as answer:
        body = await answer.json()
    assert (answer.status, body["error"], body["code"]) == (404, "Not Found", "NOT_FOUND")


async def test_a_job_that_was_refused_as_a_whole_is_answered_by_its_error(client: Client) -> None:
    job = Job(id="job_01jzx4t7q2m5v8n3b6c9d0e1f2", state=Job.STATE_REFUSED, tasks=[Task()])
    job.fault.CopyFrom(to_proto(InsufficientFunds(required_micros=50_000, available_micros=0)))
    client.generator.jobs[job.id] = job
    async with client.get(f"/v1/jobs/{job.id}") as answer:
        assert (answer.status, (await answer.json())["credits_needed"]) == (402, 10)


async def test_a_cancelled_job_says_what_was_ended(client: Client) -> None:
    client.acknowledge()
    async with client.create({**TWO, "async": True}) as answer:
        job = client.generator.jobs[(await answer.json())["job_id"]]

    def cancel(request: Any) -> Any:
        assert request.job_id == job.id
        job.state = Job.STATE_CANCELLED
        for task in job.tasks:
            task.state = Task.STATE_CANCELLED
            task.fault.CopyFrom(to_proto(Fault(pb.REASON_CANCELLED, "The job was cancelled by its owner.")))
        return job

    client.generator.scripts["CancelJob"] = cancel
    async with client.delete(f"/v1/jobs/{job.id}") as answer:
        body = await answer.json()
    assert (answer.status, list(body), body["message"], body["failed"]) == (200, SHAPE, "Job cancelled", 2)
    assert body["results"][0]["error"] == "The job was cancelled by its owner."
    async with client.get(f"/v1/jobs/{job.id}") as answer:
        assert await answer.json() == body


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (Conflict("job", "job_1", "succeeded", "The job has ended already."), 409, "CONFLICT"),
        (NotFound("job", "job_1"), 404, "NOT_FOUND"),
    ],
)
async def test_what_cannot_be_cancelled_says_why(client: Client, fault: Fault, status: int, code: str) -> None:
    def cancel(_: Any) -> Job:
        raise fault

    client.generator.scripts["CancelJob"] = cancel
    async with client.delete("/v1/jobs/job_01jzx4t7q2m5v8n3b6c9d0e1f2") as answer:
        body = await answer.json()
    assert (answer.status, body["code"], body["message"]) == (status, code, fault.message)


def _jobs(count: int) -> list[Job]:
    jobs = [Job(id=f"job_{number:026d}", state=Job.STATE_SUCCEEDED, charge_micros=50_000) for number in range(count)]
    for job in jobs:
        job.tasks.add(state=Task.STATE_KEPT)
        job.created_at.FromJsonString("2025-01-20T13:02:11.5Z")
    return jobs


async def test_jobs_are_listed_in_pages(client: Client) -> None:
    jobs, asked = _jobs(45), []

    def page(request: Any) -> Any:
        asked.append((request.dialect, request.page_size))
        start = int(request.page_token or 0)
        following = start + request.page_size
        token = str(following) if following < len(jobs) else ""
        return generator_pb2.ListJobsResponse(jobs=jobs[start:following], next_page_token=token)

    client.generator.scripts["ListJobs"] = page
    async with client.get("/v1/jobs?limit=30") as answer:
        first = await answer.json()
    assert (answer.status, list(first), len(first["jobs"]), first["next_cursor"]) == (
        200,
        ["jobs", "next_cursor"],
        30,
        "30",
    )
    assert first["jobs"][0] == {
        "job_id": jobs[0].id,
        "message": "Job completed successfully",
        "total_tasks": 1,
        "successful": 1,
        "failed": 0,
        "credits_used": 10,
        "created_at": "2025-01-20T13:02:11Z",
    }
    async with client.get("/v1/jobs?cursor=30") as answer:
        last = await answer.json()
    assert (len(last["jobs"]), last["next_cursor"]) == (15, None)
    assert asked == [("bigapi", 20), ("bigapi", 10), ("bigapi", 20)]


async def test_jobs_that_were_refused_are_not_listed(client: Client) -> None:
    made, refused = _jobs(2)
    refused.state = Job.STATE_REFUSED
    client.generator.scripts["ListJobs"] = lambda _: generator_pb2.ListJobsResponse(jobs=[made, refused])
    async with client.get("/v1/jobs") as answer:
        assert [job["job_id"] for job in (await answer.json())["jobs"]] == [made.id]


@pytest.mark.parametrize("limit", ["0", "101", "many"])
async def test_a_wrong_limit_is_named(client: Client, limit: str) -> None:
    async with client.get(f"/v1/jobs?limit={limit}") as answer:
        assert (answer.status, "`limit`" in (await answer.json())["message"]) == (400, True)


async def test_a_dry_run_is_priced_in_credits(client: Client) -> None:
    client.generator.answer = lambda _: Submitted(quote=generator_pb2.Quote(amount_micros=95_000))
    async with client.create(TWO, "?dry_run=true") as answer:
        body = await answer.json()
    assert (answer.status, body, type(body["cost"])) == (200, {"dry_run": True, "cost": 19, "cost_usd": 0.095}, int)
    assert client.generator.submissions[0].dry_run


async def test_a_replay_is_worded_from_the_job_alone(client: Client) -> None:
    client.end(None, Fault(pb.REASON_UPSTREAM_FAILED, "Because."))
    async with client.create(TWO, **{"Idempotency-Key": "order-1"}) as answer:
        body, job_id = await answer.json(), answer.headers["X-Gesso-Job-Id"]
    client.generator.answer = lambda _: Submitted(job=client.generator.jobs[job_id], replayed=True)
    async with client.create(TWO, **{"Idempotency-Key": "order-1"}) as answer:
        assert (answer.headers["Idempotent-Replayed"], await answer.json()) == ("true", body)
        assert answer.headers["X-Gesso-Provider"] == "sketch"
    first, second = (one.purchase for one in client.generator.submissions)
    assert (first.idempotency_key, first.fingerprint) == (second.idempotency_key, second.fingerprint)


async def test_pages_of_other_origins_may_call_it(client: Client) -> None:
    async with client.edge.session.options(client.edge.url + CREATE, headers={"Origin": "http://page.test"}) as answer:
        assert answer.status == 204
