"""The official OpenAI SDK against the edge: pictures, streams, models, and each error as the exception that its users catch."""

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from openai.types import (
    ImageEditCompletedEvent,
    ImageEditPartialImageEvent,
    ImageGenCompletedEvent,
    ImageGenPartialImageEvent,
)

from gesso.errors.v1 import reason_pb2 as pb
from gesso.generator.v1 import generator_pb2 as generator_pb
from servicekit.faults import Fault, InsufficientFunds, to_proto
from testkit.sample_pictures import sample

SQUARE = sample("png", 64, 64).stamped(1)


@pytest.fixture
async def client(edge: Any) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{edge.url}/v1", api_key=edge.key, max_retries=0) as made:
        yield made


def _refusing(fault: Fault) -> Any:
    return lambda _: generator_pb.SubmitJobsResponse.SubmitJobResult(fault=to_proto(fault))


async def test_pictures_come_by_url_and_as_base64(edge: Any, client: openai.AsyncOpenAI, keep: Any) -> None:
    edge.generator.answer = edge.generator.drawing(keep(b"one"), keep(b"two"))
    by_url = await client.images.generate(
        prompt="a fox", model="dall-e-3", n=2, size="1024x1024", quality="hd", style="vivid", response_format="url"
    )
    assert by_url.data is not None
    assert [image.url is not None for image in by_url.data] == [True, True]
    encoded = await client.images.generate(
        prompt="a fox", model="gpt-image-1", quality="high", background="transparent", output_format="webp"
    )
    assert encoded.data is not None
    assert [base64.b64decode(image.b64_json or "") for image in encoded.data] == [b"one", b"two"]
    draw = edge.generator.submissions[0].purchase.draws[0]
    assert (draw.model, draw.n, draw.width, draw.height, draw.quality, draw.style) == (
        "dall-e-3",
        2,
        1024,
        1024,
        "hd",
        "vivid",
    )


async def test_models_are_listed_and_retrieved(edge: Any, client: openai.AsyncOpenAI) -> None:
    edge.generator.models = [
        _model("dall-e-3", "openai", "opscenter", owner="openai", created_at=1_700_000_000),
        _model("vendor/model", "openai", owner="vendor", state=generator_pb.Model.STATE_UNAVAILABLE),
        _model("elsewhere", "productai"),
        _model("upscaler", "openai", operations=[generator_pb.OPERATION_UPSCALE]),
    ]
    listed = [(model.id, model.to_dict()["status"]) async for model in client.models.list()]
    assert listed == [("dall-e-3", "active"), ("vendor/model", "unavailable")]
    model = await client.models.retrieve("dall-e-3")
    assert (model.owned_by, model.created, model.object) == ("openai", 1_700_000_000, "model")
    assert (await client.models.retrieve("vendor/model")).id == "vendor/model"
    with pytest.raises(openai.NotFoundError) as caught:
        await client.models.retrieve("elsewhere")
    assert caught.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError):
        await client.models.retrieve("upscaler")


def _model(name: str, *dialects: str, **fields: Any) -> generator_pb.Model:
    drawing = {"operations": [generator_pb.OPERATION_TEXT_TO_IMAGE], "created_at": 1}
    return generator_pb.Model(id=name, dialects=dialects, **{**drawing, **fields})


@pytest.mark.parametrize(
    ("fault", "exception", "code"),
    [
        (Fault(pb.REASON_INVALID_FIELD, "Bad.", details={"field": "size"}), openai.BadRequestError, "invalid_value"),
        (Fault(pb.REASON_CONTENT_REFUSED, "Refused."), openai.BadRequestError, "moderation_blocked"),
        (Fault(pb.REASON_UNPRICED, "No price."), openai.BadRequestError, "unsupported_combination"),
        (Fault(pb.REASON_UNKNOWN_MODEL, "No model."), openai.NotFoundError, "model_not_found"),
        (Fault(pb.REASON_ACCOUNT_SUSPENDED, "Suspended."), openai.PermissionDeniedError, "account_deactivated"),
        (Fault(pb.REASON_IDEMPOTENCY_MISMATCH, "Other."), openai.ConflictError, "idempotency_key_in_use"),
        (Fault(pb.REASON_CONCURRENCY_EXCEEDED, "Many."), openai.RateLimitError, "rate_limit_exceeded"),
        (Fault(pb.REASON_MAINTENANCE, "Paused."), openai.InternalServerError, "maintenance"),
        (InsufficientFunds(required_micros=1, available_micros=0), openai.APIStatusError, "insufficient_quota"),
    ],
)
async def test_faults_become_the_exceptions_that_users_catch(
    edge: Any, client: openai.AsyncOpenAI, fault: Fault, exception: type[openai.APIStatusError], code: str
) -> None:
    edge.generator.answer = _refusing(fault)
    with pytest.raises(exception) as caught:
        await client.images.generate(prompt="a fox")
    assert caught.value.code == code
    assert caught.value.request_id is not None


async def test_a_wrong_key_is_an_authentication_error(edge: Any, client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.AuthenticationError) as caught:
        await client.with_options(api_key="sk-wrong").images.generate(prompt="a fox")
    assert caught.value.code == "invalid_api_key"


async def test_pictures_are_edited_and_varied(edge: Any, client: openai.AsyncOpenAI, keep: Any) -> None:
    edge.generator.answer = edge.generator.drawing(keep(b"png"))
    edited = await client.images.edit(
        model="gpt-image-1.5", prompt="a hat", image=[("a.png", SQUARE), ("b.png", SQUARE)], mask=SQUARE, n=1
    )
    assert edited.data is not None
    assert base64.b64decode(edited.data[0].b64_json or "") == b"png"
    with pytest.deprecated_call():
        varied = await client.images.create_variation(image=SQUARE, n=1, size="1024x1024")
    assert varied.data is not None
    assert varied.data[0].url is not None
    assert edge.gallery.uploaded == [SQUARE] * 4


async def test_streams_come_as_the_sdks_events(edge: Any, client: openai.AsyncOpenAI, keep: Any) -> None:
    edge.generator.answer = edge.generator.drawing(keep(b"whole"), partials=[keep(b"first"), keep(b"second")])
    generated = await client.images.generate(prompt="a fox", model="gpt-image-1", stream=True, partial_images=2)
    events = [event async for event in generated]
    assert [(type(event), base64.b64decode(event.b64_json)) for event in events] == [
        (ImageGenPartialImageEvent, b"first"),
        (ImageGenPartialImageEvent, b"second"),
        (ImageGenCompletedEvent, b"whole"),
    ]
    edited = await client.images.edit(image=SQUARE, prompt="a hat", stream=True, partial_images=2)
    assert [type(event) async for event in edited] == [
        ImageEditPartialImageEvent,
        ImageEditPartialImageEvent,
        ImageEditCompletedEvent,
    ]


async def test_a_stream_that_fails_raises_the_sdks_errors(edge: Any, client: openai.AsyncOpenAI, keep: Any) -> None:
    fault = Fault(pb.REASON_UPSTREAM_REFUSED, "The vendor refused.")
    edge.generator.answer = edge.generator.failing(fault)
    with pytest.raises(openai.BadRequestError):
        await client.images.generate(prompt="a fox", stream=True)

    def failing_later(submission: Any) -> Any:
        job = edge.generator.queued(submission)
        job.tasks[0].partials.append(keep(b"first"))
        asyncio.get_running_loop().call_soon(edge.generator.finish, edge.generator.failed(job, fault))
        return generator_pb.SubmitJobsResponse.SubmitJobResult(job=job)

    edge.generator.answer = failing_later
    stream = await client.images.generate(prompt="a fox", stream=True, partial_images=1)
    assert isinstance(await anext(stream), ImageGenPartialImageEvent)
    with pytest.raises(openai.APIError, match="The vendor refused") as caught:
        await anext(stream)
    assert caught.value.code == "moderation_blocked"


async def test_the_sdk_does_not_repeat_a_purchase_that_began(edge: Any, client: openai.AsyncOpenAI) -> None:
    edge.generator.answer = edge.generator.failing(Fault(pb.REASON_UPSTREAM_FAILED, "The vendor failed."))
    with pytest.raises(openai.InternalServerError):
        await client.with_options(max_retries=2).images.generate(prompt="a fox")
    assert len(edge.generator.submissions) == 1


async def test_the_sdk_repeats_what_was_not_bought_and_joins_its_own_job(
    edge: Any, client: openai.AsyncOpenAI, keep: Any
) -> None:
    drawing = edge.generator.drawing(keep(b"png"))
    refusing = _refusing(Fault(pb.REASON_UNAVAILABLE, "Billing is away.", retry_after_seconds=0.1))

    def answer(submission: Any) -> Any:
        return drawing(submission) if submission.purchase.join_recent else refusing(submission)

    edge.generator.answer = answer
    assert (await client.with_options(max_retries=1).images.generate(prompt="a fox")).data
    first, second = edge.generator.submissions
    assert first.purchase.fingerprint == second.purchase.fingerprint
