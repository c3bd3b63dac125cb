"""The OpenRouter provider before a scripted vendor: both of its APIs, what models are asked for, and what it charges."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pybase64
import pytest

from generator.providers.base import Bought, Drawn
from generator.providers.complaints import DENIED, FAILED, REFUSED
from generator.providers.openrouter import PROVIDER, OpenRouterProvider
from generator.providers.openrouter_errors import RouterError, complaint_of, read_complaint
from gesso.errors.v1 import reason_pb2 as reason
from gesso.generator.v1 import generator_pb2 as pb
from pictures.inspection import inspect
from testkit.sample_pictures import sample
from testkit.upstreams.openrouter import OpenRouterUpstream

from .conformance import PAID_AND_FAILED, Conformance, Vendor, drawn_by, fault_of
from .conftest import CountedMemory, OrderMaker

PICTURE = sample("png", 64, 32).stamped(1)
CHAT = {"api": "chat"}
_VENDOR = Vendor(
    factory=PROVIDER,
    upstream=OpenRouterUpstream,
    variables=("OPENROUTER_API_KEY", "OPENROUTER_BASE_URL"),
    upstream_model="openai/gpt-image-2.5-sunburst",
    key="sk-or-platform-0123456789",
    own_key="sk-or-own-0123456789",
    most=10,
    ignored={"negative_prompt": "blur", "style": "vivid", "seed": 7, "steps": 20, "guidance": 3.0},
    verdicts={"bad_base64": PAID_AND_FAILED},
    without=frozenset({"output_refusal"}),
)


class TestConformanceOfImages(Conformance):
    vendor = _VENDOR


class TestConformanceOfChat(Conformance):
    vendor = replace(
        _VENDOR,
        upstream_model="google/gemini-2.5-flash-image",
        most=1,
        options=CHAT,
        ignored={"negative_prompt": "blur", "seed": 7, "quality": "high"},
        without=frozenset(),
    )


@pytest.fixture
def vendor() -> OpenRouterUpstream:
    """The vendor, scripted."""
    return OpenRouterUpstream()


@pytest.fixture
async def openrouter(vendor: OpenRouterUpstream) -> AsyncIterator[OpenRouterProvider]:
    """The provider before it."""
    async with vendor.running() as url:
        provider = OpenRouterProvider({"OPENROUTER_API_KEY": "sk-or-12345678", "OPENROUTER_BASE_URL": url})
        yield provider
        await provider.close()


def asked(vendor: OpenRouterUpstream) -> dict[str, Any]:
    """The body of the last order."""
    return dict(json.loads(vendor.requests[-1].body))


async def test_a_model_of_images_is_asked_for_several_pictures_and_tells_what_they_cost(
    openrouter: OpenRouterProvider, vendor: OpenRouterUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(
        upstream_model="openai/gpt-image-2.5-sunburst",
        count=2,
        width=1600,
        height=900,
        quality="high",
        output_format="webp",
        output_quality=70,
        background="transparent",
        options={"safety_identifier": "u_9f2c"},
    )
    drawn = await drawn_by(openrouter, wanted, memory)
    assert vendor.requests[-1].path == "/api/v1/images"
    assert asked(vendor) == {
        "model": "openai/gpt-image-2.5-sunburst",
        "prompt": "a red fox",
        "n": 2,
        "size": "1600x912",
        "quality": "high",
        "output_format": "webp",
        "output_compression": 70,
        "background": "transparent",
        "user": "u_9f2c",
    }
    assert [inspect(picture.data).format for picture in drawn.pictures] == ["webp", "webp"]
    assert [picture.said_format for picture in drawn.pictures] == ["webp", "webp"]
    assert (drawn.cost_micros, drawn.warnings) == (67_200, [])
    assert json.loads(drawn.usage_json)["completion_tokens"] == 2580


async def test_a_model_of_the_chat_shows_its_picture_in_a_message(
    openrouter: OpenRouterProvider, vendor: OpenRouterUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(
        upstream_model="google/gemini-3-pro-image", aspect_ratio="16:9", resolution="2K", inputs=[PICTURE], options=CHAT
    )
    drawn = await drawn_by(openrouter, wanted, memory)
    (message,) = asked(vendor).pop("messages")
    text, picture = message["content"]
    assert text == {"type": "text", "text": "a red fox"}
    assert pybase64.b64decode(picture["image_url"]["url"].partition(",")[2]) == PICTURE
    assert {name: value for name, value in asked(vendor).items() if name != "messages"} == {
        "model": "google/gemini-3-pro-image",
        "modalities": ["image", "text"],
        "usage": {"include": True},
        "image_config": {"aspect_ratio": "16:9", "image_size": "2K"},
    }
    assert (drawn.upstream_model, drawn.cost_micros) == ("google/gemini-3-pro-image", 33_600)
    assert inspect(drawn.pictures[0].data).width == 2736
    assert not vendor.violations


async def test_a_model_that_draws_without_a_word_is_asked_for_images_alone(
    openrouter: OpenRouterProvider, vendor: OpenRouterUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(upstream_model="black-forest-labs/flux-3-image", options={**CHAT, "modalities": "image"})
    await drawn_by(openrouter, wanted, memory)
    assert asked(vendor)["modalities"] == ["image"]


@pytest.mark.parametrize(
    ("model", "draw", "expected"),
    [
        ("google/gemini-3-pro-image", {"width": 3000, "height": 2000}, {"aspect_ratio": "3:2", "resolution": "4K"}),
        ("google/gemini-2.5-flash-image", {"aspect_ratio": "9:16"}, {"aspect_ratio": "9:16"}),
        ("bytedance-seed/seedream-5-0-pro", {"width": 2048, "height": 2048}, {"size": "2048x2048"}),
        ("black-forest-labs/flux-3-image", {"seed": 7}, {"seed": 7}),
        ("recraft/recraft-v4.1-pro", {"width": 1024, "height": 768}, {"aspect_ratio": "4:3"}),
    ],
)
async def test_a_draw_becomes_the_words_of_its_model(
    openrouter: OpenRouterProvider,
    vendor: OpenRouterUpstream,
    order: OrderMaker,
    memory: CountedMemory,
    model: str,
    draw: dict[str, Any],
    expected: dict[str, Any],
) -> None:
    drawn = await drawn_by(openrouter, order(upstream_model=model, **draw), memory)
    assert asked(vendor) == {"model": model, "prompt": "a red fox", **expected}
    assert not drawn.warnings
    assert not vendor.violations


async def test_an_edit_sends_its_pictures_as_references(
    openrouter: OpenRouterProvider, vendor: OpenRouterUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(
        upstream_model="google/gemini-3-pro-image", operation=pb.OPERATION_INPAINT, inputs=[PICTURE], mask=PICTURE
    )
    drawn = await drawn_by(openrouter, wanted, memory)
    (reference,) = asked(vendor)["input_references"]
    assert pybase64.b64decode(reference["image_url"]["url"].partition(",")[2]) == PICTURE
    assert drawn.warnings == ["openrouter ignores mask."]


async def test_a_route_names_the_inputs_of_a_model_that_the_table_does_not_know(
    openrouter: OpenRouterProvider, vendor: OpenRouterUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(upstream_model="new/model", seed=7, options={"inputs": "prompt* seed resolution=1K,2K"})
    await drawn_by(openrouter, wanted, memory)
    assert asked(vendor) == {"model": "new/model", "prompt": "a red fox", "seed": 7}


async def test_a_picture_that_the_model_withholds_is_a_refusal_and_was_paid(
    openrouter: OpenRouterProvider, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(upstream_model="google/gemini-3-pro-image", prompt="a fox [[output_refusal]]", options=CHAT)
    fault = await fault_of(openrouter, wanted, memory)
    assert (fault.reason, fault.bought) == (reason.REASON_UPSTREAM_REFUSED, Bought.YES)


async def test_a_large_reply_is_reserved_before_it_is_read(
    openrouter: OpenRouterProvider, vendor: OpenRouterUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    vendor.payload_bytes = 3_000_000
    drawn = await openrouter.submit(order(upstream_model="google/gemini-3-pro-image", options=CHAT), memory)
    assert isinstance(drawn, Drawn)
    assert len(drawn.pictures[0].data) >= 3_000_000
    assert sum(memory.reserved) >= 3_000_000


def test_an_error_is_classified_by_its_code_wherever_it_stands() -> None:
    assert complaint_of(RouterError(502, "Provider returned error")).reason == FAILED
    assert complaint_of(RouterError(402)).bought is Bought.NO
    moderated = b'{"error":{"code":403,"message":"flagged","metadata":{"reasons":["violence"]}}}'
    assert read_complaint(403, moderated).reason == REFUSED
    assert read_complaint(403, b'{"error":{"code":403,"message":"Key is limited"}}').reason == DENIED
    assert read_complaint(502, b"<html>").reason is None
