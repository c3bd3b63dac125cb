"""Pictures are edited, varied and streamed through the whole platform, by the official SDK."""

import base64
import io
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import openai
import pytest
from PIL import Image

from testkit.platform import MODEL, Account, PlatformUnderTest
from testkit.upstreams.forms import parse_form
from testkit.upstreams.openai import OpenAIUpstream

SIDE = 256


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


BLUE = _png(Image.new("RGB", (SIDE, SIDE), (20, 60, 200)))


def _mask() -> bytes:
    """Transparent, so to be repainted, in its left half."""
    mask = Image.new("RGBA", (SIDE, SIDE), (0, 0, 0, 255))
    mask.paste((0, 0, 0, 0), (0, 0, SIDE // 2, SIDE))
    return _png(mask)


async def test_a_vendor_is_given_the_pictures_and_the_mask_that_were_sent(
    platform: PlatformUnderTest, client: openai.AsyncOpenAI, account: Account, upstream: OpenAIUpstream
) -> None:
    edited = await client.images.edit(
        model=MODEL,
        prompt="a red fox",
        image=[("a.png", BLUE), ("b.png", BLUE)],
        mask=_mask(),
        size="1024x1024",
        quality="low",
        input_fidelity="high",
    )
    assert edited.data is not None
    assert _opened(base64.b64decode(edited.data[0].b64_json or "")).size == (1024, 1024)
    recorded = upstream.requests[-1]
    assert recorded.path == "/v1/images/edits"
    parts = parse_form(recorded.headers["Content-Type"], recorded.body)
    assert [part.name for part in parts if part.filename is not None] == ["image[]", "image[]", "mask"]
    alpha = _opened(next(part.data for part in parts if part.name == "mask")).getchannel("A")
    assert alpha.size == (SIDE, SIDE)
    assert (alpha.getpixel((SIDE // 4, 100)), alpha.getpixel((3 * SIDE // 4, 100))) == (0, 255)
    assert (await platform.settled(account)).posted_micros == 49_994_000


async def test_what_a_mask_keeps_is_kept_by_the_embedded_engine(client: openai.AsyncOpenAI) -> None:
    edited = await client.images.edit(
        model="sketch", prompt="a red apple", image=BLUE, mask=_mask(), size="256x256", response_format="b64_json"
    )
    assert edited.data is not None
    image = _opened(base64.b64decode(edited.data[0].b64_json or "")).convert("RGB")
    assert image.crop((SIDE // 2 + 8, 0, SIDE, SIDE)).getcolors() == [((SIDE // 2 - 8) * SIDE, (20, 60, 200))]
    assert len(image.crop((0, 0, SIDE // 2, SIDE)).getcolors(SIDE * SIDE) or ()) > 10


async def test_a_picture_that_was_drawn_here_is_changed_by_its_id(
    platform: PlatformUnderTest, client: openai.AsyncOpenAI, account: Account
) -> None:
    drawn = await client.images.generate(model="sketch", prompt="A kite", size="256x256", response_format="url")
    assert drawn.data is not None
    image_id = urlsplit(drawn.data[0].url or "").path.rpartition("/")[2].partition(".")[0]
    body = {"model": "sketch", "prompt": "a red kite", "images": [{"file_id": image_id}], "size": "256x256"}
    answer = await platform.ask("POST", "/v1/images/edits", api_key=account.api_key, json=body)
    assert (answer.status, len(answer.json["data"])) == (200, 1)
    other = await platform.account()
    answer = await platform.ask("POST", "/v1/images/edits", api_key=other.api_key, json=body)
    assert (answer.status, answer.error["param"]) == (400, "images[0].file_id")


async def test_variations_differ_and_are_links(platform: PlatformUnderTest, client: openai.AsyncOpenAI) -> None:
    with pytest.deprecated_call():
        varied = await client.images.create_variation(model="sketch", image=BLUE, n=2, size="256x256")
    assert varied.data is not None
    files = [(await platform.ask("GET", image.url or "")).body for image in varied.data]
    assert [_opened(data).size for data in files] == [(256, 256)] * 2
    assert files[0] != files[1]


async def _all(stream: AsyncIterator[Any]) -> list[Any]:
    return [event async for event in stream]


async def test_a_vendors_unfinished_pictures_are_streamed_and_only_the_finished_one_is_charged(
    platform: PlatformUnderTest, client: openai.AsyncOpenAI, account: Account, upstream: OpenAIUpstream
) -> None:
    stream = await client.images.generate(
        model=MODEL, prompt="a river", size="1024x1024", quality="low", stream=True, partial_images=2
    )
    events = await _all(stream)
    assert [event.type for event in events] == ["image_generation.partial_image"] * 2 + ["image_generation.completed"]
    assert [event.partial_image_index for event in events[:2]] == [0, 1]
    pictures = [base64.b64decode(event.b64_json) for event in events]
    assert [_opened(data).size for data in pictures] == [(1024, 1024)] * 3
    assert len(set(pictures)) == 3
    last = events[-1]
    assert (last.size, last.quality, last.background, last.output_format) == ("1024x1024", "low", "opaque", "png")
    assert last.usage.total_tokens > 0
    assert upstream.purchases == 1
    assert (await platform.settled(account)).posted_micros == 49_994_000


async def test_an_edit_is_streamed_by_the_embedded_engine(client: openai.AsyncOpenAI) -> None:
    stream = await client.images.edit(
        model="sketch", prompt="a red apple", image=BLUE, size="512x512", stream=True, partial_images=1
    )
    partial, completed = await _all(stream)
    assert (partial.type, completed.type) == ("image_edit.partial_image", "image_edit.completed")
    sizes = [_opened(base64.b64decode(event.b64_json)).size for event in (partial, completed)]
    assert sizes == [(128, 128), (512, 512)]
    assert completed.usage.total_tokens == 0


@pytest.mark.parametrize("behaviour", ["refusal", "server_error"])
async def test_a_stream_that_fails_before_its_first_event_is_the_usual_error(
    platform: PlatformUnderTest,
    client: openai.AsyncOpenAI,
    account: Account,
    upstream: OpenAIUpstream,
    behaviour: str,
) -> None:
    with pytest.raises(openai.APIStatusError) as raised:
        await client.images.generate(
            model=MODEL, prompt=f"[[{behaviour}]] a river", size="1024x1024", stream=True, partial_images=1
        )
    assert raised.value.status_code == (400 if behaviour == "refusal" else 502)
    assert (await platform.settled(account)).posted_micros == 50_000_000


async def test_a_stream_that_fails_later_ends_with_an_error_and_costs_nothing(
    platform: PlatformUnderTest, client: openai.AsyncOpenAI, account: Account, upstream: OpenAIUpstream
) -> None:
    stream = await client.images.generate(
        model=MODEL, prompt="[[output_refusal]] a river", size="1024x1024", stream=True, partial_images=1
    )
    assert (await anext(stream)).type == "image_generation.partial_image"
    with pytest.raises(openai.APIError) as raised:
        await anext(stream)
    assert raised.value.code == "moderation_blocked"
    assert (await platform.settled(account)).posted_micros == 50_000_000
