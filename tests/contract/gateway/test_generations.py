"""POST /v1/images/generations between scripted peers: what is bought, what is answered, and how long is waited."""

import asyncio
import base64
import json
import os
from typing import Any

import pytest

from gesso.errors.v1 import reason_pb2 as pb
from gesso.generator.v1 import generator_pb2 as generator_pb
from servicekit.faults import Fault
from testkit.eventually import eventually

PROMPT = {"prompt": "a red fox", "model": "dall-e-3"}


async def test_a_picture_is_answered_by_a_signed_link(edge: Any, keep: Any) -> None:
    picture = keep(b"png")
    edge.generator.answer = edge.generator.drawing(picture, revised_prompt="a red fox, in detail")
    async with edge.post(PROMPT) as response:
        answer = await response.json()
    assert response.status == 200
    assert answer["data"][0]["revised_prompt"] == "a red fox, in detail"
    assert answer["data"][0]["url"].startswith(f"http://files.test/i/{picture.image_id}.png?e=")
    assert response.headers["X-Gesso-Job-Id"] in edge.generator.jobs
    assert response.headers["X-Gesso-Provider"] == "sketch"
    assert response.headers["X-Gesso-Model"] == "sketch-1"
    assert response.headers["X-Gesso-Cost-Usd"] == "0.04"


@pytest.mark.parametrize("size", [0, 1, 2, 3, 49_151, 49_152, 49_153, 1_000_003])
async def test_base64_of_any_length_is_exact(edge: Any, keep: Any, size: int) -> None:
    data = os.urandom(size)
    edge.generator.answer = edge.generator.drawing(keep(data), keep(data[::-1]))
    async with edge.post({**PROMPT, "response_format": "b64_json", "n": 2}) as response:
        body = await response.read()
    assert len(body) == int(response.headers["Content-Length"])
    decoded = [base64.b64decode(image["b64_json"], validate=True) for image in json.loads(body)["data"]]
    assert decoded == [data, data[::-1]]


async def test_gpt_image_models_answer_base64_unless_asked(edge: Any, keep: Any) -> None:
    edge.generator.answer = edge.generator.drawing(keep(b"png"))
    async with edge.post({"prompt": "a fox"}) as response:
        assert "b64_json" in (await response.json())["data"][0]
    assert edge.generator.submissions[0].purchase.draws[0].model == "gpt-image-1"
    async with edge.post({"prompt": "a fox", "response_format": "url"}) as response:
        assert "url" in (await response.json())["data"][0]


async def test_usage_and_echoes_of_the_vendor_are_handed_on(edge: Any, keep: Any) -> None:
    usage = {"total_tokens": 3, "input_tokens": 1, "output_tokens": 2}
    edge.generator.answer = edge.generator.drawing(
        keep(b"png"), usage_json=json.dumps(usage).encode(), echoed={"quality": "high", "background": "opaque"}
    )
    async with edge.post({**PROMPT, "quality": "auto"}) as response:
        answer = await response.json()
    assert answer["usage"] == usage
    assert (answer["quality"], answer["background"], answer["size"]) == ("high", "opaque", "1024x1024")


async def test_size_and_format_are_those_of_the_picture_and_quality_is_worded_as_asked(edge: Any, keep: Any) -> None:
    edge.generator.answer = edge.generator.drawing(
        keep(b"png"), echoed={"quality": "medium", "size": "2048x1152", "output_format": "jpeg"}
    )
    async with edge.post({**PROMPT, "quality": "standard"}) as response:
        answer = await response.json()
    assert (answer["quality"], answer["size"], answer["output_format"]) == ("standard", "1024x1024", "png")


@pytest.mark.parametrize(("asked", "shown"), [({}, "high"), ({"quality": "auto"}, "high"), ({"quality": "low"}, "low")])
async def test_a_quality_that_was_left_to_openais_models_is_the_one_that_is_paid_for(
    edge: Any, keep: Any, asked: dict[str, str], shown: str
) -> None:
    edge.generator.answer = edge.generator.drawing(keep(b"png"))
    async with edge.post({"prompt": "a fox", "model": "gpt-image-1", **asked}) as response:
        assert (await response.json())["quality"] == shown


@pytest.mark.parametrize(("model", "shown"), [("dall-e-3", "a red fox"), ("dall-e-2", None), ("gpt-image-1", None)])
async def test_a_prompt_that_nobody_revised_is_shown_where_dall_e_3_draws(
    edge: Any, keep: Any, model: str, shown: str | None
) -> None:
    edge.generator.answer = edge.generator.drawing(keep(b"png"))
    async with edge.post({**PROMPT, "model": model}) as response:
        assert (await response.json())["data"][0].get("revised_prompt") == shown


async def test_a_retired_model_says_so(edge: Any, keep: Any) -> None:
    edge.generator.answer = edge.generator.drawing(keep(b"png"), deprecated_on="2025-11-14", sunset_on="2026-05-12")
    async with edge.post(PROMPT) as response:
        assert response.headers["Deprecation"] == "@1763078400"
        assert response.headers["Sunset"] == "Tue, 12 May 2026 00:00:00 GMT"


async def test_respond_async_is_accepted_and_polled_to_the_same_answer(edge: Any, keep: Any) -> None:
    edge.generator.answer = lambda submission: generator_pb.SubmitJobsResponse.SubmitJobResult(
        job=edge.generator.queued(submission)
    )
    async with edge.post(PROMPT, headers={"Prefer": "respond-async, wait=5"}) as response:
        accepted = await response.json()
    assert response.status == 202
    assert response.headers["Preference-Applied"] == "respond-async"
    assert response.headers["Location"] == f"/v1/images/jobs/{accepted['id']}"
    assert accepted == {
        "id": accepted["id"],
        "status": "queued",
        "status_url": f"{edge.url}/v1/images/jobs/{accepted['id']}",
    }
    assert edge.generator.submissions[0].watch_id == ""
    async with edge.get(response.headers["Location"]) as polled:
        assert (polled.status, polled.headers["Retry-After"]) == (202, "1")
    edge.generator.finish(edge.generator.succeeded(edge.generator.jobs[accepted["id"]], keep(b"png")))
    async with edge.get(response.headers["Location"]) as polled:
        first = await polled.text()
        assert polled.status == 200
    async with edge.get(response.headers["Location"]) as polled:
        assert await polled.text() == first


async def test_a_failed_job_polls_as_its_error(edge: Any) -> None:
    edge.generator.answer = edge.generator.failing(Fault(pb.REASON_UPSTREAM_FAILED, "The vendor failed."))
    async with edge.post(PROMPT) as response:
        synchronous = await response.text()
        job_id = response.headers["X-Gesso-Job-Id"]
        assert response.status == 502
        assert response.headers["X-Should-Retry"] == "false"
    async with edge.get(f"/v1/images/jobs/{job_id}") as polled:
        assert (polled.status, await polled.text()) == (502, synchronous)


async def test_a_partly_failed_job_answers_what_succeeded(edge: Any, keep: Any) -> None:
    edge.generator.answer = edge.generator.drawing(keep(b"png"))
    async with edge.post({**PROMPT, "n": 2}) as response:
        assert (response.status, len((await response.json())["data"])) == (200, 1)


async def test_a_wait_that_runs_out_is_504_and_the_job_goes_on(start_edge: Any, keep: Any) -> None:
    async with start_edge(GESSO_WAIT_SECONDS_OPENAI="0.2") as edge:
        edge.generator.answer = lambda submission: generator_pb.SubmitJobsResponse.SubmitJobResult(
            job=edge.generator.queued(submission)
        )
        async with edge.post(PROMPT) as response:
            answer = await response.json()
        assert response.status == 504
        assert response.headers["X-Should-Retry"] == "false"
        job_id = response.headers["X-Gesso-Job-Id"]
        assert job_id in answer["error"]["message"]
        edge.generator.finish(edge.generator.succeeded(edge.generator.jobs[job_id], keep(b"png")))
        async with edge.get(f"/v1/images/jobs/{job_id}") as polled:
            assert polled.status == 200


async def test_news_that_overtakes_the_submission_is_not_lost(edge: Any, keep: Any) -> None:
    def answer(submission: Any) -> Any:
        job = edge.generator.queued(submission)
        edge.generator.finish(edge.generator.succeeded(job, keep(b"png")))
        return generator_pb.SubmitJobsResponse.SubmitJobResult(job=job)

    edge.generator.answer = answer
    for _ in range(3):
        async with asyncio.timeout(5), edge.post(PROMPT) as response:
            assert response.status == 200


async def test_a_broken_stream_is_opened_again_and_told_who_waits(edge: Any, keep: Any) -> None:
    edge.generator.answer = lambda submission: generator_pb.SubmitJobsResponse.SubmitJobResult(
        job=edge.generator.queued(submission)
    )
    waiting = asyncio.create_task(_status(edge.post(PROMPT)))
    await eventually(lambda: len(edge.generator.jobs) == 1)
    (job_id,) = edge.generator.jobs
    await eventually(lambda: job_id in edge.generator.watched)
    edge.generator.watched.clear()
    edge.generator.break_streams()
    await eventually(lambda: job_id in edge.generator.watched)
    edge.generator.finish(edge.generator.succeeded(edge.generator.jobs[job_id], keep(b"png")))
    assert await waiting == 200


async def test_a_generator_that_starts_again_is_asked_for_who_waits(edge: Any, keep: Any) -> None:
    edge.generator.answer = lambda submission: generator_pb.SubmitJobsResponse.SubmitJobResult(
        job=edge.generator.queued(submission)
    )
    waiting = asyncio.create_task(_status(edge.post(PROMPT)))
    await eventually(lambda: len(edge.generator.jobs) == 1)
    (job_id, job), *_ = edge.generator.jobs.items()
    await edge.generator.restart()
    await eventually(lambda: job_id in edge.generator.watched)
    edge.generator.finish(edge.generator.succeeded(job, keep(b"png")))
    assert await waiting == 200


async def test_a_client_that_leaves_ends_its_wait_and_not_its_job(edge: Any) -> None:
    edge.generator.answer = lambda submission: generator_pb.SubmitJobsResponse.SubmitJobResult(
        job=edge.generator.queued(submission)
    )
    leaving = asyncio.create_task(_status(edge.post(PROMPT)))
    await eventually(lambda: len(edge.generator.jobs) == 1)
    leaving.cancel()
    await eventually(lambda: edge.generator.dropped == list(edge.generator.jobs))


async def test_a_shutdown_lets_jobs_end_and_then_answers_who_still_waits(start_edge: Any, keep: Any) -> None:
    async with start_edge(GESSO_GATEWAY_GRACE_SECONDS="5") as edge:
        edge.generator.answer = lambda submission: generator_pb.SubmitJobsResponse.SubmitJobResult(
            job=edge.generator.queued(submission)
        )
        waiting = asyncio.create_task(_status(edge.post(PROMPT)))
        await eventually(lambda: len(edge.generator.jobs) == 1)
        (job,) = edge.generator.jobs.values()
        edge.stop()
        edge.generator.finish(edge.generator.succeeded(job, keep(b"png")))
        assert await waiting == 200


async def test_a_shutdown_does_not_wait_longer_than_its_grace(start_edge: Any) -> None:
    async with start_edge(GESSO_GATEWAY_GRACE_SECONDS="0.1") as edge:
        edge.generator.answer = lambda submission: generator_pb.SubmitJobsResponse.SubmitJobResult(
            job=edge.generator.queued(submission)
        )
        waiting = asyncio.create_task(_status(edge.post(PROMPT)))
        await eventually(lambda: len(edge.generator.jobs) == 1)
        edge.stop()
        assert await waiting == 504


async def test_a_dry_run_that_is_neither_true_nor_false_buys_nothing(edge: Any) -> None:
    async with edge.post(PROMPT, path="/v1/images/generations?dry_run") as response:
        assert (response.status, (await response.json())["error"]["param"]) == (400, "dry_run")
    assert edge.generator.submissions == []


async def test_a_dry_run_prices_and_buys_nothing(edge: Any) -> None:
    quote = generator_pb.Quote(amount_micros=42_500)
    edge.generator.answer = lambda _: generator_pb.SubmitJobsResponse.SubmitJobResult(quote=quote)
    async with edge.post(
        PROMPT, path="/v1/images/generations?dry_run=true", headers={"Idempotency-Key": "k"}
    ) as response:
        assert await response.json() == {"dry_run": True, "cost": 0.0425, "cost_usd": 0.0425}
    assert edge.generator.submissions[0].dry_run
    assert edge.generator.submissions[0].purchase.idempotency_key == ""


async def test_a_replay_is_marked(edge: Any, keep: Any) -> None:
    def answer(submission: Any) -> Any:
        job = edge.generator.succeeded(edge.generator.queued(submission), keep(b"png"))
        return generator_pb.SubmitJobsResponse.SubmitJobResult(job=job, replayed=True)

    edge.generator.answer = answer
    async with edge.post(PROMPT, headers={"Idempotency-Key": "order 1"}) as response:
        assert (response.status, response.headers["Idempotent-Replayed"]) == (200, "true")
    assert edge.generator.submissions[0].purchase.idempotency_key == "order 1"


async def test_a_replay_of_a_failure_is_marked_too(edge: Any) -> None:
    def answer(submission: Any) -> Any:
        job = edge.generator.failed(edge.generator.queued(submission), Fault(pb.REASON_UPSTREAM_REFUSED, "Refused."))
        return generator_pb.SubmitJobsResponse.SubmitJobResult(job=job, replayed=True)

    edge.generator.answer = answer
    async with edge.post(PROMPT, headers={"Idempotency-Key": "order 1"}) as response:
        assert (response.status, response.headers["Idempotent-Replayed"]) == (400, "true")


async def test_a_replay_of_a_running_job_is_waited_for(edge: Any, keep: Any) -> None:
    def answer(submission: Any) -> Any:
        return generator_pb.SubmitJobsResponse.SubmitJobResult(job=edge.generator.queued(submission), replayed=True)

    edge.generator.answer = answer
    waiting = asyncio.create_task(_status(edge.post(PROMPT, headers={"x-stainless-retry-count": "1"})))
    await eventually(lambda: edge.generator.watched == list(edge.generator.jobs) != [])
    (job,) = edge.generator.jobs.values()
    edge.generator.finish(edge.generator.succeeded(job, keep(b"png")))
    assert await waiting == 200
    assert edge.generator.submissions[0].purchase.join_recent


async def test_the_same_content_has_the_same_fingerprint(edge: Any, keep: Any) -> None:
    edge.generator.answer = edge.generator.drawing(keep(b"png"))
    for body in (PROMPT, {**PROMPT, "n": 1, "size": None, "unknown": 1}, {**PROMPT, "n": 2}):
        async with edge.post(body) as response:
            assert response.status == 200
    first, second, third = (submission.purchase.fingerprint for submission in edge.generator.submissions)
    assert first == second
    assert first != third


async def _status(request: Any) -> int:
    async with request as response:
        return int(response.status)
