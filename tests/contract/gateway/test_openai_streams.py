"""Streams of the OpenAI dialect between scripted peers: events as the specification has them, and what becomes of a failure."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from gesso.errors.v1 import reason_pb2 as pb
from gesso.generator.v1 import generator_pb2
from servicekit.faults import Fault
from testkit.eventually import eventually

Submitted = generator_pb2.SubmitJobsResponse.SubmitJobResult
ASKED = {"prompt": "a red fox", "model": "gpt-image-1", "stream": True, "partial_images": 2, "size": "1024x1024"}
USAGE = {
    "total_tokens": 3,
    "input_tokens": 1,
    "output_tokens": 2,
    "input_tokens_details": {"text_tokens": 1, "image_tokens": 0},
}
NOTHING = {
    "total_tokens": 0,
    "input_tokens": 0,
    "output_tokens": 0,
    "input_tokens_details": {"text_tokens": 0, "image_tokens": 0},
}


async def _events(answer: Any) -> AsyncIterator[tuple[str, Any]]:
    """Names and data of a stream's events, as they come."""
    name = ""
    async for line in answer.content:
        text = line.decode().rstrip("\n")
        if text.startswith("event: "):
            name = text.removeprefix("event: ")
        if text.startswith("data: "):
            yield name, json.loads(text.removeprefix("data: "))


async def _all(answer: Any) -> list[tuple[str, Any]]:
    return [event async for event in _events(answer)]


def _showing(job: Any, *partials: generator_pb2.Picture) -> Any:
    """The job as it runs, with these unfinished pictures."""
    running = generator_pb2.Job()
    running.CopyFrom(job)
    running.state = generator_pb2.Job.STATE_RUNNING
    running.revision = job.revision + 1
    running.tasks[0].partials.extend(partials)
    return running


@pytest.fixture
async def submitted(edge: Any) -> Callable[[], Any]:
    """Returns the job that was submitted last, once it is watched."""
    edge.generator.answer = lambda submission: Submitted(job=edge.generator.queued(submission))

    async def watched() -> Any:
        await eventually(lambda: set(edge.generator.watched) >= set(edge.generator.jobs) != set())
        return list(edge.generator.jobs.values())[-1]

    return watched


async def test_pictures_are_sent_as_they_come(edge: Any, keep: Any, submitted: Any) -> None:
    async def draw() -> None:
        job = await submitted()
        running = _showing(job, keep(b"first"))
        edge.generator.finish(running)
        await seen.wait()
        running = _showing(running, keep(b"second"))
        done = edge.generator.succeeded(running, keep(b"whole"), usage_json=json.dumps(USAGE).encode())
        done.revision = running.revision + 1
        edge.generator.finish(done)

    seen, events = asyncio.Event(), []
    async with asyncio.TaskGroup() as group:
        group.create_task(draw())
        async with edge.post(ASKED) as answer:
            async for event in _events(answer):
                events.append(event)
                seen.set()
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/event-stream")
    assert answer.headers["X-Gesso-Job-Id"] in edge.generator.jobs
    assert [name for name, _ in events] == [data["type"] for _, data in events]
    assert [name for name, _ in events] == ["image_generation.partial_image"] * 2 + ["image_generation.completed"]
    assert [base64.b64decode(data.pop("b64_json")) for _, data in events] == [b"first", b"second", b"whole"]
    assert all(data.pop("created_at") > 1_700_000_000 for _, data in events)
    asked = {"size": "1024x1024", "quality": "auto", "background": "auto", "output_format": "png"}
    assert [data for _, data in events] == [
        {"type": "image_generation.partial_image", **asked, "partial_image_index": 0},
        {"type": "image_generation.partial_image", **asked, "partial_image_index": 1},
        {"type": "image_generation.completed", **asked, "quality": "high", "usage": USAGE},
    ]


async def test_fields_stand_in_the_specifications_order(edge: Any, keep: Any) -> None:
    edge.generator.answer = edge.generator.drawing(keep(b"whole"), partials=[keep(b"first")])
    async with edge.post({**ASKED, "quality": "high", "background": "opaque"}) as answer:
        (_, partial), (_, completed) = await _all(answer)
    shared = ["type", "b64_json", "created_at", "size", "quality", "background", "output_format"]
    assert list(partial) == [*shared, "partial_image_index"]
    assert list(completed) == [*shared, "usage"]
    assert (completed["quality"], completed["background"]) == ("high", "opaque")


async def test_a_model_that_counts_no_tokens_used_none(edge: Any, keep: Any) -> None:
    edge.generator.answer = edge.generator.drawing(keep(b"whole"))
    async with edge.post({"prompt": "a fox", "model": "dall-e-3", "stream": True}) as answer:
        ((name, completed),) = await _all(answer)
    assert (name, completed["usage"]) == ("image_generation.completed", NOTHING)


async def test_each_of_several_pictures_is_an_event(edge: Any, keep: Any) -> None:
    usage = json.dumps(USAGE).encode()
    edge.generator.answer = edge.generator.drawing(keep(b"one"), keep(b"two"), usage_json=usage)
    async with edge.post({**ASKED, "n": 2}) as answer:
        events = await _all(answer)
    assert [base64.b64decode(data["b64_json"]) for _, data in events] == [b"one", b"two"]
    assert [data["usage"] for _, data in events] == [NOTHING, USAGE]


async def test_the_events_of_an_edit_bear_its_name(edge: Any, keep: Any) -> None:
    edge.generator.answer = edge.generator.drawing(keep(b"whole"), partials=[keep(b"first")])
    asked = {"prompt": "a hat", "stream": True, "partial_images": 1, "images": [{"image_url": "https://e.com/a.png"}]}
    async with edge.post(asked, path="/v1/images/edits") as answer:
        events = await _all(answer)
    assert [name for name, _ in events] == ["image_edit.partial_image", "image_edit.completed"]
    assert edge.generator.submissions[0].purchase.draws[0].partial_images == 1


async def test_a_stream_that_begins_when_all_is_drawn_says_who_drew_it_and_what_it_cost(
    edge: Any, keep: Any, submitted: Any
) -> None:
    async def draw() -> None:
        job = await submitted()
        edge.generator.finish(edge.generator.succeeded(job, keep(b"whole"), charge_micros=42_000))

    async with asyncio.TaskGroup() as group:
        group.create_task(draw())
        async with edge.post({**ASKED, "partial_images": 0}) as answer:
            ((name, _),) = await _all(answer)
    assert name == "image_generation.completed"
    told = [answer.headers.get(f"X-Gesso-{what}") for what in ("Provider", "Model", "Cost-Usd")]
    assert told == ["sketch", "sketch-1", "0.042"]


async def test_an_unfinished_picture_that_is_gone_is_left_out(edge: Any, keep: Any) -> None:
    gone = generator_pb2.Picture(format="png", byte_count=9, read_url="file:///nowhere/at/all.png")
    edge.generator.answer = edge.generator.drawing(keep(b"whole"), partials=[gone])
    async with edge.post(ASKED) as answer:
        ((name, _),) = await _all(answer)
    assert (answer.status, name) == (200, "image_generation.completed")


async def test_a_finished_picture_that_cannot_be_read_is_an_error(edge: Any) -> None:
    gone = generator_pb2.Picture(format="png", byte_count=9, read_url="file:///nowhere/at/all.png")
    edge.generator.answer = edge.generator.drawing(gone)
    async with edge.post(ASKED) as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (503, "service_unavailable")


async def test_a_stream_that_fails_before_anything_was_sent_is_an_error_like_any_other(edge: Any) -> None:
    edge.generator.answer = edge.generator.failing(Fault(pb.REASON_UPSTREAM_REFUSED, "Refused."))
    async with edge.post(ASKED) as answer:
        error = (await answer.json())["error"]
    assert (answer.status, error["code"]) == (400, "moderation_blocked")


async def test_a_stream_that_fails_later_ends_with_an_error_event(edge: Any, keep: Any, submitted: Any) -> None:
    async def fail() -> None:
        running = _showing(await submitted(), keep(b"first"))
        edge.generator.finish(running)
        await seen.wait()
        failed = edge.generator.failed(running, Fault(pb.REASON_UPSTREAM_REFUSED, "The vendor refused."))
        failed.revision = running.revision + 1
        edge.generator.finish(failed)

    seen, events = asyncio.Event(), []
    async with asyncio.TaskGroup() as group:
        group.create_task(fail())
        async with edge.post(ASKED) as answer:
            async for event in _events(answer):
                events.append(event)
                seen.set()
    assert answer.status == 200
    assert [name for name, _ in events] == ["image_generation.partial_image", "error"]
    assert events[-1][1] == {
        "type": "error",
        "error": {
            "message": "The vendor refused.",
            "type": "image_generation_user_error",
            "param": "prompt",
            "code": "moderation_blocked",
        },
    }


async def test_a_client_that_leaves_ends_its_stream_and_not_its_job(edge: Any, keep: Any, submitted: Any) -> None:
    async def show() -> None:
        edge.generator.finish(_showing(await submitted(), keep(b"first")))

    async with asyncio.TaskGroup() as group:
        group.create_task(show())
        async with edge.post(ASKED) as answer:
            assert (await anext(_events(answer)))[0] == "image_generation.partial_image"
            answer.close()
    await eventually(lambda: edge.generator.dropped == list(edge.generator.jobs))


async def test_a_stream_waits_as_long_as_a_call_does(start_edge: Any) -> None:
    async with start_edge(GESSO_WAIT_SECONDS_OPENAI="0.2") as edge:
        edge.generator.answer = lambda submission: Submitted(job=edge.generator.queued(submission))
        async with edge.post(ASKED) as answer:
            error = (await answer.json())["error"]
    assert (answer.status, error["code"]) == (504, "timeout")
    assert answer.headers["X-Gesso-Job-Id"] in error["message"]


async def test_who_asks_for_an_answer_at_once_gets_no_stream(edge: Any) -> None:
    edge.generator.answer = lambda submission: Submitted(job=edge.generator.queued(submission))
    async with edge.post(ASKED, headers={"Prefer": "respond-async"}) as answer:
        assert (answer.status, answer.headers["Content-Type"]) == (202, "application/json")


async def test_a_dry_run_of_a_stream_is_priced(edge: Any) -> None:
    edge.generator.answer = lambda _: Submitted(quote=generator_pb2.Quote(amount_micros=42_000))
    async with edge.post(ASKED, path="/v1/images/generations?dry_run=true") as answer:
        assert (await answer.json())["cost"] == 0.042


async def test_a_repeat_of_a_stream_is_answered_by_its_finished_pictures(edge: Any, keep: Any) -> None:
    def answer(submission: Any) -> Any:
        job = edge.generator.succeeded(edge.generator.queued(submission), keep(b"whole"))
        return Submitted(job=job, replayed=True)

    edge.generator.answer = answer
    async with edge.post(ASKED, headers={"Idempotency-Key": "order-1"}) as response:
        ((name, _),) = await _all(response)
    assert (name, response.headers["Idempotent-Replayed"]) == ("image_generation.completed", "true")


async def test_unfinished_pictures_without_a_stream_are_refused(edge: Any) -> None:
    async with edge.post({**ASKED, "stream": False}) as answer:
        error = (await answer.json())["error"]
    assert (answer.status, error["param"]) == (400, "partial_images")
