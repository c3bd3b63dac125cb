"""The scripted OpenAI upstream is driven by the vendor's own SDK, which must find nothing strange about it."""

import asyncio
import base64
import io
from collections.abc import AsyncIterator
from pathlib import Path

import openai
import pytest
from openai import AsyncOpenAI
from PIL import Image

from testkit.eventually import eventually
from testkit.sample_pictures import sample
from testkit.upstreams.base import Behaviour, parse_behaviour
from testkit.upstreams.openai import OpenAIUpstream
from testkit.upstreams.specification import Specification

MODEL = "gpt-image-2.5-flare"
PUBLISHED = Path(__file__).parents[4] / "shared" / "upstreams" / "specs" / "openai-images.openapi.yaml"


@pytest.fixture
async def upstream() -> OpenAIUpstream:
    return OpenAIUpstream(specification=Specification.beside(PUBLISHED))


@pytest.fixture
async def client(upstream: OpenAIUpstream) -> AsyncIterator[AsyncOpenAI]:
    async with (
        upstream.running() as url,
        AsyncOpenAI(base_url=url, api_key="sk-test", max_retries=0, timeout=5) as opened,
    ):
        yield opened


def opened(b64_json: str | None) -> Image.Image:
    assert b64_json is not None
    picture = Image.open(io.BytesIO(base64.b64decode(b64_json, validate=True)))
    picture.load()
    return picture


@pytest.mark.parametrize("output_format", ["png", "jpeg", "webp"])
async def test_a_generation_answers_pictures_of_the_size_and_format_asked_for(
    client: AsyncOpenAI, upstream: OpenAIUpstream, output_format: str
) -> None:
    answer = await client.images.generate(
        model=MODEL, prompt="a fox", n=2, size="1536x864", quality="xhigh", output_format=output_format  # type: ignore[call-overload]
    )  # fmt: skip
    pictures = [opened(item.b64_json) for item in answer.data]
    assert [(picture.size, picture.format) for picture in pictures] == [((1536, 864), output_format.upper())] * 2
    assert answer.data[0].b64_json != answer.data[1].b64_json
    assert (answer.size, answer.quality, answer.output_format) == ("1536x864", "xhigh", output_format)
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens > 0
    assert upstream.purchases == 1
    assert upstream.violations == []


async def test_a_request_is_recorded_as_it_came(client: AsyncOpenAI, upstream: OpenAIUpstream) -> None:
    await client.images.generate(model=MODEL, prompt="a fox")
    recorded = upstream.requests[-1]
    assert (recorded.method, recorded.path, recorded.accepted) == ("POST", "/v1/images/generations", True)
    assert recorded.headers["Authorization"] == "Bearer sk-test"
    assert b'"prompt":"a fox"' in recorded.body


async def test_an_edit_takes_files_and_a_mask(client: AsyncOpenAI, upstream: OpenAIUpstream) -> None:
    picture, mask = sample("png", 64, 64).stamped(1), sample("png", 64, 64, transparent=True).stamped(2)
    answer = await client.images.edit(
        model=MODEL,
        prompt="add a hat",
        image=[("a.png", picture), ("b.webp", sample("webp", 64, 64).stamped(3))],
        mask=("m.png", mask),
        n=1,
        size="1024x1024",
    )
    assert answer.data
    assert opened(answer.data[0].b64_json).size == (1024, 1024)
    assert upstream.violations == []
    one = await client.images.edit(model=MODEL, prompt="add a hat", image=("a.png", picture))
    assert one.usage is not None
    assert one.usage.input_tokens_details.image_tokens == 85


async def test_an_edit_takes_references_in_json(client: AsyncOpenAI, upstream: OpenAIUpstream) -> None:
    body = {"model": MODEL, "prompt": "add a hat", "images": [{"image_url": "https://example.com/a.png"}]}
    answer = await client.post("/images/edits", body=body, cast_to=openai.types.ImagesResponse)
    assert answer.data
    assert opened(answer.data[0].b64_json)
    assert upstream.violations == []
    with pytest.raises(openai.BadRequestError):
        await client.post("/images/edits", body={**body, "images": [{}]}, cast_to=object)


async def test_a_stream_sends_partial_pictures_and_then_the_last(client: AsyncOpenAI) -> None:
    stream = await client.images.generate(model=MODEL, prompt="a fox", stream=True, partial_images=2)
    events = [event async for event in stream]
    assert [event.type for event in events] == ["image_generation.partial_image"] * 2 + ["image_generation.completed"]
    assert [opened(event.b64_json).size for event in events] == [(1024, 1024)] * 3
    last = events[-1]
    assert last.type == "image_generation.completed"
    assert last.usage.output_tokens > 0


async def test_an_edit_streams_events_of_its_own(client: AsyncOpenAI) -> None:
    image = ("a.png", sample("png", 64, 64).stamped(1))
    stream = await client.images.edit(model=MODEL, prompt="x", image=image, stream=True, partial_images=1)
    assert [event.type async for event in stream] == ["image_edit.partial_image", "image_edit.completed"]


REFUSED = [
    ({"model": "dall-e-3"}, (404, "model_not_found", "model")),
    ({"model": "gpt-image-1"}, (404, "model_not_found", "model")),
    ({"model": "gpt-image-9"}, (404, "model_not_found", "model")),
    ({"prompt": ""}, (400, "invalid_value", "prompt")),
    ({"prompt": "x" * 32_001}, (400, "invalid_value", "prompt")),
    ({"n": 11}, (400, "invalid_value", "n")),
    ({"size": "1000x1000"}, (400, "invalid_value", "size")),
    ({"size": "3840x1264"}, (400, "invalid_value", "size")),
    ({"size": "4096x2160"}, (400, "invalid_value", "size")),
    ({"size": "512x512"}, (400, "invalid_value", "size")),
    ({"size": "1536x864", "model": "gpt-image-1.5"}, (400, "invalid_value", "size")),
    ({"quality": "hd"}, (400, "invalid_value", "quality")),
    ({"quality": "max", "model": "gpt-image-2"}, (400, "invalid_value", "quality")),
    ({"background": "transparent", "output_format": "jpeg"}, (400, "invalid_value", "background")),
    ({"output_compression": 50}, (400, "invalid_value", "output_compression")),
    ({"partial_images": 1}, (400, "invalid_value", "partial_images")),
    ({"response_format": "url"}, (400, "unknown_parameter", "response_format")),
    ({"style": "vivid"}, (400, "unknown_parameter", "style")),
    ({"seed": 1}, (400, "unknown_parameter", "seed")),
]


@pytest.mark.parametrize(("wrong", "said"), REFUSED)
async def test_what_the_vendor_refuses_is_refused_and_costs_nothing(
    client: AsyncOpenAI, upstream: OpenAIUpstream, wrong: dict[str, object], said: tuple[int, str, str]
) -> None:
    body = {"model": MODEL, "prompt": "a fox", **wrong}
    with pytest.raises(openai.APIStatusError) as refusal:
        await client.post("/images/generations", body=body, cast_to=object)
    assert (refusal.value.status_code, refusal.value.code, refusal.value.param) == said
    assert upstream.purchases == 0


async def test_input_fidelity_is_refused_by_models_that_always_have_it(client: AsyncOpenAI) -> None:
    image = ("a.png", sample("png", 64, 64).stamped(1))
    with pytest.raises(openai.BadRequestError) as refusal:
        await client.images.edit(model="gpt-image-2", prompt="x", image=image, input_fidelity="high")
    assert refusal.value.code == "invalid_input_fidelity_model"
    await client.images.edit(model="gpt-image-1.5", prompt="x", image=image, input_fidelity="high")


async def test_files_that_are_no_pictures_and_masks_that_do_not_fit_are_refused(client: AsyncOpenAI) -> None:
    picture = ("a.png", sample("png", 64, 64).stamped(1))
    masks = [sample("png", 64, 64).stamped(2), sample("png", 32, 64, transparent=True).stamped(3)]
    for image, mask in [(("a.png", b"text"), None), *((picture, ("m.png", mask)) for mask in masks)]:
        with pytest.raises(openai.BadRequestError) as refusal:
            await client.images.edit(model=MODEL, prompt="x", image=image, mask=mask or openai.omit)
        assert refusal.value.code == "invalid_image_file"


async def test_a_key_that_is_no_key_is_refused(upstream: OpenAIUpstream) -> None:
    async with upstream.running() as url, AsyncOpenAI(base_url=url, api_key="wrong", max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError):
            await client.images.generate(model=MODEL, prompt="x")


FAULTS = [
    ("refusal", openai.BadRequestError, "moderation_blocked"),
    ("rate_limited:3", openai.RateLimitError, "rate_limit_exceeded"),
    ("out_of_quota", openai.RateLimitError, "insufficient_quota"),
    ("unauthorized", openai.AuthenticationError, "invalid_api_key"),
    ("model_not_found", openai.NotFoundError, "model_not_found"),
    ("server_error:503", openai.InternalServerError, None),
]


@pytest.mark.parametrize(("text", "kind", "code"), FAULTS)
async def test_a_scripted_error_reaches_the_sdk_as_its_typed_error_and_costs_nothing(
    client: AsyncOpenAI, upstream: OpenAIUpstream, text: str, kind: type[openai.APIStatusError], code: str | None
) -> None:
    upstream.script.append(parse_behaviour(text))
    with pytest.raises(kind) as failure:
        await client.images.generate(model=MODEL, prompt="a fox")
    assert failure.value.code == code
    assert upstream.purchases == 0
    await client.images.generate(model=MODEL, prompt="the script is used up")


async def test_a_rate_limit_says_when_to_come_back(client: AsyncOpenAI, upstream: OpenAIUpstream) -> None:
    upstream.default = Behaviour("rate_limited", seconds=2.5)
    with pytest.raises(openai.RateLimitError) as failure:
        await client.images.generate(model=MODEL, prompt="a fox")
    headers = failure.value.response.headers
    assert (headers["retry-after"], headers["x-ratelimit-remaining-requests"]) == ("2.5", "0")


async def test_a_marker_in_the_prompt_chooses_for_one_request(client: AsyncOpenAI, upstream: OpenAIUpstream) -> None:
    with pytest.raises(openai.BadRequestError):
        await client.images.generate(model=MODEL, prompt="a fox [[refusal]]")
    await client.images.generate(model=MODEL, prompt="a fox")
    assert [recorded.behaviour.name for recorded in upstream.requests] == ["refusal", "success"]


async def test_what_only_looks_like_a_marker_chooses_nothing(client: AsyncOpenAI, upstream: OpenAIUpstream) -> None:
    await client.images.generate(model=MODEL, prompt="a [[fox]] beside [[_]]")
    assert upstream.purchases == 1


@pytest.mark.parametrize("name", ["drop_before_accept", "drop_after_accept", "drop_mid_answer"])
async def test_a_dropped_connection_is_an_error_and_only_what_was_accepted_counts(
    client: AsyncOpenAI, upstream: OpenAIUpstream, name: str
) -> None:
    upstream.script.append(Behaviour(name))
    with pytest.raises(openai.APIConnectionError):
        await client.images.generate(model=MODEL, prompt="a fox")
    assert upstream.purchases == (0 if name == "drop_before_accept" else 1)
    assert bool(upstream.requests[0].body) == (name != "drop_before_accept")


async def test_a_hanging_order_is_accepted_and_never_answered(client: AsyncOpenAI, upstream: OpenAIUpstream) -> None:
    upstream.script.append(Behaviour("hang"))
    with pytest.raises(openai.APITimeoutError):
        await client.with_options(timeout=0.2).images.generate(model=MODEL, prompt="a fox")
    assert upstream.purchases == 1


async def test_a_gate_holds_an_accepted_order_until_the_test_opens_it(
    client: AsyncOpenAI, upstream: OpenAIUpstream
) -> None:
    gate = asyncio.Event()
    upstream.script.append(Behaviour("slow", gate=gate))
    ordering = asyncio.create_task(client.images.generate(model=MODEL, prompt="a fox"))
    await eventually(lambda: upstream.purchases == 1)
    assert not ordering.done()
    gate.set()
    assert (await ordering).data


async def test_garbage_is_a_page_of_html(client: AsyncOpenAI, upstream: OpenAIUpstream) -> None:
    upstream.script.append(Behaviour("garbage"))
    answer = await client.images.with_raw_response.generate(model=MODEL, prompt="a fox")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html"
    assert answer.text.startswith("<!DOCTYPE html>")


async def answered(client: AsyncOpenAI, upstream: OpenAIUpstream, name: str) -> list[str | None]:
    upstream.script.append(Behaviour(name))
    answer = await client.images.generate(model=MODEL, prompt="a fox", n=2)
    return [item.b64_json for item in answer.data or []]


@pytest.mark.parametrize("name", ["bad_base64", "not_an_image", "truncated"])
async def test_a_broken_picture_cannot_be_opened(client: AsyncOpenAI, upstream: OpenAIUpstream, name: str) -> None:
    pictures = await answered(client, upstream, name)
    assert len(pictures) == 2
    with pytest.raises((OSError, ValueError, SyntaxError)):
        opened(pictures[0])
    assert upstream.purchases == 1


async def test_wrong_types_bombs_duplicates_and_nothing_at_all(client: AsyncOpenAI, upstream: OpenAIUpstream) -> None:
    assert opened((await answered(client, upstream, "wrong_type"))[0]).format == "JPEG"
    bomb = base64.b64decode((await answered(client, upstream, "bomb"))[0] or "")
    assert bomb[16:24] == (50_000).to_bytes(4, "big") * 2
    doubled = await answered(client, upstream, "duplicate")
    assert len(doubled) == 3
    assert doubled[1] == doubled[2]
    assert await answered(client, upstream, "empty") == []


async def test_the_payload_size_is_kept(upstream: OpenAIUpstream, client: AsyncOpenAI) -> None:
    upstream.payload_bytes = 1_500_000
    answer = await client.images.generate(model=MODEL, prompt="a fox")
    assert answer.data
    assert abs(len(base64.b64decode(answer.data[0].b64_json or "")) - 1_500_000) < 10


@pytest.mark.skipif(not PUBLISHED.exists(), reason="the vendor's document is not part of this repository")
async def test_a_request_outside_the_published_specification_is_a_violation(
    client: AsyncOpenAI, upstream: OpenAIUpstream
) -> None:
    body = {"model": MODEL, "prompt": "a fox", "n": "two"}
    with pytest.raises(openai.BadRequestError):
        await client.post("/images/generations", body=body, cast_to=object)
    assert any("$.n" in violation for violation in upstream.violations)
