"""A generation is followed by server-sent events, and resumed where the connection broke."""

import json
from typing import Any

import pytest

from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1.generator_pb2 import Job, SubmitJobsResponse, Task
from servicekit.faults import Fault, to_proto

TEXT = "/api/v2/generate/text-to-image"
Submitted = SubmitJobsResponse.SubmitJobResult


async def _read(answer: Any, until: int = 0) -> list[tuple[int, str, Any]]:
    """Number, name and data of events, up to the one of this number or to the end."""
    found, fields = [], {}
    async for raw in answer.content:
        name, _, value = raw.decode().rstrip("\n").partition(": ")
        if name:
            fields[name] = value
            continue
        if "data" in fields:
            found.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
        fields = {}
        if until and found and found[-1][0] >= until:
            break
    return found


async def _begun(edge: Any, count: int = 2, **fields: Any) -> tuple[str, str]:
    """The path and the job's id of a generation that is queued."""
    edge.generator.answer = lambda submission: Submitted(job=edge.generator.queued(submission))
    body = {"prompt": "a fox", "parameters": {"num_outputs": count}, **fields}
    async with edge.post(body, path=TEXT, headers={"Prefer": "respond-async"}) as answer:
        return answer.headers["Location"] + "/events", answer.headers["X-Gesso-Job-Id"]


def _running(edge: Any, job_id: str) -> Job:
    job = Job()
    job.CopyFrom(edge.generator.jobs[job_id])
    job.state, job.revision = Job.STATE_RUNNING, 1
    return job


async def test_a_generation_is_followed_from_its_queue_to_its_end(edge: Any, keep: Any) -> None:
    path, job_id = await _begun(edge)
    async with edge.get(path) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        (first,) = await _read(answer, until=1)
        edge.generator.finish(_running(edge, job_id))
        (second,) = await _read(answer, until=2)
        edge.generator.finish(edge.generator.succeeded(_running(edge, job_id), keep(b"a"), keep(b"b")))
        rest = await _read(answer)
    name = path.split("/")[4]
    assert first == (1, "status", {"id": name, "status": "queued"})
    assert second == (2, "status", {"id": name, "status": "running"})
    assert [(number, kind) for number, kind, _ in rest] == [
        (3, "image"),
        (4, "progress"),
        (5, "image"),
        (6, "progress"),
        (7, "completed"),
    ]
    assert [data for _, kind, data in rest if kind == "progress"] == [
        {"id": name, "settled": 1, "total": 2, "percent": 50},
        {"id": name, "settled": 2, "total": 2, "percent": 100},
    ]
    async with edge.get(path.removesuffix("/events")) as answer:
        shown = await answer.json()
    assert rest[-1][2] == shown
    assert [data for _, kind, data in rest if kind == "image"] == shown["images"]


async def test_events_have_the_same_numbers_whenever_they_are_read(edge: Any, keep: Any) -> None:
    path, job_id = await _begun(edge)
    edge.generator.finish(edge.generator.succeeded(edge.generator.jobs[job_id], keep(b"a"), keep(b"b")))
    async with edge.get(path) as answer:
        every = await _read(answer)
    assert [number for number, _, _ in every] == [1, 2, 3, 4, 5, 6, 7]
    for seen in (0, 2, 3, 6, 7, 99):
        async with edge.get(path, headers={"Last-Event-ID": str(seen)}) as answer:
            assert await _read(answer) == every[seen:]


async def test_pictures_wait_for_those_before_them(edge: Any, keep: Any) -> None:
    """Of a job of several tasks, that another dialect bought, the second may end first."""
    path, job_id = await _begun(edge, count=1)
    job = _running(edge, job_id)
    job.tasks.add(index=1, draw=job.tasks[0].draw, state=Task.STATE_KEPT, pictures=[keep(b"b")], provider="sketch")
    edge.generator.finish(job)
    async with edge.get(path) as answer:
        assert [number for number, _, _ in await _read(answer, until=2)] == [1, 2]
        edge.generator.finish(edge.generator.succeeded(job, keep(b"a")))
        rest = await _read(answer)
    assert [(number, kind) for number, kind, _ in rest][:3] == [(3, "image"), (4, "progress"), (5, "image")]


async def test_a_place_without_a_picture_leaves_its_number_out(edge: Any, keep: Any) -> None:
    path, job_id = await _begun(edge)
    job = edge.generator.succeeded(edge.generator.jobs[job_id], keep(b"a"))
    job.state = Job.STATE_PARTIAL
    edge.generator.finish(job)
    async with edge.get(path) as answer:
        every = await _read(answer)
    assert [(number, kind) for number, kind, _ in every][2:] == [
        (3, "image"),
        (4, "progress"),
        (6, "progress"),
        (7, "completed"),
    ]


async def test_files_in_base64_stand_in_the_events(edge: Any, keep: Any) -> None:
    path, job_id = await _begun(edge, count=1, output={"return_type": "base64"})
    edge.generator.finish(edge.generator.succeeded(edge.generator.jobs[job_id], keep(b"abc")))
    async with edge.get(path) as answer:
        every = await _read(answer)
    assert [data.get("base64") for _, kind, data in every if kind == "image"] == ["YWJj"]
    assert every[-1][2]["images"][0]["base64"] == "YWJj"


@pytest.mark.parametrize(
    ("state", "reason", "kind", "error"),
    [
        (Job.STATE_FAILED, reasons.REASON_UPSTREAM_FAILED, "failed", ("GENERATION_FAILED", "Because.")),
        (Job.STATE_CANCELLED, reasons.REASON_CANCELLED, "cancelled", (None, None)),
    ],
    ids=["failed", "cancelled"],
)
async def test_an_end_without_pictures_is_told(edge: Any, state: Any, reason: Any, kind: str, error: Any) -> None:
    path, job_id = await _begun(edge, count=1)
    job = edge.generator.failed(edge.generator.jobs[job_id], Fault(reason, "Because."))
    job.state = state
    job.fault.CopyFrom(to_proto(Fault(reason, "Because.")))
    edge.generator.finish(job)
    async with edge.get(path) as answer:
        number, name, data = (await _read(answer))[-1]
    assert (number, name, data["status"]) == (5, kind, kind)
    told = data.get("error", {})
    assert (told.get("code"), told.get("message")) == error


async def test_an_unknown_generation_cannot_be_followed(edge: Any) -> None:
    async with edge.get("/api/v2/generations/gen_01jzx4t7q2m5v8n3b6c9d0e1f2/events") as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (404, "NOT_FOUND")
